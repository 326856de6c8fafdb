"""--trace: every packet is a line on standard error, and no secret is in any of them."""

import hashlib
import re

import pytest
from harness.report import tidewire
from harness.stream import stream, url

PASSWORD = "s3cr3t pass"
LINE = re.compile(r"^[BF]\t(NN|\d+)\t[A-Za-z_?]+(\t .*)?$")


def native_hash(password: str) -> str:
    return hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


def check_lines(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line[:2] in ("B\t", "F\t")]
    for line in lines:
        assert LINE.match(line) and line.isascii(), line
    for secret in (PASSWORD, "s3cr3t", native_hash(PASSWORD)):
        assert secret not in text, secret
    return lines


@pytest.fixture
def account(server):
    """account(PLUGIN) is the URL of a new account of that plugin."""
    def make(plugin: str, **parameters: str) -> str:
        server.sql("DROP USER IF EXISTS traced@'127.0.0.1'")
        known = (f"IDENTIFIED VIA {plugin} USING PASSWORD('{PASSWORD}')" if server.mariadb
                 else f"IDENTIFIED WITH {plugin} BY '{PASSWORD}'")
        server.sql(f"CREATE USER traced@'127.0.0.1' {known}; GRANT ALL ON *.* TO traced@'127.0.0.1'")
        return url(server, "traced", PASSWORD.replace(" ", "%20"), **parameters)
    yield make
    server.sql("DROP USER IF EXISTS traced@'127.0.0.1'")


def logins(server) -> list[tuple[str, dict[str, str]]]:
    """Ways to log in that the server surely has: the short way, the long one, over TLS and without."""
    if server.mariadb:
        return [("mysql_native_password", {"ssl_mode": "disabled"}), ("mysql_native_password", {})]
    return [("caching_sha2_password", {"ssl_mode": "disabled"}), ("caching_sha2_password", {"ssl_mode": "disabled"}),
            ("caching_sha2_password", {"ssl_mode": "required"}), ("sha256_password", {"ssl_mode": "required"}),
            ("sha256_password", {"ssl_mode": "disabled"})]


def test_logins(server, account):
    place = ""
    for plugin, parameters in logins(server):
        place = account(plugin, **parameters)
        for _ in range(2):  # the second time the server may remember the password
            run = stream(place, "--trace", "--until", "now")
            assert run.code == 0, run.stderr
            lines = check_lines(run.stderr)
            assert lines[0].startswith("B\t") and "\tHandshake\t " in lines[0]
            assert lines[1].startswith("F\t32\tSSLRequest\t " if parameters.get("ssl_mode") == "required" else "F\t")
            assert any(line.startswith("F\tNN\tHandshakeResponse\t ") for line in lines)
            assert any('\tCOM_QUERY\t "SET NAMES utf8mb4' in line for line in lines)


@pytest.mark.parametrize("compression", ["uncompressed", "zlib"])
def test_a_dump(server, database, account, compression, tmp_path):
    server.sql("SET GLOBAL binlog_row_metadata=FULL; CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", database)
    place = account("mysql_native_password" if server.mariadb else "caching_sha2_password", compression_algorithms=compression)
    options = ("--to", f"file:{tmp_path}/out", "--until", "now")
    assert stream(place, *options).code == 0
    server.sql("INSERT INTO t VALUES (1, 'of a row'); DELETE FROM t; FLUSH BINARY LOGS; INSERT INTO t VALUES (2, '')", database)
    run = stream(place, *options, "--trace")
    assert run.code == 0, run.stderr
    text = "\n".join(check_lines(run.stderr))
    assert re.search(r'^F\t\d+\tCOM_REGISTER_SLAVE\t \d+ ".*" \(hidden\)$', text, re.M)
    assert re.search(r"^F\t\d+\tCOM_BINLOG_DUMP(_GTID)?\t ", text, re.M)
    assert len(re.findall(r"^B\t\d+\tBinlogEvent\t Rotate 0 \d+ artificial$", text, re.M)) == 2
    for name in ("Format_desc", "Write_rows", "Delete_rows", "Xid", "Table_map", "Rotate"):
        assert re.search(rf"^B\t\d+\tBinlogEvent\t {name}\w* \d+ \d+", text, re.M), name
    assert "of a row" not in text


def test_what_the_server_refuses(server):
    run = stream(url(server, "nobody_here", "s3cr3t"), "--trace", "--until", "now")
    assert run.code == 3
    assert re.search(r'^B\t\d+\tERR\t 1045 "28000" "Access denied', "\n".join(check_lines(run.stderr)), re.M)


def test_check_and_snapshot(server, database, account):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x')", database)
    place = account("mysql_native_password" if server.mariadb else "caching_sha2_password")
    run = tidewire("check", place, "--trace")
    lines = check_lines(run.stderr)
    assert any("SHOW GRANTS" in line for line in lines) and len(lines) > 50
    copied = tidewire("snapshot", place, "--table", "d.t", "--trace")
    assert any("\tRow\t 2 1 '1' 1 'x'" in line for line in check_lines(copied.stderr)), copied.stderr


def test_setup_does_not_show_the_new_password(server):
    server.sql("DROP USER IF EXISTS tidewire")
    try:
        run = tidewire("setup", url(server), "--apply", "--trace")
        assert run.returncode in (0, 3), run.stderr
        password = re.search(r"^-- ([A-Za-z0-9]{32})$", run.stdout, re.M).group(1)
        assert password not in run.stderr and native_hash(password) not in run.stderr
        assert re.search(r'^F\tNN\tCOM_QUERY\t "CREATE USER .*" \(the rest is hidden\)$', run.stderr, re.M)
    finally:
        server.sql("DROP USER IF EXISTS tidewire")
