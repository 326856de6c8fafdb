"""check and setup on a server dressed like each hoster's: its settings, roles and host name, its restrictions, and
its own words in the fixes. After setup --apply, and the steps it leaves to a person, everything is green and a
stream works."""

import json
from dataclasses import dataclass, field

import pytest

from harness import MAJOR
from harness.report import Report


@dataclass
class Dress:
    """What a hoster's server looks like from outside."""
    name: str  # as check prints it
    wal_level_fix: str
    settings: dict[str, str] = field(default_factory=dict)  # before logical replication is switched on
    switched_on: dict[str, str] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)
    host: str = "127.0.0.1"
    by_name: bool = False  # the publication names each table
    replication_role: str = ""


DRESSES = {
    "self-hosted": Dress("self-hosted", "ALTER SYSTEM SET wal_level = 'logical';"),
    "supabase": Dress("Supabase", "Restart project", roles=["supabase_admin"], host="db.abc.supabase.co"),
    "rds": Dress("Amazon RDS", "ParameterName=rds.logical_replication,ParameterValue=1",
                 {"rds.logical_replication": "off", "rds.extensions": "all"}, {"rds.logical_replication": "on"},
                 ["rdsadmin", "rds_superuser", "rds_replication"], replication_role="rds_replication"),
    "aurora": Dress("Amazon Aurora", "modify-db-cluster-parameter-group", {"rds.logical_replication": "off"},
                    {"rds.logical_replication": "on"}, ["rdsadmin", "rds_superuser", "rds_replication"],
                    host="shop.cluster-c1.eu-west-1.rds.amazonaws.com", replication_role="rds_replication"),
    "azure": Dress("Azure Database for PostgreSQL", "--name wal_level --value logical", {"azure.extensions": ""},
                   roles=["azure_pg_admin"]),
    "cloud-sql": Dress("Google Cloud SQL", "cloudsql.logical_decoding=on", {"cloudsql.logical_decoding": "off"},
                       {"cloudsql.logical_decoding": "on"}, ["cloudsqladmin", "cloudsqlsuperuser"]),
    "neon": Dress("Neon", "Logical Replication, Enable", {"neon.timeline_id": "b0"}, roles=["neon_superuser"]),
    "fly": Dress("Fly Postgres", "fly pg config update --wal-level=logical", roles=["flypgadmin", "repmgr"]),
    "planetscale": Dress("PlanetScale", "Parameters: wal_level = logical", host="aws-eu-west-1.pg.psdb.cloud",
                         by_name=True),
}


@pytest.fixture(params=DRESSES)
def dress(request) -> Dress:
    return DRESSES[request.param]


@pytest.fixture
def hosted(dress, new_server, new_database):
    """A database of the hoster before anything is set up, with an admin who is no superuser where that is possible."""
    server = new_server(wal_level="replica", **dress.settings)
    db = new_database(server)
    server.sql("".join(f"CREATE ROLE {role};" for role in dress.roles))
    # Before 16 only a superuser makes a role with REPLICATION: there the hosters have changed the server.
    superuser = MAJOR < 16 and not dress.replication_role or dress.name == "self-hosted"
    server.sql(f"CREATE ROLE admin LOGIN CREATEROLE REPLICATION BYPASSRLS {'SUPERUSER' if superuser else ''};"
               f"ALTER DATABASE {db.name} OWNER TO admin")
    if dress.replication_role:
        server.sql(f"GRANT {dress.replication_role} TO admin WITH ADMIN OPTION")
    db.sql("""GRANT ALL ON SCHEMA public TO admin; SET ROLE admin;
              CREATE TABLE items (id int PRIMARY KEY, note text); CREATE TABLE orders (id int PRIMARY KEY)""")
    db.publication = db.slot = "tidewire"
    return db


def url_of(db, dress, user: str) -> str:
    return db.url(user=user) if dress.host == "127.0.0.1" else db.url(user=user, host=dress.host, hostaddr="127.0.0.1")


def checked(tidewire, db, dress, user: str, **options) -> Report:
    return Report(tidewire("check", url_of(db, dress, user), "--json", **options))


