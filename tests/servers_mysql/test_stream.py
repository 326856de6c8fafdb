"""tidewire stream from real servers: the same lines as decode, nothing lost and nothing twice whatever dies."""

import json

import pytest
from harness.replay import Decoded
from harness.stream import Running, Streamed, stream, url
from mysql import Mysql
from postgres import wait_for
from test_decode import SESSION, TABLE, Log, compare, modes, workload


@pytest.fixture
def account(server):
    """root over TCP, with the right to everything."""
    server.sql("CREATE USER IF NOT EXISTS 'tw'@'127.0.0.1' IDENTIFIED BY 'pass word'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1'")
    return url(server, "tw", "pass%20word")


def commit_of(decoded) -> str:
    """What only the last line has."""
    last = decoded.lines[-1]
    assert last["op"] == "commit"
    return f'"op":"commit","gtid":"{last["gtid"]}"'


def without_places(lines):
    return [{name: value for name, value in each.items() if name not in ("pos", "end_pos")} for each in lines]


@pytest.mark.parametrize("mode", [0, 1], ids=["plain", "compressed"])
def test_the_same_lines_as_from_the_file(server, database, account, mode, tmp_path):
    server.sql("SET GLOBAL binlog_row_metadata=FULL")
    log = Log(server)
    running = Running(tmp_path, account).started()
    try:
        server.sql(f"SET NAMES utf8mb4; {SESSION} {modes(server)[mode]} {TABLE} {workload(3)}", database)
    finally:
        if server.mariadb:
            server.sql("SET GLOBAL log_bin_compress=0")
    files = log.files()
    decoded = Decoded(*files).good()
    result = running.wait_for(commit_of(decoded), running.out).stop()
    assert result.code == 0, result.stderr
    assert without_places(result.lines) == without_places(decoded.lines)
    compare(server, database, result)
    told = [(ours["pos"], theirs["pos"]) for ours, theirs in zip(result.lines, decoded.lines) if "pos" in ours]
    assert [ours for ours, _ in told] == [theirs for _, theirs in told]
    assert len(told) > 50


def test_a_stream_goes_on_where_it_was_killed(server, database, account, tmp_path):
    server.sql("SET GLOBAL binlog_row_metadata=FULL")
    out = tmp_path / "out"
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    log = Log(server)
    server.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE}", database)
    for seed in range(4):
        running = Running(tmp_path, account, "--to", f"file:{out}", "--sync-interval", "0s").started()
        server.sql(f"SET NAMES utf8mb4; {SESSION} {workload(seed, 8)}", database)
        if seed % 2:
            server.sql("FLUSH BINARY LOGS")
        running.kill9()
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    lines = [json.loads(line, parse_float=str) for line in out.read_bytes().splitlines()]
    decoded = Decoded(*log.files()).good()
    changes = lambda all_lines: [each for each in without_places(all_lines) if each["op"] != "schema"]
    assert changes(lines) == changes(decoded.lines)
    result = Streamed(0, out.read_bytes(), b"")
    compare(server, database, result)
    position = out.with_name("out.position").read_text()
    assert ("position domains:" if server.mariadb else "position gtid:") in position


def test_a_server_that_restarts(server, database, account, tmp_path):
    server.sql("SET GLOBAL binlog_row_metadata=FULL")
    log = Log(server)
    port = server.port
    running = Running(tmp_path, account).started()
    server.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE} {workload(1, 5)}", database)
    server.stop()
    server.start(port=str(port))
    assert server.sql("SELECT @@port") == str(port)
    server.port = port
    server.sql("SET GLOBAL binlog_row_metadata=FULL")
    server.sql(f"SET NAMES utf8mb4; {SESSION} {workload(2, 5)}", database)
    expected = Decoded(*log.files()).good()
    result = running.wait_for(commit_of(expected), running.out).stop()
    assert result.code == 0, result.stderr
    changes = lambda all_lines: [each for each in without_places(all_lines) if each["op"] != "schema"]
    assert changes(result.lines) == changes(expected.lines)


def test_prepared_transactions_survive_a_restart(server, database, account, tmp_path):
    out = tmp_path / "out"
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); XA START 'a'; INSERT INTO t VALUES (1); XA END 'a'; XA PREPARE 'a'", database)
    server.sql("INSERT INTO t VALUES (2)", database)
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql("INSERT INTO t VALUES (3)", database)
    server.sql("XA COMMIT 'a'", database)
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [each["after"]["id"] for each in lines if each["op"] == "insert"] == [2, 3, 1]


def test_what_was_purged_is_refused(server, database, account, tmp_path):
    out = tmp_path / "out"
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1); FLUSH BINARY LOGS; INSERT INTO t VALUES (2);"
               "FLUSH BINARY LOGS; INSERT INTO t VALUES (3)", database)
    current = server.binlog()[0].name

    def purged():  # not as long as the dump that has just ended still has a file open
        server.sql(f"PURGE BINARY LOGS TO '{current}'")
        return server.rows("SHOW BINARY LOGS")[0][0] == current
    wait_for(purged, 30, "the old binlogs to be purged", 0.1)
    refused = stream(account, "--to", f"file:{out}", "--until", "now")
    assert refused.code == 3 and "TW-MY-PURGED" in refused.stderr, refused.stderr


