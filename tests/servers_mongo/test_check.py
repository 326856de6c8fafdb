"""tidewire check against a real server: each prerequisite missing and there, with the fix that it names."""

import json
import re
import signal
import socket
import threading
import time

import mongod
import pytest
from checking import MongoReport, guarded, root, run_in_shell, url
from conftest import SERVER, VERSION
from oplog import forgetful
from postgres import wait_for

DATABASE = {"db": "shop", "collection": ""}
EVERYTHING = {"db": "", "collection": ""}
CLUSTER = {"cluster": True}
SIGHT = ["serverStatus", "replSetGetStatus", "replSetGetConfig", "getParameter", "getClusterParameter"]


@pytest.fixture(scope="module")
def secured(scratch):
    """A server that wants users."""
    server = guarded(SERVER(scratch / "secured", VERSION))
    with root(server) as client:
        client.shop.items.insert_one({"_id": 1})
    yield server
    server.stop()


@pytest.fixture
def check(tidewire):
    def run(where: str, *options: object) -> MongoReport:
        return MongoReport(tidewire("check", where, "--json", *options))
    return run


@pytest.fixture
def user(secured, request):
    """user(privileges, roles): a user with a role of its own, if there are privileges; both go with the test."""
    made = []

    def make(privileges: list = (), roles: list = ()) -> str:
        name = f"u{len(made)}{abs(hash(request.node.name)) % 10**6}"
        made.append((name, bool(privileges)))
        with root(secured) as client:
            if privileges:
                client.admin.command("createRole", name, privileges=privileges, roles=[])
            client.admin.command("createUser", name, pwd="x", roles=[*roles, *([name] if privileges else [])])
        return name
    yield make
    with root(secured) as client:
        for name, has_role in made:
            client.admin.command("dropUser", name)
            if has_role:
                client.admin.command("dropRole", name)


def privileges(scope: dict, without: str = "", more: tuple = ()) -> list:
    of_scope = ["find", "changeStream", "listCollections", *more]
    of_cluster = [*SIGHT, *(["listDatabases"] if scope == EVERYTHING else [])]
    return [{"resource": scope, "actions": [each for each in of_scope if each != without]},
            {"resource": CLUSTER, "actions": [each for each in of_cluster if each != without]}]


# Everything is there

def test_ready(server, db, check):
    db.items.insert_one({})
    began = time.monotonic()
    report = check(f"mongodb://{server.host}/{db.name}").is_ready()
    assert time.monotonic() - began < 1
    assert report.whole["version"] == server.says and report.whole["hoster"] == "self-hosted"
    assert report.whole["source"] == "MongoDB" and report.whole["target"] == f"mongodb://{server.host}/{db.name}"
    assert report.with_status("warn") == ["USER"], "nobody logged in"
    assert f"{server.name}, 1 member" in report["REPLICA-SET"]["found"]


@pytest.mark.parametrize("scope", [DATABASE, EVERYTHING], ids=["shop", "all"])
def test_ready_with_just_the_rights(secured, check, user, scope):
    name = user(privileges(scope))
    report = check(url(secured, name, database=scope["db"])).is_ready()
    assert not report.with_status("warn"), report.describe()


@pytest.mark.parametrize("role, database, where", [
    ("read", "shop", "shop"), ("readAnyDatabase", "admin", ""), ("readWrite", "shop", "shop"), ("root", "admin", "")])
def test_built_in_roles(secured, check, user, role, database, where):
    name = user(roles=[{"role": role, "db": database}])
    report = check(url(secured, name, database=where))
    assert report.exit == 0 and not report.with_status("fail"), report.describe()
    assert ("may also write" in report["USER"]["why"]) == (role in ("readWrite", "root"))
    assert bool(report.with_status("unknown")) == (role != "root")


