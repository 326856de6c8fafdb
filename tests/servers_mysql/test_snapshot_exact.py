"""--exact: a copy by several connections that is as of one position, whoever writes; what is in its way, and that
nobody else waits for it."""

import random
import re
import signal
import subprocess
import threading
import time

import pytest
from harness.stream import Running, stream, url
from mysql import MysqlError
from postgres import wait_for
from test_snapshot import lines_of

TABLES, ACCOUNTS, EACH = 6, 400, 1000


@pytest.fixture
def account(server, database):
    """May do what a copy needs, and look who is in the way."""
    server.sql("DROP USER IF EXISTS 'ex'@'127.0.0.1'; CREATE USER 'ex'@'127.0.0.1' IDENTIFIED BY 'pass word'; GRANT REPLICATION SLAVE, "
               f"{'BINLOG MONITOR' if server.mariadb else 'REPLICATION CLIENT'}, PROCESS ON *.* TO 'ex'@'127.0.0.1';"
               "GRANT SELECT, LOCK TABLES ON d.* TO 'ex'@'127.0.0.1'; SET GLOBAL binlog_row_metadata=FULL")
    return url(server, "ex", "pass%20word")


class Session:
    """A client that stays connected."""

    def __init__(self, server):
        program = server.program("mariadb" if server.mariadb else "mysql")
        self.client = subprocess.Popen([*program, "--no-defaults", f"--socket={server.socket}", "-uroot", "-N", "-B", "-n",
                                        *(["--skip-ssl"] if server.mariadb else []), "d"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.number = self.ask("SELECT CONNECTION_ID()")

    def say(self, text: str) -> None:
        self.client.stdin.write(text + ";\n")
        self.client.stdin.flush()

    def ask(self, text: str) -> str:
        self.say(text)
        return self.client.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.client.kill()
        self.client.communicate()


class Transfers:
    """Move money between the tables, in transactions; the sum stays."""

    def __init__(self, server, writers: int = 4):
        self.stopping, self.errors, self.victims, self.longest = False, [], 0, 0.0
        self.threads = [threading.Thread(target=self.write, args=(server, random.Random(n))) for n in range(writers)]
        for each in self.threads:
            each.start()

    def write(self, server, chance):
        while not self.stopping:
            script = ""
            for _ in range(20):
                out, into = chance.sample(range(TABLES), 2)
                amount, old, new = chance.randrange(1, 9), chance.randrange(ACCOUNTS), chance.randrange(10 ** 9)
                script += (f"BEGIN; UPDATE t{out} SET v = v - {amount} WHERE id = {chance.randrange(ACCOUNTS)};"
                           f"UPDATE t{into} SET v = v + IF(ROW_COUNT() = 1, {amount}, 0) WHERE id = {chance.randrange(ACCOUNTS)};"
                           # An account moves, with what is in it, to another table.
                           f"SET @v = (SELECT v FROM t{out} WHERE id = {ACCOUNTS + old} FOR UPDATE); DELETE FROM t{out} WHERE id = {ACCOUNTS + old};"
                           f"INSERT INTO t{into} (id, v) SELECT {10 ** 6 + new}, @v FROM DUAL WHERE @v IS NOT NULL; COMMIT;")
            began = time.monotonic()
            try:
                server.sql(script, "d")
            except MysqlError as error:
                if "Deadlock" not in str(error):
                    self.errors.append(error)
                    return
                self.victims += 1
            self.longest = max(self.longest, time.monotonic() - began)

    def stop(self):
        self.stopping = True
        for each in self.threads:
            each.join()
        assert not self.errors


def make_tables(server) -> int:
    server.sql("".join(f"CREATE TABLE t{n} (id INT PRIMARY KEY, v INT, s CHAR(50) DEFAULT 'x'); INSERT INTO t{n} (id, v) WITH RECURSIVE r AS "
                       f"(SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 899) SELECT n, {EACH} FROM r; ANALYZE TABLE t{n};" for n in range(TABLES)), "d")
    return TABLES * 900 * EACH


def names() -> list[str]:
    return [each for n in range(TABLES) for each in ("--table", f"d.t{n}")]


def strictly_applied(lines) -> dict:
    """Each change must fit the row that is there: none is missing in the copy, and none is there already."""
    tables = {}
    for line in lines:
        if line.get("schema") != "d":
            continue
        table = tables.setdefault(line["table"], {})
        if line["op"] in ("read", "insert"):
            assert line["after"]["id"] not in table, line
            table[line["after"]["id"]] = line["after"]
        if line["op"] in ("update", "delete"):
            assert table.pop(line["before"]["id"]) == line["before"], line
        if line["op"] == "update":
            table[line["after"]["id"]] = line["after"]
    return tables


@pytest.mark.parametrize("workers", [1, 4])
def test_exact_while_others_write(server, database, account, workers, tmp_path):
    total = make_tables(server)
    writers = Transfers(server)
    try:
        for run in range(5):
            out = tmp_path / f"out{run}"
            running = Running(tmp_path, account, "--to", f"file:{out}", "--snapshot", "initial", "--exact", "--workers", workers,
                              "--chunk", "16k", *names()).wait_for("streaming ")
            wait_for(lambda: writers.errors or out.read_bytes().count(b'"op":"commit"') > 100, 60, "changes", 0.05)
            running.stop()
    finally:
        writers.stop()
    for run in range(5):
        out = tmp_path / f"out{run}"
        stream(account, "--to", f"file:{out}", "--until", "now").good()
        lines = lines_of(out)
        marks = [each for each in lines if each["op"] == "snapshot" and "table" not in each]
        assert [(each["stage"], each["exact"]) for each in marks] == [("begin", True), ("end", True)]
        assert server.mariadb or len({each["pos"] for each in lines if each["op"] == "read"}) == 1
        assert sum(each["after"]["v"] for each in lines if each["op"] == "read") == total
        tables = strictly_applied(lines)
        for n in range(TABLES):
            truth = {int(id): int(v) for id, v in server.rows(f"SELECT id, v FROM t{n}", database)}
            assert {id: row["v"] for id, row in tables[f"t{n}"].items()} == truth, n


@pytest.mark.only("mysql", "MariaDB needs no lock where its snapshots are the same one")
def test_what_right_is_missing(server, database, account):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1); REVOKE LOCK TABLES ON d.* FROM 'ex'@'127.0.0.1'", database)
    refused = stream(account, "--snapshot", "only", "--table", "d.t", "--exact")
    assert refused.code == 3 and not refused.lines and "TW-MY-PRIVILEGE" in refused.stderr, refused.stderr
    grant = "GRANT LOCK TABLES ON `d`.* TO `ex`@`127.0.0.1`;"
    assert grant in refused.stderr and "pass" not in refused.stderr, refused.stderr
    assert not stream(account, "--snapshot", "only", "--table", "d.t").good().lines[0]["exact"]  # it takes no right
    server.sql(grant)
    assert stream(account, "--snapshot", "only", "--table", "d.t", "--exact").good().lines[0]["exact"]


def writes_at_once(server) -> None:
    server.sql("SET lock_wait_timeout=1, innodb_lock_wait_timeout=1; INSERT INTO d.t VALUES (NULL, 0); SELECT COUNT(*) FROM d.t")


@pytest.mark.only("mysql", "MariaDB needs no lock where its snapshots are the same one")
def test_an_open_transaction_is_in_the_way(server, database, account, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT); INSERT INTO t VALUES (1, 1); CREATE TABLE u (id INT)", database)
    with Session(server) as other:
        other.ask("BEGIN; UPDATE t SET v = 2 WHERE id = 1; SELECT 1")
        began = time.monotonic()
        out = tmp_path / "out"
        refused = stream(account, "--to", f"file:{out}", "--snapshot", "only", "--exact", "--lock-timeout", "3s", "--table", "d.t", "--table", "d.u")
        assert 2 < time.monotonic() - began < 15
        assert refused.code == 1 and "TW-MY-LOCK-TIMEOUT" in refused.stderr, refused.stderr
        assert f"connection {other.number} (root@" in refused.stderr and not out.exists(), refused.stderr
        writes_at_once(server)
        # It waits, while others go on now and then, until the other one has ended.
        running = Running(tmp_path, account, "--to", f"file:{out}", "--snapshot", "only", "--exact", "--lock-timeout", "60s", "--table", "d.t")
        wait_for(lambda: waits(server), 30, "the lock to be waited for", 0.01)
        for _ in range(3):
            server.sql("INSERT INTO t VALUES (NULL, 0)", database)
        other.say("COMMIT")
        assert running.result().code == 0, running.error.read_text()
        marks = [each["exact"] for each in lines_of(out) if "exact" in each]
        assert marks == [True, True]
        # Without the right to see it.
        server.sql("REVOKE PROCESS ON *.* FROM 'ex'@'127.0.0.1'")
        other.ask("BEGIN; UPDATE t SET v = 3 WHERE id = 1; SELECT 1")
        refused = stream(account, "--snapshot", "only", "--exact", "--lock-timeout", "1s", "--table", "d.t")
        assert refused.code == 1 and "PROCESS" in refused.stderr and not refused.lines, refused.stderr


@pytest.mark.only("mysql", "MariaDB needs no lock where its snapshots are the same one")
def test_tables_that_change_before_the_snapshots(server, database, account, tmp_path):
    """After they were listed: a new label would be in no range, a new column in no line."""
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1); CREATE TABLE u (e ENUM('a', 'b'), id INT, PRIMARY KEY (e, id));"
               "INSERT INTO u WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT 1 + n DIV 800, n FROM r;"
               "ANALYZE TABLE u", database)
    with Session(server) as other:
        other.ask("BEGIN; UPDATE t SET v = 2 WHERE id = 1; SELECT 1")
        running = Running(tmp_path, account, "--snapshot", "only", "--exact", "--lock-timeout", "60s", "--workers", "3", "--chunk", "1",
                          "--table", "d.t", "--table", "d.u")
        wait_for(lambda: waits(server), 30, "the lock to be waited for", 0.01)
        server.sql("ALTER TABLE u MODIFY e ENUM('a', 'b', 'c'), ADD COLUMN x INT DEFAULT 5; INSERT INTO u VALUES ('c', 1, 6)", database)
        other.say("COMMIT")
        lines = running.result().good().lines
    rows = [each["after"] for each in lines if each["op"] == "read" and each["table"] == "u"]
    assert len(rows) == 901 and {row["x"] for row in rows} == {5, 6} and {"e": "c", "id": 1, "x": 6} in rows
    assert lines[0]["exact"]


