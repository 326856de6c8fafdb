"""tidewire decode: applied to empty tables, a server's binlog files give what SELECT says."""

import gzip
import random
from json import loads

import pytest
from harness.replay import Decoded, Tables

SESSION = "SET sql_mode='', time_zone='+00:00';"
TABLE = """CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n BIGINT UNSIGNED, m MEDIUMINT, d DECIMAL(30,10), f FLOAT,
  s VARCHAR(100), l VARCHAR(50) CHARACTER SET latin1, b VARBINARY(40), e ENUM('a','ä','c'), w DATETIME(6), z TIME(2),
  x TEXT, y YEAR, j JSON);"""
TRUTH = """SELECT id, n, m, d, f + 0E0, s, CONVERT(l USING utf8mb4), HEX(b), e, w, z, x, y, j FROM {table} ORDER BY id"""
COLUMNS = ["id", "n", "m", "d", "f", "s", "l", "b", "e", "w", "z", "x", "y", "j"]


class Log:
    """The binlog files that a server writes from now on: the first one begins here."""

    def __init__(self, server):
        self.server = server
        server.sql("FLUSH BINARY LOGS")
        self.first = server.binlog()[0]

    def files(self) -> list:
        self.server.sql("FLUSH BINARY LOGS")
        last = self.server.binlog()[0]
        names = sorted(each for each in self.first.parent.glob("binlog.*") if each.suffix[1:].isdigit() and self.first <= each < last)
        assert names
        return names


def random_row(source: random.Random, json: bool) -> str:
    null = source.random() < 0.1
    text = "".join(source.choice("abc äöü€😀\\'\"\n\t\0") for _ in range(source.randrange(20)))
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"
    values = [str(source.getrandbits(64)), str(source.randrange(-2**23, 2**23)),
              f"{source.randrange(-10**18, 10**18)}.{source.randrange(10**10):010d}", repr(source.uniform(-1e6, 1e6)),
              quoted, "'äß€abc'", f"X'{source.randbytes(source.randrange(40)).hex()}'", source.choice(["'a'", "'ä'", "'c'"]),
              f"'20{source.randrange(10, 38)}-0{source.randrange(1, 10)}-1{source.randrange(10)} 01:02:03.{source.randrange(10**6):06d}'",
              f"'{source.choice(['', '-'])}{source.randrange(839)}:59:58.{source.randrange(100):02d}'",
              f"REPEAT({quoted},{source.randrange(50)})", str(source.choice([0, 1901, 2155])),
              f"""'{{"a": [1, 2.5, null, "{'x' * source.randrange(30)}"], "k": {source.randrange(10**9)}}}'"""]
    return ",".join("NULL" if null and source.random() < 0.5 else each for each in (values if json else values[:-1]))


def workload(seed: int, rows: int = 30, json: bool = True) -> str:
    source = random.Random(seed)
    script = ""
    names = ",".join(COLUMNS[1:] if json else COLUMNS[1:-1])
    for _ in range(rows):
        script += "BEGIN;"
        for _ in range(source.randrange(1, 4)):
            script += f"INSERT INTO t ({names}) VALUES ({random_row(source, json)}),({random_row(source, json)});"
        script += f"UPDATE t SET n = {source.getrandbits(60)}, s = CONCAT(COALESCE(LEFT(s, 50), ''), '+') WHERE id % 5 = {source.randrange(5)};"
        if source.random() < 0.3:
            script += f"DELETE FROM t WHERE id % 11 = {source.randrange(11)};"
        if source.random() < 0.3:
            script += "SAVEPOINT a; DELETE FROM t; ROLLBACK TO a;"
        script += "ROLLBACK;" if source.random() < 0.2 else "COMMIT;"
    return script


def compare(server, database, decoded, table="t", json=True):
    tables = Tables()
    for transaction in decoded.transactions():
        tables.apply(transaction)
    rows = tables.rows.get(table, {})
    truth = server.rows(SESSION + (TRUTH if json else TRUTH.replace(", j FROM", " FROM")).format(table=table), database)
    assert len(rows) == len(truth) > 0
    for row in truth:
        ours = rows[int(row[0])]
        for name, theirs in zip(COLUMNS, row):
            value = ours[name]
            where = f"{table}.{name} of {row[0]}: {value!r} is not {theirs!r}"
            if value is None:
                assert theirs == "NULL", where
            elif name == "b":
                assert value == {"binary": theirs.lower()}, where
            elif name == "f":
                assert abs(float(value) - float(theirs)) <= abs(float(theirs)) * 1e-6, where
            elif name == "j":
                text = value if isinstance(value, str) else None  # MariaDB's JSON is text
                assert (loads(text, parse_float=str) if text else value) == loads(theirs, parse_float=str), where
            else:
                assert str(value) == theirs, where
    return len(rows)


