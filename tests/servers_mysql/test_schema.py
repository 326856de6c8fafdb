"""tidewire stream of a binlog without names: the schema comes from the server, and is never that of another time."""

import json

import pytest
from harness.columns import columns_for
from harness.stream import Running, Streamed, stream, url
from mysql import Mysql
from postgres import wait_for
from test_types import SESSION, insert_all, nullable

BARE = "SET GLOBAL binlog_row_metadata=%s"


@pytest.fixture
def bare(server, database):
    """A server that logs as little as it does by default, and an account that may read."""
    server.sql("CREATE USER IF NOT EXISTS 'tw'@'127.0.0.1' IDENTIFIED BY 'pass word'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1'")
    server.sql(BARE % ("NO_LOG" if server.mariadb else "MINIMAL"))
    yield url(server, "tw", "pass%20word")
    server.sql(BARE % "FULL")


def lines_of(out) -> list[dict]:
    return [json.loads(line, parse_float=str) for line in out.read_bytes().splitlines()]


def rows(lines, table=None) -> list[dict]:
    return [each["after"] for each in lines if each["op"] == "insert" and table in (None, each["table"])]


def names(lines, table) -> list[list[str]]:
    """The columns of a table, each time that it is described."""
    return [[each["name"] for each in line["columns"]] for line in lines if line["op"] == "schema" and line["table"] == table]


class File:
    """A stream into a file."""

    def __init__(self, account, folder):
        self.folder, self.out = folder, folder / "out"
        self.arguments = [account, "--to", f"file:{self.out}", "--sync-interval", "0s"]

    def until_now(self) -> Streamed:
        return stream(*self.arguments, "--until", "now")

    def running(self) -> Running:
        return Running(self.folder, *self.arguments).started()

    @property
    def lines(self):
        return lines_of(self.out)

    @property
    def schema(self):
        return self.out.with_name("out.position.schema")


@pytest.fixture
def file(bare, tmp_path):
    return File(bare, tmp_path)


def test_every_type_as_with_full_metadata(server, database, bare, tmp_path):
    columns = columns_for(server.name)
    ddl = "".join(f"CREATE TABLE t{n} (id INT PRIMARY KEY AUTO_INCREMENT, c {column.type}{'' if 'NULL' in column.type else ' NULL'});"
                  for n, column in enumerate(columns))
    ddl += ("CREATE TABLE u (a INT NOT NULL UNIQUE, b INT NOT NULL UNIQUE, e ENUM('it''s','a\\\\b','c\\nd') CHARACTER SET latin1);"
            "CREATE TABLE v (a INT NOT NULL, b INT UNSIGNED NOT NULL, c INT, UNIQUE (a,b));"
            "CREATE TABLE w (s CHAR(5), p INT, k VARCHAR(20), PRIMARY KEY (k(3), p));")
    numbers = ("CREATE TABLE numbers (n INT PRIMARY KEY); INSERT INTO numbers WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL "
               "SELECT n + 1 FROM r WHERE n < 900) SELECT n FROM r;")
    server.sql(SESSION + ddl + numbers, database)
    script = insert_all(columns) + ("INSERT INTO u VALUES (1,2,'it''s'),(2,3,'a\\\\b'),(3,4,'c\\nd'); INSERT INTO v VALUES (1,4000000000,3);"
                                    "INSERT INTO w VALUES ('a',1,'abcd');")
    again = "".join(f"TRUNCATE TABLE t{n};" for n in range(len(columns))) + "DELETE FROM u; DELETE FROM v; DELETE FROM w;"
    seen = []
    for mode in ("FULL", "NO_LOG" if server.mariadb else "MINIMAL"):
        server.sql(BARE % mode)
        out = tmp_path / mode
        running = Running(tmp_path, bare, "--to", f"file:{out}").started()
        server.sql(SESSION + script, database)
        wait_for(lambda: b'"k":"abcd"' in out.read_bytes(), 60, "the last row")
        assert running.stop().code == 0
        seen.append([each for each in lines_of(out) if each["op"] in ("schema", "insert")])
        server.sql(again, database)
    full, less = seen
    assert len(full) == len(less) > 900
    better = {f"t{n}" for n, column in enumerate(columns) if column.type in ("UUID", "INET4", "INET6")}
    # Labels in a character set that is not converted come from the server in UTF-8.
    for one, two in zip(full, less):
        assert one["table"] == two["table"]
        if one["table"] in better:
            continue  # FULL does not tell these from BINARY
        if one["op"] == "schema":
            assert one["columns"] == two["columns"], one["table"]
        else:
            assert one["after"] == two["after"], one["table"]
    if any(column.type == "UUID" for column in columns):
        assert any(each["op"] == "insert" and each["after"].get("c") == "123e4567-e89b-12d3-a456-426655440000" for each in less)


