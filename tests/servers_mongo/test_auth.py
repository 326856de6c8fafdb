"""Logging in to a real server: both SCRAMs, certificates, privileges, TLS, and what is refused before a secret goes."""

import pytest
from urllib.parse import quote

from conftest import SERVER, VERSION

PASSWORD = "p:/?#[]@%ü"


@pytest.fixture(scope="module")
def guarded(scratch):
    """A server with TLS and users; its folder has the certificates."""
    key = scratch / "keyfile"
    key.write_text("a" * 64)
    key.chmod(0o400)
    server = SERVER(scratch / "guarded", VERSION, tls=True).start().initiate()
    with server.client() as client:
        for user, mechanisms in (("both", ["SCRAM-SHA-1", "SCRAM-SHA-256"]), ("old,=", ["SCRAM-SHA-1"]),
                                 ("new", ["SCRAM-SHA-256"])):
            client.admin.command("createUser", user, pwd=PASSWORD, mechanisms=mechanisms,
                                 roles=[{"role": "readAnyDatabase", "db": "admin"}])
        client.shop.command("createUser", "local", pwd="x", roles=[{"role": "read", "db": "shop"}])
        client.admin.command("createRole", "finder", roles=[], privileges=[
            {"resource": {"db": "shop", "collection": "c"}, "actions": ["find", "changeStream"]}])
        client.admin.command("createUser", "narrow", pwd="x", roles=["finder"])
        client["$external"].command("createUser", "CN=certified", roles=[{"role": "readAnyDatabase", "db": "admin"}])
    server.stop()
    server.options = ("--auth", "--keyFile", str(key))
    server.start()
    yield server
    server.stop()


def url(server, user="", password="", database="shop", **options):
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else f"{quote(user, safe='')}@" if user else ""
    given = {"tls": "true", "tlsCAFile": str(server.folder / "tls" / "ca.crt")} | options
    return f"mongodb://{who}{server.host}/{database}?" + "&".join(f"{name}={quote(str(value), safe='')}"
                                                                  for name, value in given.items())


@pytest.mark.parametrize("user, options", [
    ("both", {}), ("old,=", {}), ("new", {}), ("both", {"authMechanism": "SCRAM-SHA-1"}),
    ("both", {"authMechanism": "SCRAM-SHA-256", "compressors": "zlib"})], ids=str)
def test_scram(guarded, tidewire, user, options):
    run = tidewire("stream", url(guarded, user, PASSWORD, authSource="admin", **options), "--until", "now")
    run.succeed()
    assert PASSWORD not in run.stderr


def test_the_databases_own_user(guarded, tidewire):
    tidewire("stream", url(guarded, "local", "x"), "--until", "now").succeed()
    tidewire("stream", url(guarded, "local", "x", authSource="admin")).refuse(3, "TW-AUTH-PASSWORD")


@pytest.mark.parametrize("user, password", [("both", "wrong"), ("nobody", "x")])
def test_wrong_password_or_user(guarded, tidewire, user, password):
    run = tidewire("stream", url(guarded, user, password, authSource="admin"))
    run.refuse(3, "TW-AUTH-PASSWORD")
    assert "wrong" not in run.stderr


def test_certificate(guarded, tidewire):
    with_file = url(guarded, authMechanism="MONGODB-X509", tlsCertificateKeyFile=guarded.folder / "tls" / "client.pem")
    tidewire("stream", with_file, "--until", "now").succeed()
    tidewire("stream", url(guarded, authMechanism="MONGODB-X509")).refuse(3, "TW-")


def test_without_user_or_right(guarded, tidewire):
    tidewire("stream", url(guarded)).refuse(3, "TW-MONGO-PRIVILEGE")
    narrow = tidewire("stream", url(guarded, "narrow", "x", authSource="admin"))
    narrow.refuse(3, "TW-MONGO-PRIVILEGE")
    assert "changeStream" in narrow.hint
    tidewire("stream", url(guarded, "local", "x", database="", authSource="shop")).refuse(3, "TW-MONGO-PRIVILEGE")


def test_tls_is_verified(guarded, tidewire):
    other = guarded.folder / "tls" / "other_ca.crt"
    tidewire("stream", url(guarded, "both", PASSWORD, tlsCAFile=other)).refuse(3, "TW-TLS-UNTRUSTED")
    tidewire("stream", url(guarded, "both", PASSWORD, authSource="admin", tlsCAFile=other, tlsInsecure="true"), "--until",
             "now").succeed()
    tidewire("stream", url(guarded, "both", PASSWORD, tls="false", serverSelectionTimeoutMS=1000)).refuse(1, "TW-")


@pytest.mark.parametrize("mechanism, code", [("PLAIN", "TW-AUTH-NOT-ALLOWED"), ("GSSAPI", "TW-AUTH-NOT-SUPPORTED"),
                                             ("MONGODB-OIDC", "TW-AUTH-NOT-SUPPORTED")])
def test_mechanisms_that_are_not_to_be_had(server, tidewire, mechanism, code):
    tidewire("stream", f"mongodb://u:p@{server.host}/db?authMechanism={mechanism}&authSource=$external").refuse(3, code)


def test_password_is_not_in_the_process_list(guarded, tidewire):
    from pathlib import Path
    running = tidewire("stream", url(guarded, "local", "x"))
    running.wait_stderr("streaming ")
    assert "local" not in Path(f"/proc/{running.process.pid}/cmdline").read_text()