def test_text_for_people(server, tidewire):
    run = tidewire("check", f"mongodb://{server.host}/admin")
    assert run.end() == 3
    lines = b"".join(run.lines).decode().splitlines()
    assert lines[1] == f"MongoDB {server.says}, self-hosted"
    assert lines[3].startswith("fail") and "TW-CHECK-MO-SCOPE" in lines[3]
    assert re.fullmatch(r"not ready: 1 failed, .*\d+ ok", lines[-1]), lines[-1]


# Rights

@pytest.mark.parametrize("scope", [DATABASE, EVERYTHING], ids=["shop", "all"])
@pytest.mark.parametrize("action, code, status, options", [
    ("find", "CHANGE-STREAM", "fail", ()),
    ("changeStream", "CHANGE-STREAM", "fail", ()),
    ("listCollections", "LIST-COLLECTIONS", "warn", ()),
    ("serverStatus", "OPLOG", "unknown", ()),
    ("replSetGetStatus", "MEMBERS", "unknown", ()),
    ("getParameter", "FCV", "unknown", ()),
    ("getClusterParameter", "IMAGE-EXPIRY", "unknown", ("--post-images", "auto_configure")),
    ("collMod", "COLLMOD", "fail", ("--post-images", "auto_configure"))])
def test_a_right_that_is_missing(secured, check, user, tidewire, scope, action, code, status, options):
    name = user(privileges(scope, action, ("collMod",)))
    where = url(secured, name, database=scope["db"])
    report = check(where, *options)
    assert report.status(code) == status, report.describe()
    fixes = report.fixes(code)
    assert len(fixes) == 1 and f'grantPrivilegesToRole("{name}"' in fixes[0] and f'"{action}"' in fixes[0]
    refused = action in ("find", "changeStream")
    assert (report.exit == 3) == (status == "fail" or "--post-images" in options), "and images are missing"
    if refused:
        tidewire("stream", where).refuse(3, "TW-MONGO-PRIVILEGE")
    with root(secured) as client:
        run_in_shell(client, fixes[0])
    assert check(where, *options).status(code) == "ok"
    if refused:
        tidewire("stream", where, "--until", "now").succeed()


def test_list_databases_is_missing(secured, check, user):
    name = user(privileges(EVERYTHING, "listDatabases"))
    report = check(url(secured, name, database=""))
    assert report.status("LIST-COLLECTIONS") == "warn" and "listDatabases on the cluster" in report["LIST-COLLECTIONS"]["found"]
    with root(secured) as client:
        run_in_shell(client, report.fixes("LIST-COLLECTIONS")[0])
    check(url(secured, name, database="")).is_ready()


def test_rights_on_each_collection_do_not_add_up(secured, check, user, tidewire):
    name = user([{"resource": {"db": "shop", "collection": "items"}, "actions": ["find", "changeStream"]}])
    report = check(url(secured, name))
    assert report.exit == 3 and report.status("CHANGE-STREAM") == "fail"
    assert 'changeStream, find on {db: "shop", collection: ""}' in report["CHANGE-STREAM"]["found"]
    tidewire("stream", url(secured, name)).refuse(3, "TW-MONGO-PRIVILEGE")


def test_a_user_without_a_role_of_its_own(secured, check, user):
    for fix in range(2):
        name = user()
        report = check(url(secured, name))
        fixes = report.fixes("CHANGE-STREAM")
        assert "grantRolesToUser" in fixes[0] and "createRole" in fixes[1]
        with root(secured) as client:
            run_in_shell(client, fixes[fix])
        assert check(url(secured, name)).status("CHANGE-STREAM") == "ok"
    with root(secured) as client:
        client.admin.command("dropRole", f"tidewire_{name}")


def test_nobody_logged_in(secured, check):
    report = check(url(secured))
    assert report.exit == 3 and report.status("USER") == "fail", report.describe()


def test_a_wrong_password_is_told_and_not_shown(secured, tidewire):
    report = MongoReport(tidewire("check", url(secured, "root", "s3cr3t"), "--json", "--trace"))
    assert report.exit == 3 and "TW-AUTH-PASSWORD" in report["CONNECT"]["why"]
    assert "s3cr3t" not in report.text + report.run.stderr
    report = MongoReport(tidewire("check", url(secured, "root", "s3cr3t"), "--json", "--hoster", "atlas"))
    assert "Database Access" in report.fixes("CONNECT", "console")[0]


