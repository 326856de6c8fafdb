"""tidewire setup: what it prints, does, leaves alone and refuses; the user that it makes streams."""

import json

import pytest
from checking import MongoReport, Plan, ROOT, guarded, root, run_in_shell, url
from conftest import SERVER, VERSION


@pytest.fixture(scope="module")
def secured(scratch):
    server = guarded(SERVER(scratch / "secured-setup", VERSION))
    yield server
    server.stop()


@pytest.fixture
def shop(secured):
    """A server with two collections of the database shop, and no users but the administrator afterwards."""
    with root(secured) as client:
        client.shop.items.insert_one({"_id": 1})
        client.shop.create_collection("orders")
        yield secured
        client.drop_database("shop")
        for each in client.admin.command("usersInfo")["users"]:
            if each["user"] != "root":
                client.admin.command("dropUser", each["user"])
        for each in client.admin.command("rolesInfo", 1)["roles"]:
            client.admin.command("dropRole", each["role"])


@pytest.fixture
def setup(shop, tidewire):
    def run(*options: object, user: str = "root", password: str = ROOT, database: str = "shop", **more) -> Plan:
        return Plan(tidewire("setup", url(shop, user, password, database, **more), "--json", *options))
    return run


def state_of(server) -> str:
    """All that setup could have changed."""
    with root(server) as client:
        users = list(client.admin["system.users"].find({}, {"_id": 1, "roles": 1, "credentials": 1}).sort("_id"))
        roles = list(client.admin["system.roles"].find().sort("_id"))
        collections = sorted(json.dumps([each["name"], each["options"]], default=str)
                             for each in client.shop.list_collections())
        return json.dumps([users, roles, collections], default=str)


def streams(server, tidewire, where: str, *options: str) -> None:
    stream = tidewire("stream", where, *options)
    stream.wait_stderr("streaming ")
    with root(server) as client:
        client.shop.items.insert_one({"_id": "new"})
        client.shop.items.update_one({"_id": "new"}, {"$set": {"n": 1}})
    update = stream.wait_ops("update", 1)[0]
    if "required" in options:
        assert update["after"] == {"_id": "new", "n": 1}


@pytest.mark.parametrize("database", ["shop", ""], ids=["shop", "all"])
@pytest.mark.parametrize("images", ["off", "auto_configure", "read_only"])
def test_apply_then_check_is_green_and_the_stream_works(shop, setup, tidewire, database, images):
    plan = setup("--apply", "--post-images", images, database=database)
    assert plan.exit == 0 and set(plan.states()) == {"done"}, plan.describe()
    where = url(shop, "tidewire", plan.password, database)
    report = MongoReport(tidewire("check", where, "--json", "--post-images", images)).is_ready()
    assert not report.with_status("warn"), report.describe()
    streams(shop, tidewire, where, *(() if images == "off" else ("--full-document", "required")))


@pytest.mark.parametrize("database", ["shop", ""], ids=["shop", "all"])
def test_the_printed_script_does_the_same(shop, setup, tidewire, database):
    before = state_of(shop)
    run = tidewire("setup", url(shop, "root", ROOT, database), "--post-images", "read_only")
    assert run.end() == 0, run.describe()
    assert state_of(shop) == before, "nothing is changed without --apply"
    lines = b"".join(run.lines).decode().splitlines()
    statements = [line for line in lines if line and not line.startswith("// ")]
    assert len(statements) == 4 and lines[1] == f"// MongoDB {shop.says}, self-hosted"
    with root(shop) as client:
        for each in statements:
            run_in_shell(client, each)
    password = lines[lines.index("// password of tidewire, shown this once:") + 1].removeprefix("// ")
    assert len(password) == 32
    where = url(shop, "tidewire", password, database)
    MongoReport(tidewire("check", where, "--json", "--post-images", "read_only")).is_ready()
    streams(shop, tidewire, where, "--full-document", "required")


def test_a_second_run_changes_nothing(shop, setup, tidewire):
    setup("--apply", "--post-images", "auto_configure")
    before = state_of(shop)
    again = setup("--apply", "--post-images", "auto_configure")
    assert again.exit == 0 and not again.steps and again.password is None, again.describe()
    assert state_of(shop) == before
    # More is wanted now: just that is added.
    with root(shop) as client:
        client.shop.create_collection("later")
    more = setup("--apply", "--post-images", "auto_configure")
    assert [step["what"] for step in more.steps] == ["images of shop.later"], more.describe()
    wider = setup("--apply", database="")
    assert [step["what"] for step in wider.steps] == ["role tidewire"] and wider.password is None, wider.describe()


@pytest.mark.parametrize("role", [None, "read"])
def test_a_user_that_is_there_gets_what_it_lacks(shop, setup, tidewire, role):
    with root(shop) as client:
        client.admin.command("createUser", "app", pwd="kept", roles=[{"role": role, "db": "shop"}] if role else [])
    plan = setup("--apply", "--role", "app")
    assert plan.exit == 0 and plan.states() == ["done", "done"] and plan.password is None, plan.describe()
    assert all(step["optional"] == bool(role) for step in plan.steps)
    MongoReport(tidewire("check", url(shop, "app", "kept"), "--json")).is_ready()
    assert not setup("--apply", "--role", "app").steps


