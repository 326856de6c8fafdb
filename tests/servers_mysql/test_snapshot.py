"""tidewire stream --snapshot, tidewire snapshot: what tables hold, and joined with the stream the source's tables."""

import json
import random
import subprocess
import threading
from pathlib import Path

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


def applied(lines, *names):
    """As docs/mysql.md says: each change sets or removes its row, whatever is there; a table that is begun again is empty."""
    tables = {name: {} for name in names or ("t", "k")}
    for line in lines:
        if line.get("schema") != "d" or line.get("table") not in tables:
            continue
        table = tables[line["table"]]
        if line["op"] == "snapshot" and line["stage"] in ("begin", "restart"):
            table.clear()
        if line["op"] not in ("read", "insert", "update", "delete"):
            continue
        old = line.get("before") or line.get("key")
        row = table.pop(old["id"], {}) if old else {}
        if "after" in line:  # not all of it, unless the row images are
            row = (old or {}) | row | line["after"]
            table[row["id"]] = table.get(row["id"], {}) | row
    return tables


def same_content(server, database, lines, **columns: str):
    tables = applied(lines, *columns)
    for table, names in columns.items():
        truth = sorted(tuple(row) for row in server.rows(f"SELECT {names} FROM {table}", database))
        ours = sorted(tuple(str(row[name.strip()]) for name in names.split(",")) for row in tables[table].values())
        assert ours == truth, table


@pytest.mark.parametrize("workers, metadata", [(1, "FULL"), (3, "FULL"), (3, "least")])
def test_a_copy_under_load_joined_with_the_stream(server, database, account, workers, metadata, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, w INT); CREATE TABLE k (id INT PRIMARY KEY, x INT);"
               "INSERT INTO k SELECT 1, 1; INSERT INTO t (v, w) VALUES (1,1),(2,2),(3,3);" +
               "INSERT INTO t (v, w) SELECT v, w FROM t;" * 12 + "INSERT INTO k SELECT id + 1, w FROM t", database)
    if metadata != "FULL":
        server.sql(f"SET GLOBAL binlog_row_metadata={'NO_LOG' if server.mariadb else 'MINIMAL'}")
    out = tmp_path / "out"
    writers = Writers(server, database)
    try:
        running = Running(tmp_path, account, "--to", f"file:{out}", "--snapshot", "initial", "--workers", workers,
                          "--chunk", "16k").wait_for("streaming ")
        wait_for(lambda: out.read_bytes().count(b'"op":"commit"') > 50, 60, "changes", 0.2)
    finally:
        writers.stop()
        server.sql("SET GLOBAL binlog_row_metadata=FULL")
    assert running.stop().code == 0
    stream(account, "--to", f"file:{out}", "--snapshot", "initial", "--until", "now").good()
    lines = lines_of(out)
    same_content(server, database, lines, t="id, v, w", k="id, x")
    marks = [each for each in lines if each["op"] == "snapshot" and "table" not in each]
    assert [each["stage"] for each in marks] == ["begin", "end"] and marks[1]["rows"] == sum(each["op"] == "read" for each in lines)
    # Where somebody writes all the time, several connections may get no common snapshot.
    assert marks[0]["exact"] == marks[1]["exact"] and (server.mariadb or not marks[0]["exact"])
    assert marks[0]["exact"] == server.mariadb or workers > 1
    if marks[0]["exact"]:  # no change that a row holds already
        seen = {(each["table"], each["after"]["id"]) for each in lines if each["op"] == "read"}
        for each in lines:
            if each["op"] == "insert":
                assert (each["table"], each["after"]["id"]) not in seen