def test_a_right_password_is_not_shown(secured, tidewire, user):
    name = user(privileges(DATABASE))
    with root(secured) as client:
        client.admin.command("updateUser", name, pwd="s3cr3t")
    report = MongoReport(tidewire("check", url(secured, name, "s3cr3t"), "--json", "--trace"))
    assert report.exit == 0 and "s3cr3t" not in report.text + report.run.stderr
    assert '"connectionStatus"' in report.run.stderr, "the trace"


# Collections and images

@pytest.mark.parametrize("mode", ["auto_configure", "read_only"])
def test_images(server, db, check, tidewire, mode):
    where = f"mongodb://{server.host}/{db.name}"
    db.kept.insert_one({"_id": 1})
    db.create_collection("lacks", changeStreamPreAndPostImages={"enabled": False})
    db.command("collMod", "kept", changeStreamPreAndPostImages={"enabled": True})
    db.command("create", "view", viewOn="kept", pipeline=[])
    assert check(where).status("POST-IMAGES") == "ok"
    assert check(where, "--post-images", "off").status("POST-IMAGES") == "ok"
    report = check(where, "--post-images", mode)
    assert report.exit == 3 and report["POST-IMAGES"]["objects"] == [f"{db.name}.lacks"], report.describe()
    for fix in report.fixes("POST-IMAGES"):
        run_in_shell(db.client, fix)
    check(where, "--post-images", mode).is_ready()
    stream = tidewire("stream", where, "--full-document", "required")
    stream.wait_stderr("streaming ")
    db.lacks.insert_one({"_id": 1})
    db.lacks.update_one({"_id": 1}, {"$set": {"n": 2}})
    assert stream.wait_ops("update", 1)[0]["after"] == {"_id": 1, "n": 2}


def test_many_without_images(server, db, check):
    for number in range(7):
        db.create_collection(f"c{number}")
    report = check(f"mongodb://{server.host}/{db.name}", "--post-images", "read_only")
    assert report["POST-IMAGES"]["object_count"] == 7 and len(report["POST-IMAGES"]["objects"]) == 5
    assert len(report.fixes("POST-IMAGES")) == 1


def test_views_and_time_series(server, db, check):
    where = f"mongodb://{server.host}/{db.name}"
    db.command("create", "view", viewOn="items", pipeline=[])
    report = check(where)
    assert report.status("COLLECTION-KIND") == "ok" and report["COLLECTION-KIND"]["objects"] == [f"{db.name}.view"]
    db.create_collection("series", timeseries={"timeField": "t"})
    report = check(where, "--post-images", "read_only")
    assert report.status("COLLECTION-KIND") == "warn" and f"{db.name}.series" in report["COLLECTION-KIND"]["found"]
    assert report.status("POST-IMAGES") == "ok", "neither can keep any"


def test_image_expiry(server, db, check):
    where = f"mongodb://{server.host}/{db.name}"
    def expire(after):
        db.client.admin.command({"setClusterParameter": {"changeStreamOptions": {"preAndPostImages": {
            "expireAfterSeconds": after}}}})
    expire(600)
    try:
        report = check(where, "--post-images", "read_only")
        assert report.status("IMAGE-EXPIRY") == "warn" and report["IMAGE-EXPIRY"]["found"] == "10 min"
        run_in_shell(db.client, report.fixes("IMAGE-EXPIRY")[0])
        assert check(where, "--post-images", "read_only").status("IMAGE-EXPIRY") == "ok"
    finally:
        expire("off")


# The server

@pytest.mark.parametrize("database", ["admin", "config", "local"])
def test_the_servers_own_databases(server, check, database):
    report = check(f"mongodb://{server.host}/{database}")
    assert report.exit == 3 and report.with_status("fail") == ["SCOPE"], report.describe()