@pytest.mark.before(19, "a wal_level that matters")
def test_from_nothing_to_a_stream(dress, hosted, tidewire):
    server, url = hosted.server, url_of(hosted, dress, "admin")
    report = checked(tidewire, hosted, dress, "admin")
    assert report.exit == 3 and report.whole["hoster"] == dress.name, report.describe()
    fixes = "\n".join(each["text"] for each in report["WAL-LEVEL"]["fixes"])
    assert report.status("WAL-LEVEL") == "fail" and dress.wal_level_fix in fixes, report.describe()
    assert report.status("HOSTER-SWITCH") == ("fail" if dress.switched_on else "ok")

    # The plan names the step that only a person can do; doing what can be done leaves it.
    before = hosted.sql("SELECT count(*) FROM pg_roles")
    plan = tidewire("setup", url)
    assert plan.end() == 3 or dress.name == "self-hosted", plan.describe()
    assert hosted.sql("SELECT count(*) FROM pg_roles") == before and not hosted.sql("SELECT pubname FROM pg_publication")
    applied = tidewire("setup", url, "--apply", "--json")
    assert applied.end() == 3, applied.describe()
    done = json.loads(b"".join(applied.lines))
    assert not [step for step in done["steps"] if step["state"] in ("failed", "undone") and not step["optional"]], done
    assert dress.wal_level_fix in "\n".join(step["text"] for step in done["steps"])
    if dress.by_name:
        assert any("FOR TABLE" in step["text"] for step in done["steps"])

    # What the hoster's console does.
    server.write_settings({"wal_level": "logical"} | dress.switched_on)
    server.restart()
    if dress.replication_role:
        # On its own server membership is enough.
        assert f"GRANT {dress.replication_role}" in "\n".join(step["text"] for step in done["steps"])
        server.sql("ALTER ROLE tidewire REPLICATION")

    again = tidewire("setup", url, "--apply")
    assert again.end() == 0, again.describe()
    assert b"nothing to do" in b"".join(again.lines)

    server.set_hba(["host all tidewire 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust"])
    password = {"PGPASSWORD": done["password"]}
    ready = checked(tidewire, hosted, dress, "tidewire", env=password)
    assert ready.exit == 0 and not ready.with_status("fail"), ready.describe()
    assert ready.status("HOSTER-SWITCH") == ready.status("WAL-LEVEL") == "ok"
    for command in ("--create-slot", "--slot=tidewire"):
        hosted.sql("INSERT INTO items SELECT coalesce(max(id), 0) + 1 FROM items")
        run = tidewire("stream", url_of(hosted, dress, "tidewire"), command, "--until", "now", env=password).succeed()
    assert [each["after"]["id"] for each in run.ops("insert")] == [2]


@pytest.mark.parametrize("host", ["x.dsql.eu-west-1.on.aws", "x.cockroachlabs.cloud"])
def test_a_product_without_logical_replication(db, tidewire, host):
    """Refused plainly, with nothing else said."""
    url = db.url(host=host, hostaddr="127.0.0.1")
    report = Report(tidewire("check", url, "--json"))
    assert report.exit == 3 and report.with_status("fail") == ["HOSTER"], report.describe()
    assert "no logical replication" in report["HOSTER"]["found"] and "WAL-LEVEL" not in report.with_status("ok")
    tidewire("setup", url).refuse(3, "TW-SETUP-UNSUPPORTED")


def test_the_hoster_can_be_named(db, tidewire):
    report = Report(tidewire("check", db.url(), "--hoster", "azure", "--json"))
    assert report.whole["hoster"] == "Azure Database for PostgreSQL"


def test_rds_role_in_place_of_the_attribute(new_server, new_database, tidewire):
    """The membership is known for what it is, and the right fix is named for who has it not."""
    server = new_server(**{"rds.logical_replication": "on"})
    db = new_database(server)
    server.sql("CREATE ROLE rds_replication; CREATE ROLE member LOGIN IN ROLE rds_replication; CREATE ROLE other LOGIN")
    report = Report(tidewire("check", db.url(user="other"), "--json"))
    assert report.fixes("REPLICATION") == ['GRANT rds_replication TO "other";']
    # This server knows nothing of the role: the replication connection tells the truth.
    report = Report(tidewire("check", db.url(user="member"), "--json"))
    assert "member of rds_replication, but" in report["REPLICATION"]["found"]