CHANGES = """CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20)); INSERT INTO t VALUES (1001, 1, 'x');
|ALTER TABLE t ADD c INT UNSIGNED DEFAULT 7; INSERT INTO t VALUES (1002, 2, 'x', 4000000000);
|ALTER TABLE t DROP COLUMN a; INSERT INTO t VALUES (1003, 'x', 1);
|ALTER TABLE t CHANGE b bb VARCHAR(20); INSERT INTO t VALUES (1004, 'x', 1);
|DELETE FROM t; ALTER TABLE t MODIFY bb BIGINT UNSIGNED; INSERT INTO t VALUES (1005, 18446744073709551615, 1);
|ALTER TABLE t RENAME TO r; INSERT INTO r VALUES (1006, 5, 1);
|RENAME TABLE r TO t; INSERT INTO t VALUES (1007, 5, 1);
|DROP TABLE t; CREATE TABLE t (k INT PRIMARY KEY, v INT, w INT UNSIGNED); INSERT INTO t VALUES (1008, 1, 3000000000);
|CREATE TABLE s (PRIMARY KEY (k)) SELECT k, v AS other FROM t; INSERT INTO s VALUES (1009, 2);
|CREATE TABLE n (k INT PRIMARY KEY, x INT, y INT); INSERT INTO n VALUES (1010, 1, 2);
|RENAME TABLE n TO nn, t TO n, nn TO t; INSERT INTO t VALUES (1011, 1, 2); INSERT INTO n VALUES (1012, 1, 2);
|DROP DATABASE d; CREATE DATABASE d; USE d; CREATE TABLE t (z INT PRIMARY KEY, u INT); INSERT INTO t VALUES (1013, 1)""".split("|")
EXPECTED = [{"id": 1001, "a": 1, "b": "x"}, {"id": 1002, "a": 2, "b": "x", "c": 4000000000}, {"id": 1003, "b": "x", "c": 1},
            {"id": 1004, "bb": "x", "c": 1}, {"id": 1005, "bb": 18446744073709551615, "c": 1}, {"id": 1006, "bb": 5, "c": 1},
            {"id": 1007, "bb": 5, "c": 1}, {"k": 1008, "v": 1, "w": 3000000000}, {"k": 1008, "other": 1}, {"k": 1009, "other": 2},
            {"k": 1010, "x": 1, "y": 2}, {"k": 1011, "x": 1, "y": 2}, {"k": 1012, "v": 1, "w": 2}, {"z": 1013, "u": 1}]


def test_tables_that_change_while_they_are_read(server, database, bare, tmp_path):
    running = Running(tmp_path, bare).started()
    for step in CHANGES:
        last = step.rsplit("(", 1)[1].split(",")[0]
        server.sql(step, database)
        running.wait_for(f":{last},", running.out)
    result = running.stop()
    assert result.code == 0, result.stderr
    assert rows(result.lines) == EXPECTED
    result.transactions()
    assert names(result.lines, "s") == [["k", "other"]]


@pytest.mark.parametrize("die", ["before", "after"])
def test_killed_around_each_change(server, database, file, die):
    """Each time it must go on with the schema of its place."""
    file.until_now().good()
    for step in CHANGES:
        change, row = step.rsplit("; INSERT", 1)
        last = step.rsplit("(", 1)[1].split(",")[0]
        running = file.running()
        if die == "before":
            running.kill9()
            server.sql(step, database)
        else:
            server.sql(change, database)
            running.kill9()
            server.sql(f"INSERT{row}", database if not change.startswith("DROP DATABASE") else "d")
        file.until_now().good()
        assert f":{last}," in file.out.read_text()
    assert rows(file.lines) == EXPECTED


def test_rows_from_before_a_change_while_it_was_down(server, database, file):
    """What was known when it ended is good for the rows that were written before the change."""
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT); CREATE TABLE other (id INT PRIMARY KEY)", database)
    file.until_now().good()
    server.sql("INSERT INTO t VALUES (1, 2, 3); ALTER TABLE t RENAME COLUMN a TO c, RENAME COLUMN b TO a; INSERT INTO t VALUES (4, 5, 6)",
               database)
    file.until_now().good()
    assert rows(file.lines) == [{"id": 1, "a": 2, "b": 3}, {"id": 4, "c": 5, "a": 6}]


def test_what_can_not_be_known_is_refused(server, database, file, tmp_path):
    """Two changes while it was down: how the table was between them nobody can tell any more."""
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)", database)
    file.until_now().good()
    server.sql("INSERT INTO t VALUES (1, 2, 3); ALTER TABLE t RENAME COLUMN a TO c; INSERT INTO t VALUES (4, 5, 6);"
               "ALTER TABLE t RENAME COLUMN c TO d; INSERT INTO t VALUES (7, 8, 9)", database)
    refused = file.until_now()
    assert refused.code == 3 and "TW-MY-SCHEMA-UNKNOWN" in refused.stderr, refused.stderr
    assert rows(file.lines) == [{"id": 1, "a": 2, "b": 3}]
    assert file.until_now().code == 3
    # A person who knows it can say it.
    schema = tmp_path / "schema"
    schema.write_text("".join(f"d\tt\t{name}\tint\t\t{key}\n" for name, key in (("id", "PRI"), ("c", ""), ("b", ""))))
    stream(*file.arguments, "--schema", schema, "--until", "1tx").good()
    assert rows(file.lines)[-1] == {"id": 4, "c": 5, "b": 6}
    assert not file.schema.exists()
    file.until_now().good()
    assert rows(file.lines)[-1] == {"id": 7, "d": 8, "b": 9}