def waits(server) -> bool:
    return bool(server.rows("SELECT 1 FROM information_schema.processlist WHERE user = 'ex' AND state LIKE 'Waiting for table metadata lock'"))


@pytest.mark.only("mysql", "MariaDB needs no lock where its snapshots are the same one")
def test_a_prepared_transaction_is_in_the_way(server, database, account):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)", database)
    server.sql("XA START 'x'; INSERT INTO t VALUES (7, 7); XA END 'x'; XA PREPARE 'x'", database)
    try:
        refused = stream(account, "--snapshot", "only", "--exact", "--lock-timeout", "1s", "--table", "d.t")
        assert refused.code == 1 and "TW-MY-LOCK-TIMEOUT" in refused.stderr and "XA RECOVER" in refused.stderr, refused.stderr
    finally:
        server.sql("XA ROLLBACK 'x'")


def test_a_long_query_is_not_in_the_way(server, database, account):
    """Nor does it keep the server's tables closed, as it does behind FLUSH TABLES WITH READ LOCK."""
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT); INSERT INTO t VALUES (1, 1), (2, 2)", database)
    with Session(server) as other:
        other.say("SELECT id, SLEEP(1000) FROM t")
        wait_for(lambda: server.rows(f"SELECT 1 FROM information_schema.processlist WHERE id = {other.number} AND state = 'User sleep'"), 30,
                 "the query to run", 0.01)
        copied = stream(account, "--snapshot", "only", "--exact", "--lock-timeout", "1s", "--table", "d.t").good()
        assert copied.lines[0]["exact"]
        writes_at_once(server)
        server.sql(f"KILL {other.number}")


