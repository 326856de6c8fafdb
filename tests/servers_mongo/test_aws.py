"""MONGODB-AWS with a server that verifies signatures as Amazon does: a real one asks Amazon, and is not to be had."""

import base64
import datetime
import hashlib
import hmac
import os

import bson
import pytest
from scripted import MONGOS, Scripted

KEY, SECRET, TOKEN = "AKIAEXAMPLE", "wJalr/XUtnFEMI+K7MDENG", "FwoGZXIv/YXdz+EBY="
NOTHING = {name: "" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE",
                                 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")}
VARIABLES = NOTHING | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


def signature(host: str, region: str, date: str, nonce: bytes, token: str | None) -> str:
    """Of GetCallerIdentity, as the documentation of Signature Version 4 has it."""
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"Content-Length": str(len(body)), "Content-Type": "application/x-www-form-urlencoded", "Host": host,
               "X-Amz-Date": date, "X-MongoDB-GS2-CB-Flag": "n", "X-MongoDB-Server-Nonce": base64.b64encode(nonce).decode()}
    if token:
        headers["X-Amz-Security-Token"] = token
    lower = sorted((name.lower(), value) for name, value in headers.items())
    names = ";".join(name for name, _ in lower)
    request = "\n".join(["POST", "/", "", *(f"{name}:{value}" for name, value in lower), "", names,
                         hashlib.sha256(body.encode()).hexdigest()])
    place = f"{date[:8]}/{region}/sts/aws4_request"
    key = b"AWS4" + SECRET.encode()
    for part in place.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", date, place, hashlib.sha256(request.encode()).hexdigest()])
    signed = hmac.new(key, text.encode(), "sha256").hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={KEY}/{place}, SignedHeaders={names}, Signature={signed}"