def test_an_interrupted_copy_goes_on(server, database, account, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500));" + MANY * 64, database)
    out = tmp_path / "out"
    common = (account, "--to", f"file:{out}", "--sync-interval", "10ms")
    running = Running(tmp_path, *common, "--snapshot", "initial", "--table", "d.t", "--workers", "1")
    position = Path(f"{out}.position")
    wait_for(lambda: out.exists() and out.stat().st_size > 5_000_000 and "copy table " in position.read_text(), 60, "rows", 0.001)
    running.kill9()
    assert "copy rows " in position.read_text()
    never = stream(*common, "--until", "now")
    assert never.code == 3 and "TW-POSITION-COPY" in never.stderr, never.stderr
    server.sql("DELETE FROM t WHERE id % 2 = 0; UPDATE t SET s = 'new' WHERE id % 3 = 0", database)
    stream(*common, "--snapshot", "initial", "--table", "d.t", "--until", "now").good()
    lines = lines_of(out)
    reads = [each["after"]["id"] for each in lines if each["op"] == "read"]
    assert len(reads) == len(set(reads)) < 128_000
    marks = [each for each in lines if each["op"] == "snapshot" and "table" not in each]
    assert [each["stage"] for each in marks] == ["begin", "resume", "end"]
    assert [each["exact"] for each in marks] == [server.mariadb, False, False]
    assert marks[2]["rows"] == len(reads) and len({each["position"] for each in marks}) == 1
    same_content(server, database, lines, t="id, s")


@pytest.mark.parametrize("workers, image", [(1, "FULL"), (3, "FULL"), (3, "MINIMAL")])
def test_killed_again_and_again_while_others_write(server, database, account, workers, image, tmp_path):
    server.sql(f"SET GLOBAL binlog_row_image={image}")
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, w INT, s CHAR(100) DEFAULT 'x'); CREATE TABLE k (id INT PRIMARY KEY, x INT);"
               "CREATE TABLE a (id INT, s CHAR(200)); CREATE TABLE small (id VARCHAR(20) PRIMARY KEY); INSERT INTO small VALUES ('a'), (''), ('B');"
               "INSERT INTO t (v, w) VALUES (1,1),(2,2),(3,3);" + "INSERT INTO t (v, w) SELECT v, w FROM t;" * 15 +
               "INSERT INTO k SELECT id, w FROM t; INSERT INTO a SELECT id, REPEAT('y', 200) FROM t; ANALYZE TABLE a, k, t", database)
    out = tmp_path / "out"
    arguments = (account, "--to", f"file:{out}", "--snapshot", "initial", "--workers", workers, "--chunk", "256k", "--sync-interval", "5ms")
    chance, killed = random.Random(workers), 0
    writers = Writers(server, database)
    try:
        while killed < 8:
            running = Running(tmp_path, *arguments)
            size = out.stat().st_size if out.exists() else 0
            goal = size + chance.randrange(3_000_000)
            wait_for(lambda: running.process.poll() is not None or (out.exists() and out.stat().st_size >= goal), 60, "rows", 0.001)
            assert running.process.poll() is None, running.error.read_text()
            running.kill9()
            killed += 1
        running = Running(tmp_path, *arguments).wait_for("streaming ")
        wait_for(lambda: out.read_bytes().count(b'"op":"commit"') > 50, 60, "changes", 0.2)
    finally:
        writers.stop()
        server.sql("SET GLOBAL binlog_row_image=FULL")
    assert running.stop().code == 0
    stream(*arguments, "--until", "now").good()
    lines = lines_of(out)
    same_content(server, database, lines, t="id, v, w", k="id, x", a="id, s", small="id")
    stages = [each["stage"] for each in lines if each["op"] == "snapshot" and "table" not in each]
    assert stages[0] == "begin" and stages[-1] == "end" and set(stages[1:-1]) == {"resume"}, stages
    again = {each["table"] for each in lines if each["op"] == "snapshot" and each["stage"] == "restart"}
    assert again <= ({"a"} if image == "FULL" else {"a", "k", "t", "small"})