def test_standalone(new_server, check, tidewire):
    server = new_server(name=None)
    where = f"mongodb://{server.host}/shop"
    report = check(where)
    assert report.exit == 3 and report.with_status("fail") == ["REPLICA-SET"], report.describe()
    assert "--replSet" in report.fixes("REPLICA-SET", "shell")[0]
    assert report.fixes("REPLICA-SET") == ["rs.initiate();"]
    server.stop()
    server.name = "rs0"
    server.start()
    report = check(where + "?serverSelectionTimeoutMS=500")
    assert report.exit == 3 and report.fixes("REPLICA-SET") == ["rs.initiate();"], report.describe()
    server.initiate()
    check(where).is_ready()


def test_another_sets_name(server, check):
    report = check(f"mongodb://{server.host}/shop?replicaSet=other&serverSelectionTimeoutMS=500")
    assert report.exit == 3 and "other" in report["REPLICA-SET"]["found"], report.describe()
    assert check(f"mongodb://{server.host}/shop?replicaSet={server.name}").exit == 0


def test_a_server_that_is_too_old(new_server, check, tidewire):
    try:
        mongod.fetch("5.0.4")
    except Exception as error:
        pytest.skip(f"no mongod 5.0.4: {error}")
    server = new_server(version="5.0.4").initiate()
    report = check(f"mongodb://{server.host}/shop")
    assert report.exit == 3 and report.with_status("fail") == ["VERSION"], report.describe()
    tidewire("setup", f"mongodb://{server.host}/shop").refuse(3, "TW-MONGO-VERSION")


def test_feature_compatibility_version(new_server, check):
    server = new_server().initiate()
    with server.client() as client:
        client.admin.command("setFeatureCompatibilityVersion", "5.0")
        report = check(f"mongodb://{server.host}/shop")
        assert report.exit == 3 and report.status("FCV") == "fail" and report["FCV"]["found"] == "5.0"
        run_in_shell(client, report.fixes("FCV")[0])
    assert check(f"mongodb://{server.host}/shop").status("FCV") == "ok"


def test_a_set_that_loses_members(new_server, check):
    members = [new_server() for _ in range(3)]
    members[0].initiate(*members[1:])
    where = "mongodb://" + ",".join(each.host for each in members) + "/shop?replicaSet=rs0&serverSelectionTimeoutMS=3000"
    wait_for(lambda: check(where).status("MEMBERS") == "ok", 30, "all members to be ready")
    assert check(where).exit == 0
    primary = next(each for each in members if each.is_primary())
    others = [each for each in members if each is not primary]
    others[0].stop(signal.SIGKILL)
    wait_for(lambda: check(where).status("MEMBERS") == "warn", 30, "the loss to be noticed")
    report = check(where)
    assert report.exit == 0 and report["MEMBERS"]["objects"] == [others[0].host], report.describe()
    primary.stop(signal.SIGKILL)
    wait_for(lambda: not others[1].is_primary(), 30, "the last one to know that it is alone")
    report = check(where)
    assert report.exit == 1 and report.status("PRIMARY") == "fail", report.describe()
    report = check(f"mongodb://{others[1].host}/shop?directConnection=true")
    assert report.status("PRIMARY") == "ok" and "directConnection" in report["PRIMARY"]["found"]


def test_an_oplog_that_is_short(new_server, check):
    server = forgetful(new_server)
    where = f"mongodb://{server.host}/shop"
    assert "the set's beginning" in check(where)["OPLOG"]["why"]
    with server.client() as client:
        client.shop.items.insert_many([{"text": "x" * 100_000} for _ in range(100)])

        def cut():
            client.shop.items.insert_one({"text": "x" * 10_000})
            return client.admin.command("serverStatus")["oplogTruncation"]["truncateCount"] > 0
        wait_for(cut, 60, "the oplog to be cut", 0.2)
    report = check(where)
    assert report.exit == 0 and report.status("OPLOG") == "warn", report.describe()


# The connection

