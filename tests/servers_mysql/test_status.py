"""tidewire status: the position file and the binlogs, seen from beside a stream."""

import json
import subprocess

import pytest
from harness import BINARY
from harness.stream import Running, environment, stream, url
from mysql import Mysql
from postgres import wait_for


class Status:
    def __init__(self, *arguments: object):
        done = subprocess.run([BINARY, "status", *map(str, arguments)], capture_output=True, timeout=60, env=environment())
        self.code, self.text, self.stderr = done.returncode, done.stdout.decode(), done.stderr.decode()

    def good(self) -> "Status":
        assert self.code == 0, self.stderr
        return self

    def refused(self, code: str) -> "Status":
        assert self.code == 3 and code in self.stderr, (self.code, self.stderr)
        return self

    @property
    def json(self) -> dict:
        return json.loads(self.text)


@pytest.fixture
def account(server):
    """With what a stream needs, and no more."""
    server.sql("DROP USER IF EXISTS 'st'@'127.0.0.1'; CREATE USER 'st'@'127.0.0.1' IDENTIFIED BY 'p'; GRANT SELECT, "
               f"REPLICATION SLAVE, {'BINLOG MONITOR' if server.mariadb else 'REPLICATION CLIENT'} ON *.* TO 'st'@'127.0.0.1'")
    return url(server, "st", "p")


def test_of_a_running_stream_and_one_that_is_down(server, database, account, tmp_path):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, x LONGTEXT)", database)
    out = tmp_path / "out"
    running = Running(tmp_path, account, "--to", f"file:{out}", "--sync-interval", "0s").started()
    server.sql("INSERT INTO t VALUES (1, ''); INSERT INTO t VALUES (2, '')", database)
    position = ["--position", f"{out}.position"]
    wait_for(lambda: Status(account, *position, "--json").good().json["position"]["changes"] == 2, 30, "both")
    seen = wait_for(lambda: (found := Status(account, *position, "--json").good().json)["lag_transactions"] == 0 and found,
                    30, "no lag")
    assert seen["v"] == 1 and seen["refused"] is None and seen["position"]["in_use"] and not seen["position"]["copying"]
    assert seen["lag_bytes"] == 0
    assert seen["server"]["kind"] == ("MariaDB" if server.mariadb else "MySQL")
    assert seen["server"]["at"].startswith("domains:" if server.mariadb else "gtid:")
    listed = server.rows("SHOW BINARY LOGS")
    assert seen["binlogs"] == {"files": len(listed), "bytes": sum(int(each[1]) for each in listed), "first": listed[0][0]}
    text = Status(account, *position).good().text
    assert ", in use" in text and "2 transactions, 2 changes" in text and "0 transactions, 0 B behind the server" in text, text
    assert running.stop().code == 0
    # What comes then is counted, and is in the files from the position's own on.
    before = Status(account, *position, "--json").good().json
    for n in range(3, 6):
        server.sql(f"INSERT INTO t VALUES ({n}, REPEAT('x', 100000)); FLUSH BINARY LOGS", database)
    after = Status(account, *position, "--json").good().json
    assert not after["position"]["in_use"]
    assert after["lag_transactions"] == before["lag_transactions"] + 3
    assert 300_000 < after["lag_bytes"] <= after["binlogs"]["bytes"]
    # Files that are wholly behind us do not count.
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql("INSERT INTO t VALUES (7, REPEAT('x', 100000))", database)
    last = Status(account, *position, "--json").good().json
    assert last["lag_transactions"] == 1 and 100_000 < last["lag_bytes"] < 200_000
    assert "1 transactions, at most 10" in Status(account, *position).good().text
    # Without a position only the server is told of.
    alone = Status(account, "--json").good().json
    assert alone["lag_transactions"] is None and alone["lag_bytes"] is None and "position" not in alone
    assert alone["binlogs"]["files"] == last["binlogs"]["files"]


