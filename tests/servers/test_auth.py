"""Every way in: authentication methods, TLS, connection strings; and every way that must stay shut."""

from pathlib import Path
from urllib.parse import quote

import pytest

PASSWORD = "s3cr:t/p@ss'wörd"
HBA = """
local   all all                                trust
host    all password     127.0.0.1/32          password
host    all md5          127.0.0.1/32          md5
host    all scram        127.0.0.1/32          scram-sha-256
hostssl all certified    127.0.0.1/32          cert
hostssl all encrypted    127.0.0.1/32          trust
host    all rejected     127.0.0.1/32          reject
host    all plain        127.0.0.1/32          trust
host    all postgres     127.0.0.1/32          trust
""".strip().splitlines()


@pytest.fixture(scope="module")
def guarded(new_server):
    """A server where each user's name says how it gets in."""
    server = new_server()
    literal = PASSWORD.replace("'", "''")
    server.sql("".join(
        f"SET password_encryption = '{'md5' if user == 'md5' else 'scram-sha-256'}';"
        f"CREATE ROLE \"{user}\" LOGIN REPLICATION PASSWORD '{literal}';"
        for user in ("password", "md5", "scram", "certified", "encrypted", "rejected", "plain")))
    server.set_hba(HBA)
    server.sql("CREATE TABLE items (id int PRIMARY KEY); CREATE PUBLICATION tidewire FOR ALL TABLES")
    return server


@pytest.fixture
def enter(guarded, tidewire):
    """enter(user, parameter=value, …): runs a stream to now over a temporary slot and returns the process."""
    def run(user: str, env=None, url: str | None = None, **parameters):
        url = url or guarded.url(user=user, **parameters)
        return tidewire("stream", url, "--temporary-slot", "--until", "now", env=env)
    return run


def tls(server, name: str) -> str:
    return str(server.tls / name)


@pytest.fixture
def serve(guarded):
    """serve(certificate): what the server shows; False: no TLS at all. Put back afterwards."""
    def change(certificate):
        if certificate is False:
            guarded.set(ssl="off")
        else:
            guarded.set(ssl_cert_file=tls(guarded, f"{certificate}.crt"),
                        ssl_key_file=tls(guarded, f"{certificate}.key"))
    yield change
    guarded.reset("ssl", "ssl_cert_file", "ssl_key_file")


# Authentication methods

@pytest.mark.parametrize("sslmode", ["disable", "require"])
@pytest.mark.parametrize("user", ["plain", "password", "md5", "scram"])
def test_each_method(enter, user, sslmode):
    enter(user, sslmode=sslmode, env={"PGPASSWORD": PASSWORD}).succeed()


@pytest.mark.parametrize("user", ["password", "md5", "scram"])
def test_wrong_or_no_password(enter, user):
    wrong = enter(user, env={"PGPASSWORD": "wr0ng-0ne"}).refuse(3)
    assert "wr0ng-0ne" not in wrong.stderr
    enter(user).refuse(3)


@pytest.mark.parametrize("certificate", ["server", "server_sha384", "server_sha512"])
def test_channel_binding(enter, serve, certificate):
    serve(certificate)
    enter("scram", sslmode="require", channel_binding="require", env={"PGPASSWORD": PASSWORD}).succeed()


def test_channel_binding_that_cannot_be(enter):
    env = {"PGPASSWORD": PASSWORD}
    for user, sslmode in (("scram", "disable"), ("md5", "require"), ("plain", "require")):
        enter(user, sslmode=sslmode, channel_binding="require", env=env).refuse(3)


@pytest.mark.parametrize("user, allowed, works", [
    ("scram", "scram-sha-256", True), ("scram", "md5,scram-sha-256", True), ("scram", "!password,!md5", True),
    ("md5", "scram-sha-256", False), ("password", "scram-sha-256,md5", False), ("plain", "scram-sha-256", False),
    ("plain", "none", True), ("password", "!password", False), ("plain", "!none", False)])
def test_required_methods(enter, guarded, user, allowed, works):
    run = enter(user, require_auth=allowed, env={"PGPASSWORD": PASSWORD})
    if works:
        run.succeed()
    else:
        run.refuse(3)


def test_a_password_is_not_given_away_where_it_is_not_allowed(guarded, tidewire):
    """The server asks for the clear text: nothing of it may have left us when we refuse."""
    run = tidewire("stream", guarded.url(user="password", require_auth="scram-sha-256"), "--trace", "--temporary-slot",
                   env={"PGPASSWORD": PASSWORD})
    run.refuse(3)
    assert "PasswordMessage" not in run.stderr


def test_rejected_and_unknown_users(enter, guarded):
    enter("rejected").refuse(3)
    enter("nobody_like_this").refuse(3)
    run = enter("postgres", url=guarded.url("no_such_database")).refuse(3)
    assert "no_such_database" in run.stderr


