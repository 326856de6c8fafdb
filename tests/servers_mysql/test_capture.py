"""tidewire stream --capture: what was captured decodes, without any server, to the same bytes."""

import pytest
from harness.replay import Decoded
from harness.stream import Running, stream, url
from postgres import wait_for
from test_decode import SESSION, TABLE, modes, workload


@pytest.fixture
def account(server):
    server.sql("CREATE USER IF NOT EXISTS 'tw'@'127.0.0.1' IDENTIFIED BY 'pass word'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1'; "
               "SET GLOBAL binlog_row_metadata=FULL")
    return url(server, "tw", "pass%20word")


def kill_dump(server) -> None:
    """The connection that a stream reads from, as soon as there is one."""
    def dumps():
        return server.rows("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
    wait_for(dumps, 30, "a dump")
    for (number,) in dumps():
        server.sql(f"KILL {number}")


def last_line(server, database, running) -> None:
    """Waits until the stream has what is written now."""
    server.sql("CREATE TABLE IF NOT EXISTS last (id INT PRIMARY KEY); INSERT INTO last VALUES (1)", database)
    running.wait_for('"table":"last"', running.out)


def check_same(result, capture) -> None:
    assert result.code == 0, result.stderr
    decoded = Decoded(capture).good()
    assert decoded.raw == result.raw
    assert len(decoded.lines) > 50 and all("pos" in each for each in decoded.ops("begin"))


@pytest.mark.parametrize("mode", [0, 1], ids=["plain", "compressed"])
def test_several_files(server, database, account, mode, tmp_path):
    capture = tmp_path / "capture"
    running = Running(tmp_path, account, "--capture", capture).started()
    try:
        server.sql(f"SET NAMES utf8mb4; {SESSION} {modes(server)[mode]} {TABLE} {workload(5, 8)} FLUSH BINARY LOGS; {workload(6, 8)}", database)
    finally:
        if server.mariadb:
            server.sql("SET GLOBAL log_bin_compress=0")
    last_line(server, database, running)
    check_same(running.stop(), capture)
    listed = Decoded("--list", capture).good().raw.decode()
    assert [line.split()[4] for line in listed.splitlines()[1:3]] == ["Format_desc", "Rotate"] and "Heartbeat" not in listed


def test_connections_that_are_lost(server, database, account, tmp_path):
    """Also in the middle of a transaction, whose events then come again."""
    capture = tmp_path / "capture"
    running = Running(tmp_path, account, "--capture", capture).started()
    server.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE} {workload(7, 8)}", database)
    kill_dump(server)
    server.sql(f"SET NAMES utf8mb4; {SESSION} {workload(8, 8)} CREATE TABLE big (id INT PRIMARY KEY, v LONGTEXT);", database)
    running.wait_for('"op":"commit"', running.out)
    for number in range(3):
        server.sql("BEGIN;" + "".join(f"INSERT INTO big VALUES ({number * 100 + i}, REPEAT('x', 1000000));" for i in range(40)) + "COMMIT", database)
        kill_dump(server)
    last_line(server, database, running)
    result = running.stop()
    assert result.stderr.count("TW-") >= 3, "connections were lost"
    check_same(result, capture)


def test_goes_on_from_a_position(server, database, account, tmp_path):
    """A capture begins where its run does, which may be in the middle of a file."""
    out = tmp_path / "out"
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE} {workload(9, 5)}", database)
    stream(account, "--to", f"file:{out}", "--until", "now", "--capture", tmp_path / "first").good()
    size = out.stat().st_size
    server.sql(f"SET NAMES utf8mb4; {SESSION} {workload(10, 5)}", database)
    stream(account, "--to", f"file:{out}", "--until", "now", "--capture", tmp_path / "second").good()
    assert Decoded(tmp_path / "first").good().raw == out.read_bytes()[:size]
    second = Decoded(tmp_path / "second").good()
    assert second.raw == out.read_bytes()[size:] and len(second.lines) > 20


def test_prepared_transactions(server, database, account, tmp_path):
    capture = tmp_path / "capture"
    running = Running(tmp_path, account, "--capture", capture).started()
    server.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE} CREATE TABLE p (id INT PRIMARY KEY); XA START 'a'; INSERT INTO p VALUES (1); XA END 'a'; XA PREPARE 'a'", database)
    kill_dump(server)
    server.sql("XA COMMIT 'a'")  # before anything can fail: it would hold its locks
    server.sql(f"SET NAMES utf8mb4; {SESSION} {workload(11, 8)}", database)
    last_line(server, database, running)
    check_same(running.stop(), capture)


def test_a_file_that_is_there_is_left_alone(server, account, tmp_path):
    (tmp_path / "there").write_bytes(b"mine")
    run = stream(account, "--until", "now", "--capture", tmp_path / "there")
    assert run.code == 3 and "TW-CAPTURE-FILE" in run.stderr and (tmp_path / "there").read_bytes() == b"mine"
    assert stream(account, "--until", "now", "--capture", tmp_path / "nowhere" / "x").code == 3
