"""tidewire stream --snapshot, tidewire snapshot: what tables hold, and joined with the stream the source's tables."""

import json
import subprocess
import threading

import pytest
from harness import BINARY
from harness.columns import columns_for
from harness.stream import Running, environment, stream, url
from mysql import MysqlError
from postgres import wait_for
from test_types import SESSION, insert_all


@pytest.fixture
def account(server, database):
    server.sql("CREATE USER IF NOT EXISTS 'tw'@'127.0.0.1' IDENTIFIED BY 'pass word'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1';"
               "SET GLOBAL binlog_row_metadata=FULL")
    return url(server, "tw", "pass%20word")


MANY = "INSERT INTO t (s) VALUES " + ",".join(["(REPEAT('x', 500))"] * 2000) + ";"


def lines_of(out) -> list[dict]:
    return [json.loads(line, parse_float=str) for line in out.read_bytes().splitlines()]


def test_rows_are_as_the_stream_has_them(server, database, account, tmp_path):
    columns = columns_for(server.name)
    ddl = "".join(f"CREATE TABLE t{n} (id INT PRIMARY KEY AUTO_INCREMENT, c {column.type}{'' if 'NULL' in column.type else ' NULL'});"
                  for n, column in enumerate(columns))
    numbers = ("CREATE TABLE numbers (n INT PRIMARY KEY); INSERT INTO numbers WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL "
               "SELECT n + 1 FROM r WHERE n < 900) SELECT n FROM r;")
    streamed, copied = tmp_path / "streamed", tmp_path / "copied"
    stream(account, "--to", f"file:{streamed}", "--until", "now").good()
    server.sql(SESSION + ddl + numbers + insert_all(columns), database)
    stream(account, "--to", f"file:{streamed}", "--until", "now").good()
    done = subprocess.run([BINARY, "snapshot", account, "--to", f"file:{copied}"], capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    inserts = [each for each in lines_of(streamed) if each["op"] == "insert" and each["schema"] == "d"]
    reads = [each for each in lines_of(copied) if each["op"] == "read" and each["schema"] == "d"]
    assert len(inserts) == len(reads) > 500
    there = {(each["table"], json.dumps(each["after"].get("id", each["after"].get("n")))): each["after"] for each in reads}
    addresses = {f"t{n}" for n, column in enumerate(columns) if column.type in ("UUID", "INET4", "INET6")}  # text, here
    for each in inserts:
        if each["table"] in addresses:
            continue
        assert there[each["table"], json.dumps(each["after"].get("id", each["after"].get("n")))] == each["after"], each["table"]
    described = [{each["table"]: each["columns"] for each in lines_of(out) if each["op"] == "schema" and each["schema"] == "d"}
                 for out in (streamed, copied)]
    for table, ours in described[1].items():
        assert table in addresses or ours == described[0][table], table


class Writers:
    """Write until they are stopped."""

    def __init__(self, server, database):
        self.stopping, self.errors = False, []
        self.threads = [threading.Thread(target=self.write, args=(server, database, n)) for n in range(3)]
        for each in self.threads:
            each.start()

    def write(self, server, database, n):
        round = 0
        while not self.stopping:
            round += 1
            script = "".join(
                f"BEGIN; INSERT INTO t (v, w) VALUES ({n}, {round}), ({n}, {i}); UPDATE t SET w = w + 1 WHERE id % 50 = {(i + round) % 50};"
                f"DELETE FROM t WHERE id % 97 = {(i * 7 + round) % 97}; COMMIT; UPDATE k SET id = id + 1000000 WHERE id % 13 = {i % 13} LIMIT 3;"
                for i in range(15))
            try:
                server.sql(script, database)
            except MysqlError as error:
                if "Deadlock" not in str(error) and "Lock wait" not in str(error) and "has changed since" not in str(error):
                    self.errors.append(error)
                    return

    def stop(self):
        self.stopping = True
        for each in self.threads:
            each.join()
        assert not self.errors


def applied(lines):
    """As docs/mysql.md says: each change sets or removes its row, whatever is there."""
    tables = {"t": {}, "k": {}}
    for line in lines:
        if line.get("schema") != "d" or line["op"] not in ("read", "insert", "update", "delete"):
            continue
        table = tables[line["table"]]
        old = line.get("before") or line.get("key")
        if old:
            table.pop(old["id"], None)
        if "after" in line:
            table[line["after"]["id"]] = line["after"]
    return tables


@pytest.mark.parametrize("metadata", ["FULL", "least"])
def test_a_copy_under_load_joined_with_the_stream(server, database, account, metadata, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, w INT); CREATE TABLE k (id INT PRIMARY KEY, x INT);"
               "INSERT INTO k SELECT 1, 1; INSERT INTO t (v, w) VALUES (1,1),(2,2),(3,3);" +
               "INSERT INTO t (v, w) SELECT v, w FROM t;" * 12 + "INSERT INTO k SELECT id + 1, w FROM t", database)
    if metadata != "FULL":
        server.sql(f"SET GLOBAL binlog_row_metadata={'NO_LOG' if server.mariadb else 'MINIMAL'}")
    out = tmp_path / "out"
    writers = Writers(server, database)
    try:
        running = Running(tmp_path, account, "--to", f"file:{out}", "--snapshot", "initial").wait_for("streaming ")
        wait_for(lambda: out.read_bytes().count(b'"op":"commit"') > 50, 60, "changes", 0.2)
    finally:
        writers.stop()
        server.sql("SET GLOBAL binlog_row_metadata=FULL")
    assert running.stop().code == 0
    stream(account, "--to", f"file:{out}", "--snapshot", "initial", "--until", "now").good()
    lines = lines_of(out)
    tables = applied(lines)
    for table, names in (("t", "id, v, w"), ("k", "id, x")):
        truth = [tuple(map(int, row)) for row in server.rows(f"SELECT {names} FROM {table}", database)]
        assert sorted(tuple(row.values()) for row in tables[table].values()) == sorted(truth)
    marks = [each for each in lines if each["op"] == "snapshot" and "table" not in each]
    assert [each["stage"] for each in marks] == ["begin", "end"] and marks[1]["rows"] == sum(each["op"] == "read" for each in lines)
    assert marks[0]["exact"] == server.mariadb
    if server.mariadb:  # no change that a row holds already
        seen = {(each["table"], each["after"]["id"]) for each in lines if each["op"] == "read"}
        for each in lines:
            if each["op"] == "insert":
                assert (each["table"], each["after"]["id"]) not in seen