def test_purged_and_another_history(server, database, account, tmp_path):
    out = tmp_path / "out"
    server.sql("CREATE TABLE t (id INT PRIMARY KEY)", database)
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql("INSERT INTO t VALUES (1); FLUSH BINARY LOGS; INSERT INTO t VALUES (2); FLUSH BINARY LOGS", database)
    position = ["--position", f"{out}.position"]
    Status(account, *position).good()
    current = server.binlog()[0].name

    def purged():  # not as long as the dump that has just ended still has a file open
        server.sql(f"PURGE BINARY LOGS TO '{current}'")
        return server.rows("SHOW BINARY LOGS")[0][0] == current
    wait_for(purged, 30, "the old binlogs to be purged", 0.1)
    seen = Status(account, *position, "--json").refused("TW-MY-PURGED").json
    assert seen["refused"] == "TW-MY-PURGED" and seen["lag_bytes"] is None and seen["lag_transactions"] == 2
    text = Status(account, *position).refused("TW-MY-PURGED").text
    assert "binlogs        1 file of" in text and "lag" not in text
    # The stream says the same.
    refused = stream(account, "--to", f"file:{out}", "--until", "now")
    assert refused.code == 3 and "TW-MY-PURGED" in refused.stderr, refused.stderr
    server.sql("RESET MASTER" if server.mariadb or server.name == "mysql-8.0" else "RESET BINARY LOGS AND GTIDS")
    assert Status(account, *position, "--json").refused("TW-MY-HISTORY").json["refused"] == "TW-MY-HISTORY"


def test_refusals(server, account, tmp_path):
    Status(account, "--position", tmp_path / "none").refused("TW-POSITION-MISSING")
    slot = Status(account, "--slot", "x")
    assert slot.code == 2 and "--slot means nothing for MySQL and MariaDB" in slot.stderr
    away = Status("mysql://x@127.0.0.1:1/")
    assert away.code == 1 and "TW-NET-" in away.stderr
    server.sql("DROP USER IF EXISTS low@'127.0.0.1'; CREATE USER low@'127.0.0.1' IDENTIFIED BY 'p'")
    Status(url(server, "low", "p")).refused("TW-MY-PRIVILEGE")
    # What belongs to another kind of server.
    out = tmp_path / "out"
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    of_another = tmp_path / "other"
    content = (tmp_path / "out.position").read_bytes()
    import hashlib
    lines = content.replace(b"source mariadb", b"source mysql_").replace(b"source mysql\n", b"source mariadb\n") \
        .replace(b"source mysql_", b"source mysql").rsplit(b"\n", 2)[0] + b"\n"
    word = content.rsplit(b"\n", 2)[1].split(b" ")[0]
    of_another.write_bytes(lines + word + b" " + hashlib.sha256(lines).hexdigest().encode() + b"\n")
    Status(account, "--position", of_another).refused("TW-POSITION-FOREIGN")


def test_without_gtids(server, scratch, tmp_path):
    if server.mariadb:
        pytest.skip("MariaDB always has GTIDs")
    own = Mysql(scratch / f"{server.name}-status", server.name).start(gtid_mode="OFF", enforce_gtid_consistency="OFF")
    try:
        own.sql("CREATE USER 'tw'@'127.0.0.1' IDENTIFIED BY 'p'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1'; CREATE DATABASE d;"
                "CREATE TABLE d.t (x TEXT)")
        account, out = url(own, "tw", "p"), tmp_path / "out"
        position = ["--position", f"{out}.position"]
        stream(account, "--to", f"file:{out}", "--until", "now").good()
        assert Status(account, *position, "--json").good().json["lag_bytes"] < 1000
        own.sql("INSERT INTO d.t VALUES (REPEAT('x', 60000)); FLUSH BINARY LOGS; INSERT INTO d.t VALUES (REPEAT('x', 60000))")
        seen = Status(account, *position, "--json").good().json
        assert seen["lag_transactions"] is None and 120_000 < seen["lag_bytes"] < 130_000
        assert seen["server"]["at"].startswith("file:binlog.")
        current = own.binlog()[0].name

        def purged():
            own.sql(f"PURGE BINARY LOGS TO '{current}'")
            return own.rows("SHOW BINARY LOGS")[0][0] == current
        wait_for(purged, 30, "the old binlogs to be purged", 0.1)
        assert Status(account, *position, "--json").refused("TW-MY-PURGED").json["lag_bytes"] is None
    finally:
        own.stop()