def test_another_history_is_refused(server, database, account, tmp_path):
    out = tmp_path / "out"
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", database)
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql("RESET MASTER" if server.mariadb or server.name == "mysql-8.0" else "RESET BINARY LOGS AND GTIDS")
    refused = stream(account, "--to", f"file:{out}", "--until", "now")
    assert refused.code == 3 and "TW-MY-HISTORY" in refused.stderr, refused.stderr


def test_an_unknown_domain_is_refused(server, account, tmp_path):
    if not server.mariadb:
        pytest.skip("MySQL has no domains")
    out = tmp_path / "out"
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    server.sql("CREATE OR REPLACE DATABASE e; SET gtid_domain_id=7; CREATE TABLE e.t (id INT PRIMARY KEY); INSERT INTO e.t VALUES (1)")
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    assert ",7-1-" in out.with_name("out.position").read_text()
    server.sql("DROP DATABASE e; RESET MASTER; CREATE DATABASE e; DROP DATABASE e")
    refused = stream(account, "--to", f"file:{out}", "--until", "now")
    assert refused.code == 3 and "TW-MY-HISTORY" in refused.stderr, refused.stderr


def test_two_streams_of_one_server_id(server, account, tmp_path):
    """MySQL tells replicas by their UUID, which is new for each run; MariaDB ends the older one."""
    first = Running(tmp_path, account, "--server-id", "4711").started()
    second = Running(tmp_path, account, "--server-id", "4711").started()
    if server.mariadb:
        ended = first.result(20)
        assert ended.code == 3 and "TW-MY-CLASH" in ended.stderr, ended.stderr
    else:
        assert first.stop().code == 0
    assert second.stop().code == 0


def test_large_events_are_put_together(server, database, account, tmp_path):
    server.sql("SET GLOBAL binlog_row_metadata=FULL; SET GLOBAL max_allowed_packet=67108864")
    running = Running(tmp_path, account, "--until", "2tx").started()
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, b LONGTEXT); INSERT INTO t VALUES (1, REPEAT('x', 20000000))", database)
    result = running.result()
    assert result.code == 0, result.stderr
    assert result.ops("insert")[0]["after"]["b"] == "x" * 20_000_000


def test_rights_are_asked_for(server, account):
    server.sql("CREATE OR REPLACE USER low@'127.0.0.1' IDENTIFIED BY 'p'" if server.mariadb else
               "DROP USER IF EXISTS low@'127.0.0.1'; CREATE USER low@'127.0.0.1' IDENTIFIED BY 'p'")
    refused = stream(url(server, "low", "p"), "--until", "now")
    assert refused.code == 3 and "TW-MY-PRIVILEGE" in refused.stderr, refused.stderr
    server.sql("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO low@'127.0.0.1'" if not server.mariadb else
               "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO low@'127.0.0.1'")
    assert stream(url(server, "low", "p"), "--until", "now").code == 0


def test_without_gtids(server, scratch, tmp_path):
    if server.mariadb:
        pytest.skip("MariaDB always has GTIDs")
    own = Mysql(scratch / f"{server.name}-files", server.name).start(gtid_mode="OFF", enforce_gtid_consistency="OFF")
    try:
        own.sql("CREATE USER 'tw'@'127.0.0.1' IDENTIFIED BY 'p'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1'; CREATE DATABASE d")
        account, out = url(own, "tw", "p"), tmp_path / "out"
        stream(account, "--to", f"file:{out}", "--until", "now").good()
        log = Log(own)
        own.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE}", "d")
        for seed in range(3):
            running = Running(tmp_path, account, "--to", f"file:{out}", "--sync-interval", "0s").started()
            own.sql(f"SET NAMES utf8mb4; {SESSION} {workload(seed, 5)} FLUSH BINARY LOGS", "d")
            running.kill9()
        stream(account, "--to", f"file:{out}", "--until", "now").good()
        lines = Streamed(0, out.read_bytes(), b"")
        compare(own, "d", lines)
        decoded = Decoded(*log.files()).good()
        changes = lambda all_lines: [each for each in all_lines if each["op"] != "schema"]
        assert changes(lines.lines) == changes(decoded.lines)
        assert "position file:binlog." in out.with_name("out.position").read_text()
    finally:
        own.stop()


# Compression on the way.

def bytes_sent(server) -> int:
    return int(server.rows("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")[0][1])