def test_client_certificate(enter, guarded):
    both = {"sslcert": tls(guarded, "client.crt"), "sslkey": tls(guarded, "client.key")}
    enter("certified", sslmode="require", **both).succeed()
    enter("certified", sslmode="verify-full", sslrootcert=tls(guarded, "ca.crt"), **both).succeed()
    enter("certified", sslmode="require").refuse(3)
    enter("certified", sslmode="require", sslcert=both["sslcert"], sslkey=tls(guarded, "server.key")).refuse(2)


def test_when_the_client_certificate_is_shown(enter, guarded):
    both = {"sslcert": tls(guarded, "client.crt"), "sslkey": tls(guarded, "client.key")}
    for mode in ("allow", "require"):
        enter("certified", sslmode="require", sslcertmode=mode, **both).succeed()
    enter("certified", sslmode="require", sslcertmode="disable", **both).refuse(3, "TW-AUTH-REJECTED")
    # Neither the files nor the server's wish for one are needed where it stays here.
    enter("encrypted", sslmode="require", sslcertmode="disable", sslcert="/no/such", sslkey="/file").succeed()
    enter("encrypted", sslmode="require", sslcertmode="require").refuse(2, "TW-TLS-OPTIONS")
    enter("plain", sslmode="disable", sslcertmode="require", **both).refuse(2, "TW-TLS-OPTIONS")
    # Where TLS is only preferred it is now needed.
    run = enter("encrypted", sslmode="allow", sslcertmode="require", **both).succeed()
    assert "without encryption" not in run.stderr


def test_a_server_that_does_not_ask_for_the_client_certificate(enter, guarded):
    both = {"sslcert": tls(guarded, "client.crt"), "sslkey": tls(guarded, "client.key")}
    guarded.set_hba([line for line in HBA if " cert" not in line])  # which takes an authority
    guarded.set(ssl_ca_file="")
    try:
        for version in ("TLSv1.2", "TLSv1.3"):
            only = {"sslmode": "require", "ssl_min_protocol_version": version, "ssl_max_protocol_version": version}
            enter("encrypted", sslcertmode="allow", **only, **both).succeed()
            enter("encrypted", sslcertmode="require", **only, **both).refuse(3, "TW-TLS-CERTIFICATE-NOT-ASKED")
        enter("scram", sslmode="prefer", sslcertmode="require", env={"PGPASSWORD": PASSWORD}, **both).refuse(
            3, "TW-TLS-CERTIFICATE-NOT-ASKED")
    finally:
        guarded.reset("ssl_ca_file")
        guarded.set_hba(HBA)


# TLS

@pytest.mark.parametrize("sslmode", ["allow", "prefer", "require"])
def test_encryption_without_verification(enter, sslmode):
    enter("encrypted", sslmode=sslmode).succeed()


def test_no_encryption_where_the_server_wants_it(enter):
    enter("encrypted", sslmode="disable").refuse(3)


OK, REFUSED = True, False


@pytest.mark.parametrize("certificate, authority, sslmode, host, result", [
    ("server", "ca", "verify-ca", "127.0.0.1", OK),
    ("server", "ca", "verify-full", "127.0.0.1", OK),
    ("server", "ca", "verify-full", "localhost", OK),
    ("server", "ca", "verify-full", "db.example.test", OK),
    ("server", "other_ca", "verify-ca", "127.0.0.1", REFUSED),
    ("server", "other_ca", "verify-full", "127.0.0.1", REFUSED),
    ("server", "other_ca", "require", "127.0.0.1", REFUSED),  # as libpq: with an authority, require verifies it
    ("server", "no_such_file", "verify-full", "127.0.0.1", REFUSED),
    ("server", "system", "verify-full", "127.0.0.1", REFUSED),
    ("wrong_host", "ca", "verify-ca", "127.0.0.1", OK),
    ("wrong_host", "ca", "verify-full", "127.0.0.1", REFUSED),
    ("wrong_host", "ca", "verify-full", "localhost", REFUSED),
    ("expired", "ca", "verify-ca", "127.0.0.1", REFUSED),
    ("expired", "ca", "verify-full", "127.0.0.1", REFUSED),
    ("common_name_only", "ca", "verify-full", "localhost", OK),
    ("wildcard", "ca", "verify-full", "db.example.test", OK),
    ("wildcard", "ca", "verify-full", "a.b.example.test", REFUSED),
    ("wildcard", "ca", "verify-full", "localhost", REFUSED),
])
def test_verification(enter, guarded, serve, certificate, authority, sslmode, host, result):
    serve(certificate)
    authority = authority if authority == "system" else tls(guarded, f"{authority}.crt")
    parameters = {"sslmode": sslmode, "sslrootcert": authority}
    if "example" in host:
        parameters["hostaddr"] = "127.0.0.1"
    run = enter("encrypted", host=host, **parameters)
    if result is OK:
        run.succeed()
    else:
        # A file that isn't there is a mistake in the settings, the rest a server that is not to be trusted.
        assert run.end() in ((2, 3) if "no_such" in authority else (3,)), run.describe()
        assert run.error.startswith("TW-"), run.describe()