class Aws(Scripted):
    def __init__(self, host="sts.us-west-2.amazonaws.com", region="us-west-2", nonce=lambda ours: ours + os.urandom(32), token=None):
        super().__init__(MONGOS)
        self.sts, self.region, self.token, self.make_nonce = host, region, token, nonce
        self.logins: list[bool] = []

    def answer(self, command):
        name = next(iter(command))
        if name == "saslStart":
            assert command["mechanism"] == "MONGODB-AWS" and command["$db"] == "$external"
            said = bson.decode(command["payload"])
            assert set(said) == {"r", "p"} and len(said["r"]) == 32 and said["p"] == 110
            self.nonce = self.make_nonce(said["r"])
            return {"ok": 1, "conversationId": 3, "done": False, "payload": bson.encode({"s": self.nonce, "h": self.sts})}
        if name == "saslContinue":
            said = bson.decode(command["payload"])
            now = datetime.datetime.now(datetime.timezone.utc)
            told = datetime.datetime.strptime(said["d"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
            right = said["a"] == signature(self.sts, self.region, said["d"], self.nonce, self.token)
            self.logins.append(right and abs(now - told) < datetime.timedelta(minutes=5) and said.get("t") == self.token)
            if not self.logins[-1]:
                return {"ok": 0, "code": 18, "codeName": "AuthenticationFailed", "errmsg": "Authentication failed."}
            return {"ok": 1, "conversationId": 3, "done": True, "payload": b""}
        return super().answer(command)


@pytest.fixture
def aws():
    started = []

    def make(*arguments, **options):
        started.append(Aws(*arguments, **options))
        return started[-1]
    yield make
    for each in started:
        each.close()


def url(server, who="", properties="", **more):
    given = {"authMechanism": "MONGODB-AWS"} | ({"authMechanismProperties": properties} if properties else {}) | more
    return f"mongodb://{who}{server.host}/db?" + "&".join(f"{name}={value}" for name, value in given.items())


def no_secret_in(run):
    for each in (SECRET, TOKEN):
        assert each not in run.stderr and each not in "".join(line.decode() for line in run.lines)
    assert "Signature=" not in run.stderr


SECRET_IN_URL = SECRET.replace("/", "%2F").replace("+", "%2B")
TOKEN_IN_URL = TOKEN.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D")


@pytest.mark.parametrize("where", ["string", "variables"])
@pytest.mark.parametrize("token", [None, TOKEN], ids=["for good", "with a token"])
@pytest.mark.parametrize("host, region", [("sts.amazonaws.com", "us-east-1"), ("sts.us-west-2.amazonaws.com", "us-west-2")])
def test_login(aws, tidewire, where, token, host, region):
    server = aws(host, region, token=token)
    if where == "string":
        run = tidewire("stream", url(server, f"{KEY}:{SECRET_IN_URL}@", f"AWS_SESSION_TOKEN:{TOKEN_IN_URL}" if token else ""), "--trace",
                       "--until", "now", env=NOTHING)
    else:
        run = tidewire("stream", url(server), "--trace", "--until", "now", env=VARIABLES | {"AWS_SESSION_TOKEN": token or ""})
    run.succeed()
    assert server.logins and all(server.logins)
    assert '"saslContinue"' in run.stderr
    no_secret_in(run)


@pytest.mark.parametrize("command", ["stream", "status", "check"])
def test_wrong_secret(aws, tidewire, command):
    server = aws()
    run = tidewire(command, url(server), *(["--trace"] if command != "status" else []),
                   env=VARIABLES | {"AWS_SECRET_ACCESS_KEY": "wrong" + SECRET})
    assert run.end() == 3, run.describe()
    assert server.logins == [False]
    if command == "stream":
        run.refuse(3, "^TW-AUTH-PASSWORD$")
        assert KEY in run.stderr and "clock" in run.hint
    no_secret_in(run)


@pytest.mark.parametrize("wrong", [{"nonce": lambda ours: os.urandom(64)}, {"nonce": lambda ours: ours + os.urandom(31)},
                                   {"host": "sts..com"}, {"host": ""}, {"host": "a\nhost:b"}],
                         ids=["another's nonce", "short nonce", "empty label", "no host", "two lines"])
def test_server_that_is_none_gets_no_signature(aws, tidewire, wrong):
    server = aws(**wrong)
    run = tidewire("stream", url(server), "--trace", env=VARIABLES | {"AWS_SESSION_TOKEN": TOKEN})
    run.refuse(3, "^TW-AUTH-AWS$")
    assert not server.sent("saslContinue")
    no_secret_in(run)


@pytest.mark.parametrize("variables, code", [
    ({}, "TW-AUTH-NO-PASSWORD"), ({"AWS_SECRET_ACCESS_KEY": SECRET}, "TW-AUTH-NO-PASSWORD"),
    ({"AWS_ACCESS_KEY_ID": KEY}, "TW-AUTH-NO-PASSWORD"), ({"AWS_SESSION_TOKEN": TOKEN}, "TW-AUTH-NO-PASSWORD"),
    ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, "TW-AUTH-NOT-SUPPORTED"),
    ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/x"}, "TW-AUTH-NOT-SUPPORTED")], ids=str)
def test_no_credentials(aws, tidewire, variables, code):
    server = aws()
    run = tidewire("stream", url(server), env=NOTHING | variables)
    run.refuse(3, f"^{code}$")
    assert "export-credentials" in run.hint and not server.commands
    no_secret_in(run)


def test_half_of_a_user(aws, tidewire):
    server = aws()
    tidewire("stream", url(server, f"{KEY}@"), env=VARIABLES).refuse(2, "TW-USAGE-CONNECTION-STRING")
    alone = tidewire("stream", url(server, properties=f"AWS_SESSION_TOKEN:{TOKEN_IN_URL}"), env=VARIABLES)
    alone.refuse(2, "TW-USAGE-CONNECTION-STRING")
    other = tidewire("stream", url(server, f"{KEY}:{SECRET_IN_URL}@", authSource="admin"), env=VARIABLES)
    other.refuse(2, "TW-USAGE-CONNECTION-STRING")
    no_secret_in(alone)
    no_secret_in(other)
    assert not server.commands


def test_real_server_without_the_mechanism(server, tidewire):
    run = tidewire("stream", url(server), "--trace", env=VARIABLES)
    run.refuse(3, "^TW-AUTH-NOT-SUPPORTED$")
    no_secret_in(run)