def test_killed_amid_labels(server, database, account, tmp_path):
    """Keys with ENUM and SET among their columns, read by lists of labels: what is there once is there, whoever writes."""
    rows = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT"
    server.sql("CREATE TABLE n (n INT PRIMARY KEY); INSERT INTO n " + rows + " n FROM r;"
               "CREATE TABLE e (id INT NOT NULL AUTO_INCREMENT UNIQUE, a INT, b ENUM('z','a','m','b','y'), c INT, s CHAR(200), PRIMARY KEY (a, b, c));"
               "CREATE TABLE g (id INT NOT NULL AUTO_INCREMENT UNIQUE, b SET('z','a','m') , c INT, s CHAR(200), PRIMARY KEY (b, c));"
               "INSERT INTO e (a, b, c, s) SELECT x.n DIV 300, x.n % 5 + 1, x.n * 100 + y.n, 'e' FROM n x, n y WHERE x.n <= 400 AND y.n <= 60;"
               "INSERT INTO g (b, c, s) SELECT x.n % 8, x.n * 100 + y.n, 'g' FROM n x, n y WHERE x.n <= 400 AND y.n <= 60; ANALYZE TABLE e, g", database)
    out = tmp_path / "out"
    arguments = (account, "--to", f"file:{out}", "--snapshot", "initial", "--workers", "3", "--chunk", "64k", "--sync-interval", "5ms",
                 "--table", "d.e", "--table", "d.g")
    chance = random.Random(5)
    for round in range(6):
        running = Running(tmp_path, *arguments)
        goal = (out.stat().st_size if out.exists() else 0) + chance.randrange(1_000_000)
        wait_for(lambda: running.process.poll() is not None or (out.exists() and out.stat().st_size >= goal), 60, "rows", 0.001)
        assert running.process.poll() is None, running.error.read_text()
        running.kill9()
        # Rows move to other labels, in front of and behind what was read.
        server.sql(f"UPDATE e SET b = b % 5 + 1, c = c + 1000000 WHERE id % 40 = {round}; UPDATE g SET b = b ^ 5, c = c + 1000000 WHERE id % 40 = {round};"
                   f"DELETE FROM e WHERE id % 41 = {round}; INSERT INTO g (b, c, s) SELECT n % 8, -n - {round} * 1000, 'new' FROM n WHERE n < 200", database)
    stream(*arguments, "--until", "now").good()
    lines = lines_of(out)
    assert not [each for each in lines if each["op"] == "snapshot" and each["stage"] == "restart"]
    assert [each["stage"] for each in lines if each["op"] == "snapshot" and "table" not in each].count("resume") > 1
    tables = by_key(lines, e=("a", "b", "c"), g=("b", "c"))
    for table, names in (("e", ["id", "a", "b", "c", "s"]), ("g", ["id", "b", "c", "s"])):
        truth = sorted(tuple(row) for row in server.rows(f"SELECT {', '.join(names)} FROM {table}", database))
        assert sorted(tuple(label_text(row[name]) for name in names) for row in tables[table].values()) == truth, table


def label_text(value) -> str:
    """As the client prints a SET."""
    return ",".join(value) if isinstance(value, list) else str(value)


def by_key(lines, **keys: tuple) -> dict[str, dict]:
    """As applied(), of tables whose key is of several columns."""
    tables = {name: {} for name in keys}
    for line in lines:
        if line.get("schema") != "d" or line.get("table") not in tables or line["op"] not in ("read", "insert", "update", "delete"):
            continue
        table, key = tables[line["table"]], lambda row: tuple(label_text(row[name]) for name in keys[line["table"]])
        if "before" in line:
            table.pop(key(line["before"]), None)
        if "after" in line:
            table[key(line["after"])] = line["after"]
    return tables


def test_a_copy_that_is_stopped_says_so(server, database, account, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500));" + MANY * 64, database)
    out = tmp_path / "out"
    running = Running(tmp_path, account, "--to", f"file:{out}", "--snapshot", "only", "--table", "d.t")
    wait_for(lambda: out.exists() and out.stat().st_size > 100_000, 60, "rows", 0.001)
    stopped = running.stop()
    assert stopped.code == 1 and "TW-SNAPSHOT-STOPPED" in stopped.stderr, stopped.stderr
    kept = sum(each["op"] == "read" for each in lines_of(out))  # whole lines
    assert 0 < kept < 128_000
    stream(account, "--to", f"file:{out}", "--snapshot", "only", "--table", "d.t").good()
    reads = [each["after"]["id"] for each in lines_of(out) if each["op"] == "read"]
    assert len(reads) == len(set(reads)) == 128_000
    # A stream goes on from there.
    server.sql("INSERT INTO t VALUES (1000000, 'y')", database)
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    assert lines_of(out)[-2]["after"] == {"id": 1000000, "s": "y"}