def test_a_change_that_was_not_logged_is_refused(server, database, file):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, a INT)", database)
    file.until_now().good()
    server.sql("SET sql_log_bin=0; ALTER TABLE t ADD b BIGINT; SET sql_log_bin=1; INSERT INTO t VALUES (1, 2, 3)", database)
    refused = file.until_now()
    assert refused.code == 3 and "TW-MY-SCHEMA:" in refused.stderr, refused.stderr
    assert "id int" in refused.stderr and "3 columns (int, int, bigint)" in refused.stderr.replace(" unsigned", "")


def test_tables_that_the_account_may_not_see(server, database, file):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY)", database)
    server.sql("DROP USER IF EXISTS low@'127.0.0.1'; CREATE USER low@'127.0.0.1' IDENTIFIED BY 'p'")
    server.sql("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO low@'127.0.0.1'" if not server.mariadb else
               "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO low@'127.0.0.1'")
    file.arguments[0] = url(server, "low", "p")
    file.until_now().good()
    server.sql("INSERT INTO t VALUES (1)", database)
    refused = file.until_now()
    assert refused.code == 3 and "TW-MY-SCHEMA-UNKNOWN" in refused.stderr and "GRANT SELECT" in refused.stderr, refused.stderr
    server.sql("GRANT SELECT ON d.* TO low@'127.0.0.1'")
    file.until_now().good()
    assert rows(file.lines) == [{"id": 1}]


def test_a_damaged_schema_file_is_refused(server, database, file):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, a INT)", database)
    file.until_now().good()
    whole = file.schema.read_bytes()
    assert b"column\tid\tint" in whole
    for damaged in (whole[:-5], whole.replace(b"\tid\t", b"\tie\t"), b"", whole + b"x"):
        file.schema.write_bytes(damaged)
        refused = file.until_now()
        assert refused.code == 3 and "TW-MY-SCHEMA-STORED" in refused.stderr, refused.stderr
    file.schema.write_bytes(whole)
    file.until_now().good()


def test_without_gtids(server, scratch, tmp_path):
    if server.mariadb:
        pytest.skip("MariaDB always has GTIDs")
    own = Mysql(scratch / f"{server.name}-schema-files", server.name).start(
        gtid_mode="OFF", enforce_gtid_consistency="OFF", binlog_row_metadata="MINIMAL")
    try:
        own.sql("CREATE USER 'tw'@'127.0.0.1' IDENTIFIED BY 'p'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1'; CREATE DATABASE d")
        file = File(url(own, "tw", "p"), tmp_path)
        file.until_now().good()
        for number, step in enumerate(CHANGES):
            own.sql(step + "; FLUSH BINARY LOGS" if number % 3 else step, "d")
            file.until_now().good()
        assert rows(file.lines) == EXPECTED
        own.sql("INSERT INTO t VALUES (2, 3); ALTER TABLE t RENAME COLUMN u TO uu; INSERT INTO t VALUES (3, 4)", "d")
        file.until_now().good()
        assert rows(file.lines)[-2:] == [{"z": 2, "u": 3}, {"z": 3, "uu": 4}]
        own.sql("INSERT INTO t VALUES (4, 3); ALTER TABLE t RENAME COLUMN uu TO u; INSERT INTO t VALUES (5, 4);"
                "ALTER TABLE t RENAME COLUMN u TO x", "d")
        refused = file.until_now()
        assert refused.code == 3 and "TW-MY-SCHEMA-UNKNOWN" in refused.stderr, refused.stderr
        assert rows(file.lines)[-1] == {"z": 4, "uu": 3}
    finally:
        own.stop()


def test_changes_under_load(server, database, file):
    """Killed again and again while rows and changes of their table are written."""
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, a0 INT); CREATE TABLE o (id INT PRIMARY KEY, x INT)", database)
    file.until_now().good()
    expected = []
    for n in range(1, 16):
        running = file.running()
        # One change between two readings at most: else it can't be known.
        server.sql(f"INSERT INTO t VALUES ({10 * n}, 1); INSERT INTO o VALUES ({n}, 1);"
                   f"ALTER TABLE t RENAME COLUMN a{n - 1} TO a{n}; INSERT INTO t VALUES ({10 * n + 1}, 1)", database)
        if n % 3 == 0:
            running.kill9()
        else:
            running.wait_for(f'"id":{10 * n + 1},', file.out)
            running.kill9() if n % 3 == 1 else running.stop()
        file.until_now().good()
        expected += [{"id": 10 * n, f"a{n - 1}": 1}, {"id": 10 * n + 1, f"a{n}": 1}]
    assert rows(file.lines, "t") == expected