@pytest.mark.parametrize("algorithm", ["zlib", "zstd"])
@pytest.mark.parametrize("mode", ["disabled", "required"])
def test_a_compressed_connection(server, database, algorithm, mode, tmp_path):
    server.sql("CREATE USER IF NOT EXISTS 'tw'@'127.0.0.1' IDENTIFIED BY 'pass word'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1'")
    if mode == "required" and not has_tls(server):
        pytest.skip(f"{server.name} has no TLS by itself")
    where = url(server, "tw", "pass%20word", ssl_mode=mode, compression_algorithms=algorithm)
    if algorithm == "zstd" and server.mariadb:
        refused = stream(where, "--until", "now")
        assert refused.code == 3 and "TW-MY-COMPRESSION" in refused.stderr
        return
    server.sql("SET GLOBAL binlog_row_metadata=FULL")
    out = tmp_path / "out"
    stream(where, "--to", f"file:{out}", "--until", "now").good()
    log = Log(server)
    # Small rows, random ones, and rows that are larger than a compressed packet can be.
    server.sql(f"SET NAMES utf8mb4; {SESSION} {TABLE} {workload(3)} CREATE TABLE large (id INT PRIMARY KEY, v LONGTEXT);"
               "INSERT INTO large VALUES (1, REPEAT('abc ', 5000000)), (2, 'x'); INSERT INTO large VALUES (3, REPEAT('ä', 100000))",
               database)
    before = bytes_sent(server)
    stream(where, "--to", f"file:{out}", "--until", "now").good()
    sent = bytes_sent(server) - before
    assert 0 < sent < 2_000_000, "20 MB of repeated text were not compressed"
    decoded = Decoded(*log.files()).good()
    ours = [json.loads(line, parse_float=str) for line in out.read_bytes().splitlines()]
    changes = lambda all_lines: [each for each in without_places(all_lines) if each["op"] != "schema"]
    assert changes(ours) == changes(decoded.lines)


# Logging in.

def plugins(server):
    if server.mariadb:
        ed25519 = [] if server.name == "mariadb-11.4" else ["ed25519"]  # that archive has no plugins
        return ["mysql_native_password", *ed25519] + (["parsec"] if server.name == "mariadb-11.8" else [])
    return ["caching_sha2_password"] + (["mysql_native_password", "sha256_password"] if server.name == "mysql-8.0" else [])


def make_account(server, plugin: str, password: str) -> None:
    server.sql("DROP USER IF EXISTS auth@'127.0.0.1'")
    if server.mariadb:
        if plugin in ("ed25519", "parsec"):
            server.client(f"INSTALL SONAME 'auth_{plugin}'" if plugin == "ed25519" else "INSTALL SONAME 'auth_parsec'")
        server.sql(f"CREATE USER auth@'127.0.0.1' IDENTIFIED VIA {plugin} USING PASSWORD('{password}')")
        server.sql("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO auth@'127.0.0.1'")
    else:
        server.sql(f"CREATE USER auth@'127.0.0.1' IDENTIFIED WITH {plugin} BY '{password}';"
                   "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO auth@'127.0.0.1'")


def has_tls(server) -> bool:
    return server.sql("SHOW GLOBAL VARIABLES LIKE 'have_ssl'").endswith("YES") or not server.mariadb


@pytest.mark.parametrize("mode", ["disabled", "required"])
def test_every_way_of_logging_in(server, mode):
    if mode == "required" and not has_tls(server):
        pytest.skip(f"{server.name} has no TLS by itself")
    tried = 0
    for plugin in plugins(server):
        for password in ("Word-1 'ä", ""):
            if password == "" and plugin in ("ed25519", "parsec"):
                continue
            quoted = password.replace("'", "\\'")
            make_account(server, plugin, quoted)
            where = url(server, "auth", "Word-1%20%27%C3%A4" if password else "", ssl_mode=mode)
            for _ in range(2):  # the second time out of the server's cache
                run = stream(where, "--until", "now")
                assert run.code == 0, f"{plugin}: {run.stderr}"
                tried += 1
            if password and plugin == "caching_sha2_password" and mode == "disabled":
                server.sql("FLUSH PRIVILEGES")
                run = stream(where + "&get-server-public-key=false", "--until", "now")
                assert run.code == 3 and "TW-AUTH-RSA" in run.stderr, run.stderr
            wrong = stream(url(server, "auth", "wrong", ssl_mode=mode), "--until", "now")
            assert wrong.code == 3 and "TW-AUTH-PASSWORD" in wrong.stderr, wrong.stderr
    assert tried >= 4 or plugins(server) == ["mysql_native_password"]


def test_tls_only_accounts_and_certificates(server):
    if not has_tls(server):
        pytest.skip(f"{server.name} has no TLS by itself")
    make_account(server, plugins(server)[0], "p")
    server.sql("ALTER USER auth@'127.0.0.1' REQUIRE SSL")
    refused = stream(url(server, "auth", "p", ssl_mode="disabled"), "--until", "now")
    assert refused.code == 3 and "ssl-mode" in refused.stderr
    assert stream(url(server, "auth", "p"), "--until", "now").code == 0
    refused = stream(url(server, "auth", "p", ssl_mode="verify-ca"), "--until", "now")
    assert refused.code == 3 and "TW-TLS-UNTRUSTED" in refused.stderr, refused.stderr
    if not server.mariadb:
        ca = server.data / "ca.pem"
        assert stream(url(server, "auth", "p", ssl_mode="verify-ca", ssl_ca=ca), "--until", "now").code == 0