@pytest.mark.only("mysql", "MariaDB needs no lock where its snapshots are the same one")
@pytest.mark.parametrize("how", ["kill9", "stop"])
def test_killed_while_it_waits(server, database, account, how, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT); INSERT INTO t VALUES (1, 1)", database)
    with Session(server) as other:
        other.ask("BEGIN; UPDATE t SET v = 2 WHERE id = 1; SELECT 1")
        running = Running(tmp_path, account, "--snapshot", "only", "--exact", "--lock-timeout", "60s", "--table", "d.t")
        wait_for(lambda: waits(server), 30, "the lock to be waited for", 0.01)
        getattr(running, how)()
        server.sql("SET lock_wait_timeout=4; INSERT INTO t VALUES (NULL, 0)", database)
        wait_for(lambda: not server.rows("SELECT 1 FROM information_schema.processlist WHERE user = 'ex'"), 30, "its connections to end", 0.05)


@pytest.mark.only("mysql", "MariaDB needs no lock where its snapshots are the same one")
@pytest.mark.parametrize("how", ["silence", "killed"])
def test_a_lock_that_was_lost_begins_no_copy(server, database, account, how, tmp_path):
    """Halted when the lock came, for longer than the server waits for us; or its connection was killed."""
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT); INSERT INTO t VALUES (1, 1)", database)
    out = tmp_path / "out"
    with Session(server) as other:
        other.ask("BEGIN; UPDATE t SET v = 2 WHERE id = 1; SELECT 1")
        running = Running(tmp_path, account, "--to", f"file:{out}", "--snapshot", "initial", "--exact", "--lock-timeout", "60s", "--table", "d.t")
        # Whoever is halted while the server waits for another one's lock holds it soon.
        wait_for(lambda: waits(server), 30, "the lock to be waited for", 0.002)
        running.process.send_signal(signal.SIGSTOP)
        (locker,) = server.rows("SELECT id FROM information_schema.processlist WHERE user = 'ex' AND state LIKE 'Waiting for table metadata lock'")[0]
        other.ask("COMMIT; SELECT 1")
        wait_for(lambda: server.rows(f"SELECT 1 FROM information_schema.processlist WHERE id = {locker} AND command = 'Sleep'"), 30, "the lock", 0.01)
        with pytest.raises(MysqlError):  # it is held
            writes_at_once(server)
        if how == "killed":
            server.sql(f"KILL {locker}")
        server.sql("SET lock_wait_timeout=20; INSERT INTO t VALUES (NULL, 0)", database)
    running.process.send_signal(signal.SIGCONT)
    ended = running.result()
    assert ended.code == 1 and re.search("TW-NET-|TW-MY-UNAVAILABLE", ended.stderr), ended.stderr
    assert not out.exists() and not out.with_name("out.position").exists()
    # The same command makes one.
    stream(account, "--to", f"file:{out}", "--snapshot", "initial", "--exact", "--table", "d.t", "--until", "now").good()
    assert len([each for each in lines_of(out) if each["op"] == "read"]) == 2


