"""--trace: every message is a line on standard error, and no secret is in any of them."""

import base64
import re

import pytest
from checking import Plan, ROOT, guarded, root, url
from conftest import SERVER, VERSION

PASSWORD = "s3cr3t pass"
LINE = re.compile(r"^[BF]\t(NN|\d+)\t(OP_MSG|OP_COMPRESSED)\t \d+ \d+ .*$")


@pytest.fixture(scope="module")
def secured(scratch):
    """A server that wants users."""
    server = guarded(SERVER(scratch / "secured-trace", VERSION))
    with root(server) as client:
        client.admin.command("createUser", "traced", pwd=PASSWORD, roles=["readAnyDatabase", "clusterMonitor"])
        client.shop.c.insert_one({"_id": 0})
    yield server
    server.kill9()


def lines_of(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line[:2] in ("B\t", "F\t")]
    for line in lines:
        assert LINE.match(line) and line.isascii(), line
    for secret in (PASSWORD, "s3cr3t", base64.b64encode(f"\0traced\0{PASSWORD}".encode()).decode()):
        assert secret not in text, secret
    # Of SCRAM, nothing but that it took place.
    assert not re.search(r"[nr]=[A-Za-z0-9+/]{10}|\"payload\":[^(]", text)
    return lines


@pytest.mark.parametrize("parameters", [{}, {"authMechanism": "SCRAM-SHA-1"}, {"compressors": "zstd"}], ids=["plain", "sha1", "zstd"])
def test_a_stream(secured, tidewire, parameters):
    running = tidewire("stream", url(secured, "traced", PASSWORD, **parameters), "--trace", "--until", "1tx")
    running.wait_stderr("streaming .* after ")
    with root(secured) as client:
        client.shop.c.insert_one({"x": 1})
    lines = lines_of(running.succeed().stderr)
    assert re.match(r'^F\t\d+\tOP_MSG\t 1 0 "hello" \{"hello":1,', lines[0]) and '"speculativeAuthenticate":(hidden)' in lines[0]
    assert re.match(r"^B\t\d+\tOP_MSG\t \d+ 1 reply \{", lines[1]) and '"setName":"' in lines[1]
    assert any(line.startswith("F\tNN\tOP_MSG\t ") and '"saslContinue"' in line for line in lines)
    kind = r"OP_COMPRESSED\t \d+ 0 zstd \d+" if "compressors" in parameters else r"OP_MSG\t \d+ 0"
    for name in ("aggregate", "getMore"):
        assert any(re.match(rf'^F\t\d+\t{kind} "{name}" ', line) for line in lines), name
    assert any(line.startswith("B\t") and '"operationType":"insert"' in line for line in lines)


def test_a_wrong_password(secured, tidewire):
    run = tidewire("stream", url(secured, "traced", "w0rse"), "--trace").refuse(3, "TW-AUTH-PASSWORD")
    assert "w0rse" not in run.stderr and any('"code":18,' in line for line in lines_of(run.stderr))


def test_snapshot_and_check(secured, tidewire):
    place = url(secured, "traced", PASSWORD)
    assert any('"listCollections"' in line for line in lines_of(tidewire("snapshot", place, "--trace").succeed().stderr))
    run = tidewire("check", place, "--trace")
    assert run.end() in (0, 3) and any('"connectionStatus"' in line for line in lines_of(run.stderr))


def test_setup_makes_a_user(secured, tidewire):
    run = tidewire("setup", url(secured, "root", ROOT), "--apply", "--trace", "--json")
    password = Plan(run).password
    assert len(password) > 20 and password not in run.stderr and ROOT not in run.stderr
    assert any('"createUser" {"createUser":"tidewire","pwd":(hidden)' in line for line in lines_of(run.stderr))