def test_tls(new_server, check):
    server = new_server(tls=True).initiate()
    assert re.match(r"TLSv1\.\d, authorities: .*ca\.crt \(tlsCAFile\)", check(url(server)).is_ready()["TLS"]["found"])
    report = check(f"mongodb://{server.host}/shop?serverSelectionTimeoutMS=500")
    assert report.exit == 1 and "tls=true, if the server" in "".join(report.fixes("CONNECT", "setting"))
    report = check(f"mongodb://{server.host}/shop?tls=true&serverSelectionTimeoutMS=500")
    assert report.exit == 3 and "TW-TLS-UNTRUSTED" in report["CONNECT"]["why"]
    assert check(url(server, tlsAllowInvalidHostnames="true")).status("TLS") == "ok", "this machine"


def test_no_server(check):
    where = "mongodb://127.0.0.1:1/shop?serverSelectionTimeoutMS=500"
    report = check(where)
    assert report.exit == 1 and "TW-NET-CONNECT" in report["CONNECT"]["why"]
    report = check(where, "--hoster", "atlas")
    assert report.whole["hoster"] == "MongoDB Atlas"
    assert "IP access list" in report.fixes("CONNECT", "console")[0]


@pytest.mark.parametrize("answer, code", [
    (b"", "TW-NET-CLOSED|TW-TLS-BROKEN|TW-TLS-HANDSHAKE"), (b"\x15\x03\x01\x00\x02\x02\x50", "TW-TLS-HANDSHAKE"),
    (None, "TW-NET-TIMEOUT")], ids=["cut off", "alert", "silence"])
def test_what_an_access_list_looks_like(check, answer, code):
    """Atlas answers addresses that it does not know in one of these ways."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                held.append(connection)
                if answer is None:
                    continue
                connection.recv(4096)
                connection.sendall(answer)
                connection.close()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        where = f"mongodb://127.0.0.1:{listener.getsockname()[1]}/shop?tls=true&connectTimeoutMS=300&serverSelectionTimeoutMS=400"
        report = check(where, "--hoster", "atlas")
        assert report.exit in (1, 3) and re.search(code, report["CONNECT"]["why"]), report.describe()
        assert "IP access list" in report.fixes("CONNECT", "console")[0]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for each in held:
            each.close()


def test_srv_without_records(check):
    report = check("mongodb+srv://nowhere.tidewire.invalid/shop")
    assert report.exit in (1, 3) and report.status("SRV") == "fail", report.describe()


@pytest.mark.parametrize("options", [
    ("--slot", "tidewire"), ("--publication", "tidewire"), ("--table", "a.b"), ("--open-transactions", "1s"),
    ("--hoster", "neon"), ("--post-images", "on")], ids=str)
def test_options_of_others_are_usage_errors(server, tidewire, options):
    run = tidewire("check", f"mongodb://{server.host}/shop", *options)
    assert run.end() == 2 and not run.lines, run.describe()


@pytest.mark.parametrize("command", ["check", "setup"])
def test_options_of_mongodb_are_no_others(tidewire, command):
    tidewire(command, "postgres://127.0.0.1:1/x", "--post-images", "off").refuse(2, "TW-USAGE-OPTION")
    tidewire(command, "postgres://127.0.0.1:1/x", "--hoster", "atlas").refuse(2, "TW-USAGE-OPTION")


def test_names_can_not_steer_the_terminal(server, db, tidewire):
    db.create_collection("a\x1b[2Jb")
    run = tidewire("check", f"mongodb://{server.host}/{db.name}", "--post-images", "read_only")
    assert run.end() == 3 and b"\x1b" not in b"".join(run.lines)
    run = tidewire("check", f"mongodb://{server.host}/{db.name}", "--post-images", "read_only", "--json")
    run.end()
    text = json.loads(b"".join(run.lines))
    fix = next(each for each in text["findings"] if each["code"] == "TW-CHECK-MO-POST-IMAGES")["fixes"][0]["text"]
    assert r"a\x1b[2Jb" in fix