def test_an_interrupted_copy_begins_anew(server, database, account, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500));" + MANY * 32, database)
    out = tmp_path / "out"
    running = Running(tmp_path, account, "--to", f"file:{out}", "--snapshot", "initial", "--table", "d.t")
    wait_for(lambda: out.exists() and out.stat().st_size > 1_000_000, 60, "rows", 0.01)
    running.kill9()
    never = stream(account, "--to", f"file:{out}", "--until", "now")
    if b'"stage":"end","pos"' not in out.read_bytes():
        assert never.code == 3 and "TW-POSITION-FOREIGN" in never.stderr, never.stderr
    server.sql("DELETE FROM t WHERE id % 2 = 0", database)
    stream(account, "--to", f"file:{out}", "--snapshot", "initial", "--table", "d.t", "--until", "now").good()
    reads = [each["after"]["id"] for each in lines_of(out) if each["op"] == "read"]
    assert len(reads) == len(set(reads)) == int(server.sql("SELECT COUNT(*) FROM d.t"))


def test_a_copy_that_is_stopped_says_so(server, database, account, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500));" + MANY * 32, database)
    out = tmp_path / "out"
    running = Running(tmp_path, account, "--to", f"file:{out}", "--snapshot", "only", "--table", "d.t")
    wait_for(lambda: out.exists() and out.stat().st_size > 100_000, 60, "rows", 0.005)
    stopped = running.stop()
    if b'"stage":"end"' not in out.read_bytes():
        assert stopped.code == 1 and "TW-SNAPSHOT-STOPPED" in stopped.stderr, stopped.stderr
        assert out.read_bytes() == b""
    stream(account, "--to", f"file:{out}", "--snapshot", "only", "--table", "d.t").good()
    assert sum(each["op"] == "read" for each in lines_of(out)) == 64_000
    # A stream goes on from there.
    server.sql("INSERT INTO t VALUES (1000000, 'y')", database)
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    assert lines_of(out)[-2]["after"] == {"id": 1000000, "s": "y"}


def test_a_table_that_changes_before_it_is_copied(server, database, account):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500)); CREATE TABLE z (id INT PRIMARY KEY, y INT);"
               "INSERT INTO z VALUES (1, 2);" + MANY * 32, database)
    running = subprocess.Popen([BINARY, "snapshot", account, "--table", "d.t", "--table", "d.z"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment())
    assert running.stdout.read(1) == b"{"  # what it can't write holds it in the first table
    server.sql("ALTER TABLE z RENAME COLUMN y TO x", database)
    out, error = running.communicate(timeout=60)
    assert running.returncode == 1 and b"TW-MY-TABLE-CHANGED" in error, error
    assert b'"op":"read","schema":"d","table":"z"' not in out


def test_what_can_not_be_copied(server, database, account, tmp_path):
    refused = stream(account, "--snapshot", "only", "--table", "d.nothing")
    assert refused.code == 3 and "TW-MY-SNAPSHOT" in refused.stderr, refused.stderr