@pytest.mark.only("mysql", "MariaDB looks without the lock")
def test_what_is_prepared_of_other_tables(server, database, account, tmp_path):
    """Its rows would be in neither: the stream has all tables."""
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE u (id INT PRIMARY KEY); XA START 'x'; INSERT INTO u VALUES (7); XA END 'x';"
               "XA PREPARE 'x'; GRANT XA_RECOVER_ADMIN ON *.* TO 'ex'@'127.0.0.1'", database)
    try:
        refused = stream(account, "--snapshot", "only", "--exact", "--table", "d.t")
        assert refused.code == 1 and "TW-MY-XA-PREPARED" in refused.stderr and "X'78',X'',1" in refused.stderr, refused.stderr
        server.sql("SET lock_wait_timeout=1; INSERT INTO d.t VALUES (1)")  # nothing is locked
    finally:
        server.sql("XA ROLLBACK 'x'")
    assert stream(account, "--snapshot", "only", "--exact", "--table", "d.t").good().lines[0]["exact"]


def test_one_that_goes_on_is_not_exact(server, database, account, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500));" +
               ("INSERT INTO t (s) VALUES " + ",".join(["(REPEAT('x', 500))"] * 2000) + ";") * 32, database)
    out = tmp_path / "out"
    arguments = (account, "--to", f"file:{out}", "--sync-interval", "10ms", "--snapshot", "initial", "--exact", "--table", "d.t", "--workers", "2")
    running = Running(tmp_path, *arguments)
    wait_for(lambda: out.exists() and out.stat().st_size > 3_000_000, 60, "rows", 0.001)
    running.kill9()
    server.sql("DELETE FROM t WHERE id % 2 = 0", database)
    with Session(server) as other:  # nothing is locked any more
        other.ask("BEGIN; UPDATE t SET s = 'y' WHERE id = 1; SELECT 1")
        stream(*arguments, "--until", "now").good()
    marks = [(each["stage"], each["exact"]) for each in lines_of(out) if each["op"] == "snapshot" and "table" not in each]
    assert marks == [("begin", True), ("resume", False), ("end", False)]


def test_what_can_not_be_exact(server, database, account):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM", database)
    refused = stream(account, "--snapshot", "only", "--exact", "--table", "d.t", "--table", "d.m")
    assert refused.code == 3 and "TW-MY-SNAPSHOT" in refused.stderr and "d.m" in refused.stderr, refused.stderr
    never = stream(account, "--exact")
    assert never.code == 2 and "--snapshot" in never.stderr, never.stderr