@pytest.mark.parametrize("sslmode, result", [
    ("disable", OK), ("allow", OK), ("prefer", OK), ("require", REFUSED), ("verify-ca", REFUSED),
    ("verify-full", REFUSED)])
def test_a_server_without_tls(enter, guarded, serve, sslmode, result):
    serve(False)
    root = {"sslrootcert": tls(guarded, "ca.crt")} if sslmode.startswith("verify") else {}
    run = enter("plain", sslmode=sslmode, **root)
    if result is OK:
        run.succeed()
    else:
        run.refuse(3)


def test_protocol_versions_of_tls(enter, guarded):
    for version in ("TLSv1.2", "TLSv1.3"):
        enter("encrypted", sslmode="require", ssl_min_protocol_version=version,
              ssl_max_protocol_version=version).succeed()


@pytest.mark.since(17, "direct TLS")
def test_direct_tls(enter, guarded):
    enter("encrypted", sslmode="require", sslnegotiation="direct").succeed()
    enter("encrypted", sslmode="verify-full", sslnegotiation="direct", sslrootcert=tls(guarded, "ca.crt")).succeed()


@pytest.mark.before(17, "direct TLS that the server doesn't know")
def test_direct_tls_with_an_old_server(enter):
    run = enter("encrypted", sslmode="require", sslnegotiation="direct", connect_timeout="5")
    assert run.end(60) in (1, 3) and run.error


# Connection strings

def test_several_hosts(enter, guarded):
    closed = guarded.url(port=1).split("@")[1].split("/")[0]
    enter("", url=f"postgres://plain@{closed},127.0.0.1:{guarded.port}/postgres?sslmode=disable").succeed()
    enter("", url=f"host=127.0.0.1,127.0.0.1 port=1,{guarded.port} user=plain dbname=postgres sslmode=disable "
                  "target_session_attrs=read-write").succeed()
    run = enter("", url=f"host=127.0.0.1 port={guarded.port} user=plain dbname=postgres sslmode=disable "
                        "target_session_attrs=standby")
    assert run.end(60) in (1, 3) and run.error


def test_unix_socket(enter, guarded):
    enter("", url=f"host={guarded.folder} port={guarded.port} user=plain dbname=postgres").succeed()
    enter("", url=f"postgres://plain@{quote(str(guarded.folder), safe='')}:{guarded.port}/postgres").succeed()


def test_files_and_environment(enter, guarded, tmp_path):
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    (tmp_path / ".pgpass").write_text(f"127.0.0.1:{guarded.port}:*:scram:{escaped}\n")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / "service").write_text(f"[here]\nhost=127.0.0.1\nport={guarded.port}\ndbname=postgres\nuser=scram\n")
    home = {"HOME": str(tmp_path)}
    enter("scram", env=home).succeed()
    enter("", url="postgres://?service=here&sslmode=disable",
          env=home | {"PGSERVICEFILE": str(tmp_path / "service")}).succeed()
    everything = {"PGHOST": "127.0.0.1", "PGPORT": str(guarded.port), "PGUSER": "scram", "PGDATABASE": "postgres",
                  "PGPASSWORD": PASSWORD, "PGSSLMODE": "disable"}
    enter("", url="postgres://", env=everything).succeed()
    (tmp_path / ".pgpass").chmod(0o644)
    enter("scram", env=home).refuse(3)


def test_a_password_in_the_string_shows_nowhere(guarded, tidewire):
    secret = quote(PASSWORD, safe="")
    url = f"postgres://scram:{secret}@127.0.0.1:{guarded.port}/postgres?sslmode=disable"
    run = tidewire("stream", url, "--temporary-slot", "--trace")
    run.wait_until(lambda: guarded.sql("SELECT count(*) FROM pg_replication_slots WHERE active") == "1", "a stream")
    command = Path(f"/proc/{run.process.pid}/cmdline").read_text(errors="replace")
    assert secret not in command and PASSWORD not in command
    run.interrupt().succeed()
    assert secret not in run.stderr and PASSWORD not in run.stderr


def test_trace_shows_messages(enter, guarded, tidewire):
    run = tidewire("stream", guarded.url(), "--temporary-slot", "--until", "now", "--trace").succeed()
    for name in ("AuthenticationOk", "ParameterStatus", "ReadyForQuery", "CopyBothResponse"):
        assert name in run.stderr
