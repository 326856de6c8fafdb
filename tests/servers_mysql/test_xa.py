"""XA transactions around the place where a stream or a copy begins: their rows come, or it is refused, never silently less."""

import threading

import pytest
from harness.stream import Running, stream, url
from mysql import MysqlError
from postgres import wait_for
from test_snapshot import lines_of, same_content


@pytest.fixture
def account(server, database):
    server.sql("CREATE USER IF NOT EXISTS 'tw'@'127.0.0.1' IDENTIFIED BY 'pass word'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1';"
               "SET GLOBAL binlog_row_metadata=FULL; CREATE TABLE d.t (id INT PRIMARY KEY, v INT, w INT)")
    yield url(server, "tw", "pass%20word")
    for _, first, second, both in server.rows("XA RECOVER"):
        server.sql(f"XA ROLLBACK '{both[:int(first)]}', '{both[int(first):]}'")


@pytest.fixture
def blind(server, account):
    """May not see what is prepared, where there is a right for that."""
    server.sql("DROP USER IF EXISTS 'plain'@'127.0.0.1'; CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'pass';"
               "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'plain'@'127.0.0.1'")
    return url(server, "plain", "pass")


def prepare(server, name: str, id: int, more: str = "") -> None:
    server.sql(f"{more} XA START '{name}'; INSERT INTO t VALUES ({id}, 1, 1); XA END '{name}'; XA PREPARE '{name}'", "d")


def inserted(lines) -> list[int]:
    return [each["after"]["id"] for each in lines if each["op"] == "insert" and each["table"] == "t"]


def test_a_new_stream_waits_for_what_is_prepared(server, account, tmp_path):
    prepare(server, "x", 7)
    prepare(server, "y", 8)
    out = tmp_path / "out"
    refused = stream(account, "--to", f"file:{out}", "--until", "now")
    assert refused.code == 1 and "TW-MY-XA-PREPARED" in refused.stderr, refused.stderr
    assert "X'78',X'',1" in refused.stderr and "X'79',X'',1" in refused.stderr, refused.stderr
    assert not out.exists() and not out.with_name("out.position").exists()
    server.sql("XA ROLLBACK 'y'")
    running = Running(tmp_path, account, "--to", f"file:{out}")
    wait_for(lambda: server.rows("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'"), 30, "it to wait", 0.01)
    server.sql("XA COMMIT 'x'")
    running.started()
    prepare(server, "z", 9)
    server.sql("XA COMMIT 'z'; INSERT INTO t VALUES (10, 1, 1)", "d")
    running.wait_for('"id":10', out)
    assert running.stop().code == 0
    assert inserted(lines_of(out)) == [9, 10]


def test_a_stored_position_is_no_new_begin(server, account, tmp_path):
    """What is prepared behind it comes with its rows."""
    out = tmp_path / "out"
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    prepare(server, "x", 7)
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql("XA COMMIT 'x'")
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    assert inserted(lines_of(out)) == [7]


def test_rows_that_are_lost_are_refused(server, account, blind, tmp_path):
    """A commit whose XA PREPARE did not come. Of MySQL it is in front of the place, where the account can't see it; MariaDB logs
    the commit also of what was prepared without the binlog."""
    out = tmp_path / "out"
    if server.mariadb:
        stream(blind, "--to", f"file:{out}", "--until", "now").good()
        prepare(server, "x", 7, "SET sql_log_bin=0;")
        prepare(server, "y", 8, "SET sql_log_bin=0;")
    else:
        prepare(server, "x", 7)
        prepare(server, "y", 8)
        began = stream(blind, "--to", f"file:{out}", "--until", "now").good()
        assert "XA_RECOVER_ADMIN" in began.stderr, began.stderr
    server.sql("XA ROLLBACK 'y'; INSERT INTO t VALUES (1, 1, 1)", "d")  # with it nothing is lost
    server.sql("XA COMMIT 'x'; INSERT INTO t VALUES (2, 1, 1)", "d")
    for _ in range(2):
        refused = stream(blind, "--to", f"file:{out}", "--until", "now")
        assert refused.code == 3 and "TW-MY-XA-UNKNOWN" in refused.stderr and "X'78',X'',1" in refused.stderr, refused.stderr
        assert inserted(lines_of(out)) == [1]
    # What it says helps.
    anew = tmp_path / "anew"
    stream(account, "--to", f"file:{anew}", "--snapshot", "initial", "--until", "now").good()
    same_content(server, "d", lines_of(anew), t="id, v, w")


@pytest.mark.only("mysql", "MariaDB lets everybody look")
def test_a_copy_that_could_not_look_is_followed_until_it_matters(server, account, blind, tmp_path):
    prepare(server, "x", 7)
    out = tmp_path / "out"
    stream(blind, "--to", f"file:{out}", "--snapshot", "initial", "--until", "now").good()
    server.sql("XA COMMIT 'x'")
    refused = stream(blind, "--to", f"file:{out}", "--snapshot", "initial", "--until", "now")
    assert refused.code == 3 and "TW-MY-XA-UNKNOWN" in refused.stderr, refused.stderr


class XaWriters:
    """Prepare and commit, or roll back, by other connections too; one after the other, with time in between."""

    def __init__(self, server):
        self.stopping, self.errors, self.count = False, [], 0
        self.threads = [threading.Thread(target=self.write, args=(server, n)) for n in range(2)]
        for each in self.threads:
            each.start()

    def write(self, server, n):
        round = 0
        while not self.stopping:
            script = ""
            for _ in range(40):
                round += 1
                name, id = f"w{n}-{round}", n * 1_000_000 + round
                script += (f"XA START '{name}'; INSERT INTO t VALUES ({id}, {n}, 0); UPDATE t SET w = w + 1 WHERE id = {id - round % 50};"
                           f"XA END '{name}'; XA PREPARE '{name}'; XA {'ROLLBACK' if round % 9 == 0 else 'COMMIT'} '{name}'; DO SLEEP(0.003);")
            try:
                server.sql(script, "d")
            except MysqlError as error:
                self.errors.append(error)
                return
            self.count = round

    def stop(self):
        self.stopping = True
        for each in self.threads:
            each.join()
        assert not self.errors


@pytest.mark.parametrize("workers, exact", [(1, False), (3, False), (2, True)])
def test_copies_and_streams_that_begin_amid_xa(server, account, workers, exact, tmp_path):
    """Whatever is prepared and ends within the milliseconds in which a place is read: nothing is lost, and nothing refused."""
    more = ["--exact", "--lock-timeout", "30s", "--table", "d.t"] if exact else []
    writers = XaWriters(server)
    try:
        for run in range(6):
            stream(account, "--to", f"file:{tmp_path / f'out{run}'}", "--snapshot", "initial", "--workers", workers, *more, "--until", "now").good()
        fresh = Running(tmp_path, account, "--to", f"file:{tmp_path / 'fresh'}").started()
        wait_for(lambda: (tmp_path / "fresh").read_bytes().count(b'"op":"commit"') > 20, 60, "changes", 0.05)
        assert fresh.stop().code == 0
    finally:
        writers.stop()
    for run in range(6):
        out = tmp_path / f"out{run}"
        stream(account, "--to", f"file:{out}", "--until", "now").good()
        same_content(server, "d", lines_of(out), t="id, v, w")
    stream(account, "--to", f"file:{tmp_path / 'fresh'}", "--until", "now").good()