def held(account, *more) -> subprocess.Popen:
    """What it can't write holds it in the middle of its first table."""
    running = subprocess.Popen([BINARY, "snapshot", account, "--workers", "1", *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               bufsize=0, env=environment())
    assert running.stdout.read(1) == b"{"
    return running


def ended(running: subprocess.Popen) -> tuple[list[dict], str]:
    out, error = running.communicate(timeout=60)
    assert running.returncode == 0, error
    return [json.loads(line) for line in (b"{" + out).splitlines()], error.decode()


@pytest.mark.parametrize("how", ["kill", "restart"])
def test_lost_connections(server, database, account, how):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500)); CREATE TABLE z (id INT PRIMARY KEY); INSERT INTO z VALUES (1);" +
               MANY * 64, database)
    running = held(account, "--table", "d.t", "--table", "d.z")
    if how == "restart":
        port = server.port
        server.kill9()
        server.start(port=str(port))
        server.port = port
    else:
        for (number,) in server.rows("SELECT id FROM information_schema.processlist WHERE user = 'tw'"):
            server.sql(f"KILL {number}")
    lines, error = ended(running)
    assert "TW-NET-" in error, error
    assert [each["stage"] for each in lines if each["op"] == "snapshot" and "table" not in each] == ["begin", "resume", "end"]
    assert {each["after"]["id"] for each in lines if each["op"] == "read" and each["table"] == "t"} == {
        int(row[0]) for row in server.rows("SELECT id FROM t", database)}


def test_a_table_that_changes_before_it_is_copied(server, database, account):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500)); CREATE TABLE z (id INT PRIMARY KEY, y INT);"
               "INSERT INTO z VALUES (1, 2);" + MANY * 32, database)
    running = held(account, "--table", "d.t", "--table", "d.z")
    server.sql("ALTER TABLE z RENAME COLUMN y TO x", database)
    lines, error = ended(running)
    assert "TW-MY-TABLE-CHANGED" in error, error
    assert [each["after"] for each in lines if each["op"] == "read" and each["table"] == "z"] == [{"id": 1, "x": 2}]
    reads = [each["after"]["id"] for each in lines if each["op"] == "read" and each["table"] == "t"]
    assert len(set(reads)) == 64_000  # what was on its way comes again: standard output is not cut back


def test_what_can_not_be_copied(server, database, account, tmp_path):
    refused = stream(account, "--snapshot", "only", "--table", "d.nothing")
    assert refused.code == 3 and "TW-MY-SNAPSHOT" in refused.stderr, refused.stderr


def test_prepared_transactions_are_not_missed(server, database, account):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO t VALUES (1);"
               "XA START 'x'; INSERT INTO t VALUES (7); XA END 'x'; XA PREPARE 'x'", database)
    try:
        refused = stream(account, "--snapshot", "only", "--table", "d.t")
        assert refused.code == 1 and not refused.lines and "TW-MY-XA-PREPARED" in refused.stderr, refused.stderr
        assert "X'78',X'',1" in refused.stderr, refused.stderr
    finally:
        server.sql("XA COMMIT 'x'")
    lines = stream(account, "--snapshot", "only", "--table", "d.t").good().lines
    assert [each["after"]["id"] for each in lines if each["op"] == "read"] == [1, 7]


@pytest.mark.only("mysql", "MariaDB lets everybody look")
def test_who_may_not_see_prepared_transactions_is_told(server, database):
    server.sql("CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'pass'; GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO"
               " 'plain'@'127.0.0.1'; CREATE TABLE t (id INT PRIMARY KEY)", database)
    done = stream(url(server, "plain", "pass"), "--snapshot", "only", "--table", "d.t").good()
    assert "XA_RECOVER_ADMIN" in done.stderr, done.stderr
