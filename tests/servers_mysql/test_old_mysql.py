"""Binlog files of MySQL 5.6, which is below what is streamed from: decoded offline they give what SELECT says. They have no
metadata, so the columns come from a schema."""

import pytest
from harness.replay import Decoded
from mysql import Mysql, MysqlError, fetch
from test_decode import SESSION, TABLE, Log, compare, workload

NAME = "mysql-5.6"
TEXTLESS = TABLE.replace(", j JSON", "")


@pytest.fixture(scope="module")
def old(scratch):
    try:
        fetch(NAME)
    except MysqlError as error:
        pytest.skip(f"{NAME} can't be had here: {error}")
    running = Mysql(scratch / NAME, NAME).start()
    yield running
    running.stop()


@pytest.fixture
def old_database(old):
    old.sql("DROP DATABASE IF EXISTS d; CREATE DATABASE d CHARACTER SET utf8mb4")
    return "d"


def schema_file(old, folder, database):
    file = folder / "schema"
    file.write_text("\n".join("\t".join(row) for row in old.rows(
        "SELECT table_schema, table_name, column_name, column_type, COALESCE(character_set_name,''), column_key "
        f"FROM information_schema.columns WHERE table_schema='{database}' ORDER BY table_name, ordinal_position")) + "\n")
    return file


@pytest.mark.parametrize("checksum", ["CRC32", "NONE"])
@pytest.mark.parametrize("image", ["FULL", "MINIMAL", "NOBLOB"])
def test_tables_come_out_as_they_are(old, old_database, tmp_path, image, checksum):
    old.sql(f"SET GLOBAL binlog_checksum={checksum}")
    log = Log(old)
    old.sql(f"SET NAMES utf8mb4; {SESSION} SET SESSION binlog_row_image={image}; {TEXTLESS} FLUSH BINARY LOGS; "
            f"{workload(len(image), json=False)}", old_database)
    files = log.files()
    assert len(files) == 2
    decoded = Decoded("--schema", schema_file(old, tmp_path, old_database), *files).good()
    assert "TW-MY-METADATA" not in decoded.stderr
    assert compare(old, old_database, decoded, json=False) > 20


def test_without_a_schema_columns_have_numbers(old, old_database):
    log = Log(old)
    old.sql(f"SET NAMES utf8mb4; {SESSION} {TEXTLESS} {workload(5, json=False)}", old_database)
    decoded = Decoded(*log.files()).good()
    assert "TW-MY-METADATA" in decoded.stderr
    assert {tuple(each["after"]) for each in decoded.ops("insert")} == {tuple(f"@{n}" for n in range(1, 14))}


def test_statements_are_refused_by_name(old, old_database):
    log = Log(old)
    old.sql("SET SESSION binlog_format=STATEMENT; CREATE TABLE s (id INT PRIMARY KEY); INSERT INTO s VALUES (1)", old_database)
    refused = Decoded(*log.files())
    assert refused.code == 3 and "TW-MY-STATEMENT" in refused.stderr