def test_a_new_password(shop, setup, tidewire):
    first = setup("--apply").password
    plan = setup("--apply", "--new-password")
    assert plan.states() == ["done"] and plan.password not in (None, first)
    assert tidewire("check", url(shop, "tidewire", first)).end() == 3
    assert tidewire("check", url(shop, "tidewire", plan.password)).end() == 0


@pytest.mark.parametrize("name", ["we'ird\"na\\me", "ü,=@:/", "$(x)"])
def test_odd_names(shop, setup, tidewire, name):
    with root(shop) as client:
        client.shop.create_collection(name.replace("$", ""))
    plan = setup("--apply", "--role", name, "--post-images", "read_only")
    assert plan.exit == 0, plan.describe()
    assert tidewire("check", url(shop, name, plan.password)).end() == 0


def test_the_password_is_in_no_log(shop, tidewire):
    run = tidewire("setup", url(shop, "root", ROOT, compressors="zlib"), "--apply", "--trace", "--json")
    plan = Plan(run)
    assert plan.exit == 0, plan.describe()
    assert plan.password not in run.stderr and ROOT not in run.stderr and '"createRole"' in run.stderr
    assert plan.password not in shop.log.read_text()
    assert sum(plan.password.encode() in line for line in run.lines) == 1
    assert all(plan.password not in step["text"] for step in plan.steps)


# What is refused, left or fails

def test_who_may_not_look_at_users(shop, setup, tidewire):
    password = setup("--apply").password
    run = tidewire("setup", url(shop, "tidewire", password), "--role", "other")
    run.refuse(3, "TW-MONGO-PRIVILEGE")
    tidewire("setup", url(shop)).refuse(3, "TW-MONGO-PRIVILEGE")


def test_who_may_look_and_not_make(shop, setup, tidewire):
    with root(shop) as client:
        client.admin.command("createRole", "looker", roles=["readAnyDatabase"], privileges=[
            {"resource": {"db": "", "collection": ""}, "actions": ["viewUser", "viewRole"]}])
        client.admin.command("createUser", "looker", pwd="x", roles=["looker"])
    before = state_of(shop)
    plan = setup("--apply", "--post-images", "read_only", user="looker", password="x")
    assert plan.exit == 3 and plan.states() == ["failed", "left", "failed", "failed"], plan.describe()
    assert "not authorized" in plan.steps[0]["note"] and plan.password is None
    assert state_of(shop) == before


def test_a_new_password_is_not_sent_in_the_clear(shop, setup, tidewire):
    # Nobody's name for this machine, which it is all the same.
    elsewhere = url(shop, "root", ROOT, directConnection="true").replace("127.0.0.1", "0.0.0.0")
    before = state_of(shop)
    tidewire("setup", elsewhere, "--apply").refuse(3, "TW-AUTH-NOT-ALLOWED")
    assert state_of(shop) == before
    assert MongoReport(tidewire("check", elsewhere, "--json")).status("TLS") == "warn"
    assert setup("--apply").exit == 0
    assert tidewire("setup", elsewhere, "--apply").end() == 0, "no password is made"


def test_atlas_makes_users_in_its_pages(shop, setup):
    plan = setup("--hoster", "atlas", "--post-images", "auto_configure")
    assert plan.exit == 3 and plan.whole["hoster"] == "MongoDB Atlas" and plan.password is None
    first = plan.steps[0]
    assert first["kind"] == "console" and first["state"] == "left"
    assert "Add New Database User tidewire" in first["text"] and "read@shop, dbAdmin@shop" in first["text"]
    assert plan.states()[1:] == ["planned", "planned"], "images are switched on by a command there too"


def test_a_standalone_server(new_server, tidewire):
    server = new_server(name=None)
    plan = Plan(tidewire("setup", f"mongodb://{server.host}/shop", "--json", "--apply"))
    assert plan.exit == 3 and plan.states() == ["left", "left", "done", "done"], plan.describe()
    assert "--replSet" in plan.steps[0]["text"]


def test_a_secondary(new_server, tidewire):
    members = [new_server() for _ in range(2)]
    members[0].initiate(members[1])
    secondary = next(each for each in members if not each.is_primary())
    tidewire("setup", f"mongodb://{secondary.host}/shop?directConnection=true").refuse(3, "TW-SETUP-STANDBY")


@pytest.mark.parametrize("options", [
    ("--publication", "tidewire"), ("--table", "a.b"), ("--replica-identity-full",), ("--hoster", "neon"),
    ("--role", ""), ("--role", "a\nb"), ("--post-images", "on")], ids=str)
def test_options_of_others_are_usage_errors(server, tidewire, options):
    run = tidewire("setup", f"mongodb://{server.host}/shop", *options)
    assert run.end() == 2 and not run.lines, run.describe()


def test_the_servers_own_databases(server, tidewire):
    tidewire("setup", f"mongodb://{server.host}/admin").refuse(2, "TW-USAGE-OPTION")


def test_no_server(tidewire):
    tidewire("setup", "mongodb://127.0.0.1:1/shop?serverSelectionTimeoutMS=500").refuse(1, "TW-NET-CONNECT")