def modes(server):
    if server.mariadb:
        modes = ["", "SET GLOBAL log_bin_compress=1, log_bin_compress_min_len=10;"]
    else:
        modes = ["", "SET SESSION binlog_transaction_compression=ON;", "SET SESSION binlog_row_value_options=PARTIAL_JSON;"]
    return modes


@pytest.mark.parametrize("image", ["FULL", "MINIMAL", "NOBLOB", "FULL_NODUP"])
@pytest.mark.parametrize("mode", [0, 1, 2], ids=["plain", "compressed", "partial-json"])
def test_tables_come_out_as_they_are(server, database, mode, image, tmp_path):
    if mode >= len(modes(server)) or (image == "FULL_NODUP" and server.name != "mariadb-11.8"):
        pytest.skip(f"{server.name} can't do that")
    server.sql("SET GLOBAL binlog_row_metadata=FULL")
    log = Log(server)
    extra = "UPDATE t SET j = JSON_SET(j, '$.k', 7, '$.new', 'v') WHERE id % 2 = 0;"
    partial = mode == 2
    script = workload(mode * 10 + len(image)) + (extra if not (partial and image == "MINIMAL") else "")
    try:
        server.sql(f"SET NAMES utf8mb4; {SESSION} {modes(server)[mode]} SET SESSION binlog_row_image={image}; {TABLE} "
                   f"FLUSH BINARY LOGS; {script}", database)
    finally:
        if server.mariadb:
            server.sql("SET GLOBAL log_bin_compress=0")
    files = log.files()
    assert len(files) == 2
    decoded = Decoded(*files).good()
    assert compare(server, database, decoded) > 20
    if mode == 1:
        listed = Decoded("--list", *files).good().raw
        assert b"Transaction_payload" in listed or b"_compressed" in listed
    # The same out of a zipped file, into a file.
    zipped = []
    for file in files:
        zipped.append(tmp_path / f"{file.name}.gz")
        zipped[-1].write_bytes(gzip.compress(file.read_bytes(), 1))
    Decoded(*zipped, "--to", f"file:{tmp_path}/out").good()
    assert (tmp_path / "out").read_bytes() == decoded.raw


def test_a_schema_makes_up_for_missing_metadata(server, database, tmp_path):
    log = Log(server)
    server.sql(f"SET GLOBAL binlog_row_metadata={'NO_LOG' if server.mariadb else 'MINIMAL'}")
    try:
        server.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE} {workload(77)}", database)
    finally:
        server.sql("SET GLOBAL binlog_row_metadata=FULL")
    files = log.files()
    bare = Decoded(*files).good()
    assert "TW-MY-METADATA" in bare.stderr
    assert all(each["after"]["@1"] > 0 for each in bare.ops("insert"))
    schema = tmp_path / "schema"
    schema.write_text("\n".join("\t".join(row) for row in server.rows(
        "SELECT table_schema, table_name, column_name, column_type, COALESCE(character_set_name,''), column_key "
        f"FROM information_schema.columns WHERE table_schema='{database}' ORDER BY table_name, ordinal_position")) + "\n")
    decoded = Decoded("--schema", schema, *files).good()
    assert "TW-MY-METADATA" not in decoded.stderr
    assert compare(server, database, decoded) > 20


def test_xa_transactions(server, database):
    log = Log(server)
    table = "CREATE TABLE t (id INT PRIMARY KEY);"
    server.sql(f"{table} XA START 'a','b',7; INSERT INTO t VALUES (1),(2); XA END 'a','b',7; XA PREPARE 'a','b',7;"
               "", database)
    server.sql("FLUSH BINARY LOGS; INSERT INTO t VALUES (3)", database)
    server.sql("XA COMMIT 'a','b',7", database)
    server.sql("XA START 'c'; INSERT INTO t VALUES (10); XA END 'c'; XA PREPARE 'c'", database)
    server.sql("XA ROLLBACK 'c'; XA START 'e'; INSERT INTO t VALUES (20); XA END 'e'; XA COMMIT 'e' ONE PHASE", database)
    server.sql("XA START 'open'; INSERT INTO t VALUES (30); XA END 'open'; XA PREPARE 'open'", database)
    files = log.files()
    decoded = Decoded(*files).good()
    assert "TW-MY-XA-OPEN: 1 prepared" in decoded.stderr
    rows = [[each["after"]["id"] for each in transaction if each["op"] == "insert"] for transaction in decoded.transactions()]
    assert [each for each in rows if each] == [[3], [1, 2], [20]]
    # Who begins behind the XA PREPARE is told.
    late = Decoded(*files[1:]).good()
    assert "TW-MY-XA-UNKNOWN" in late.stderr
    assert [each["after"]["id"] for each in late.ops("insert")] == [3, 20]
    server.sql("XA ROLLBACK 'open'", database)


def test_ddl_and_what_goes_with_it(server, database):
    log = Log(server)
    server.sql("CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1); ALTER TABLE a ADD w INT DEFAULT 5;"
               "INSERT INTO a (id, v) VALUES (2, 2); CREATE TABLE c (PRIMARY KEY (id)) SELECT id, v FROM a; TRUNCATE TABLE a;"
               "CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM; INSERT INTO m VALUES (1); DROP TABLE a;"
               "CREATE USER tidewire_x IDENTIFIED BY 'Secret-word-1'; DROP USER tidewire_x", database)
    decoded = Decoded(*log.files()).good()
    transactions = decoded.transactions()
    kinds = [[each["op"] for each in transaction if each["op"] not in ("begin", "commit", "schema")] for transaction in transactions]
    creating = [["ddl", "insert", "insert"]] if ["ddl", "insert", "insert"] in kinds else [["ddl"], ["insert", "insert"]]
    assert kinds == [["ddl"], ["insert"], ["ddl"], ["insert"], *creating, ["truncate"], ["ddl"], ["insert"], ["ddl"]]
    assert [len(each["columns"]) for each in decoded.ops("schema") if each["table"] == "a"] == [2, 3]
    assert b"tidewire_x" not in decoded.raw
    assert decoded.ops("truncate")[0]["tables"] == [{"schema": "d", "table": "a"}]


def test_statements_are_refused_or_written(server, database):
    log = Log(server)
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); SET SESSION binlog_format=STATEMENT; INSERT INTO t VALUES (1)", database)
    files = log.files()
    refused = Decoded(*files)
    assert refused.code == 3 and "TW-MY-STATEMENT" in refused.stderr
    assert [each["op"] for each in refused.lines] == ["begin", "ddl", "commit"]
    written = Decoded("--statements", "write", *files).good()
    assert written.ops("statement")[0]["sql"] == "INSERT INTO t VALUES (1)"


@pytest.mark.only("mysql-9.7", "tagged ids")
def test_tagged_ids(server, database):
    log = Log(server)
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); SET gtid_next='AUTOMATIC:tag_a'; INSERT INTO t VALUES (1);"
               "SET gtid_next='AUTOMATIC'; INSERT INTO t VALUES (2)", database)
    inserts = Decoded(*log.files()).good().ops("insert")
    assert ":tag_a:1" in inserts[0]["gtid"] and "tag" not in inserts[1]["gtid"]


def test_every_cut_is_told(server, database, tmp_path):
    log = Log(server)
    server.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE} {workload(5, 3)}", database)
    [file] = log.files()
    whole = file.read_bytes()
    lines = Decoded(file).good().raw.splitlines(keepends=True)
    cut = tmp_path / file.name
    source = random.Random(3)
    for size in sorted(source.sample(range(4, len(whole)), 60)):
        cut.write_bytes(whole[:size])
        run = Decoded(cut)
        assert run.code in (0, 1), run.stderr
        got = run.raw.splitlines(keepends=True)
        assert got == lines[:len(got)]
        assert not got or run.lines[-1]["op"] == "commit"
        assert run.code == 0 or "TW-MY-CUT" in run.stderr
    # A byte that is wrong anywhere is found by the checksum, or makes no difference in the first bytes' flags.
    for place in sorted(source.sample(range(4, len(whole)), 60)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << source.randrange(8)
        cut.write_bytes(damaged)
        run = Decoded(cut)
        if run.raw != b"".join(lines) or run.code:
            assert run.code in (1, 3) and ("TW-MY-DECODE" in run.stderr or "TW-MY-CUT" in run.stderr), run.stderr
            got = run.raw.splitlines(keepends=True)
            assert got == lines[:len(got)]
        else:
            assert server.mariadb, "a damaged byte went unnoticed"  # its default has no checksums
