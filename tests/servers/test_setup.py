"""tidewire setup: what it prints, does, leaves alone and refuses; names, passwords, second runs."""

import json
import re

import pytest

from harness import MAJOR

from harness.report import Report

ODD = 'we"ird.na\nme'
ODD_SQL = '"we""ird.na\nme"'


class Done:
    """A finished `tidewire setup --json`."""

    def __init__(self, run):
        self.run = run
        self.exit = run.end(60)
        self.whole = json.loads(b"".join(run.lines))
        self.steps = self.whole["steps"]
        self.password = self.whole.get("password")

    def texts(self, state: str | None = None) -> list[str]:
        return [step["text"] for step in self.steps if state in (None, step["state"])]

    def describe(self) -> str:
        return f"exit code {self.exit}\n" + "\n".join(map(str, self.steps)) + "\n" + self.run.stderr


@pytest.fixture
def setup(db, tidewire):
    """setup(option, …): as the server's superuser, with a role and a publication of this test alone."""
    db.role = f"r_{db.name}"
    db.publication = "tidewire"

    def run(*options: object, user: str = "postgres", **more) -> Done:
        return Done(tidewire("setup", db.url(user=user), "--role", db.role, "--json", *options, **more))
    yield run
    if db.server.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = $tw${db.role}$tw$") == "1":
        quoted = '"' + db.role.replace('"', '""') + '"'
        db.sql(f"DROP OWNED BY {quoted}")
        db.server.sql(f"DROP ROLE {quoted}")


def check(tidewire, db, *options: object, **more) -> Report:
    return Report(tidewire("check", db.url(user=db.role), "--slot", db.slot, "--json", *options, **more))


def tables(db):
    db.sql("CREATE TABLE items (id int PRIMARY KEY, note text); CREATE SCHEMA shop; CREATE TABLE shop.o (id int PRIMARY KEY)")
    return db


def state_of(db) -> str:
    """All that setup could have changed."""
    return db.sql("""SELECT rolname, rolreplication, rolbypassrls, rolcanlogin, rolpassword FROM pg_authid ORDER BY 1;
                     SELECT pubname, puballtables FROM pg_publication ORDER BY 1;
                     SELECT relname, relacl, relreplident FROM pg_class WHERE relnamespace > 16000 OR relname = 'items';
                     SELECT nspname, nspacl FROM pg_namespace ORDER BY 1; SELECT * FROM pg_default_acl;
                     SELECT datacl FROM pg_database WHERE datname = current_database();
                     SELECT name, setting FROM pg_file_settings ORDER BY 1, 2""")


def test_apply_and_then_nothing_is_left_to_do(db, setup, tidewire):
    done = setup("--apply") if tables(db) else None
    assert done.exit == 0 and set(step["state"] for step in done.steps) == {"done"}, done.describe()
    assert check(tidewire, db).exit == 0
    before = state_of(db)
    again = setup("--apply")
    assert again.exit == 0 and again.steps == [] and again.password is None, again.describe()
    assert state_of(db) == before
    db.sql("CREATE TABLE later (id int PRIMARY KEY)")
    assert check(tidewire, db).exit == 0, "a table that came later"


def test_dry_run_changes_nothing_and_its_text_is_a_script(db, setup, tidewire):
    tables(db)
    before = state_of(db)
    assert setup().exit == 0
    run = tidewire("setup", db.url(), "--role", db.role)
    assert run.end() == 0 and state_of(db) == before
    script = b"".join(run.lines).decode()
    db.sql(script)
    assert check(tidewire, db).exit == 0
    assert setup("--apply").steps == []


def test_password(db, setup, tidewire):
    """It works, it is shown once and nowhere else, and the server never sees it."""
    server = db.server
    tables(db)
    server.sql("ALTER SYSTEM SET log_statement = 'all'; SELECT pg_reload_conf()")
    try:
        server.wait_sql("SHOW log_statement", "all")
        done = setup("--apply", "--trace")
        assert done.exit == 0 and re.fullmatch(r"\w{32}", done.password), done.describe()
        assert done.password not in done.run.stderr and "SCRAM-SHA-256$" not in done.run.stderr
        assert all(done.password not in text and "SCRAM" not in text for text in done.texts())
        assert done.password not in server.log.read_text(errors="replace")
    finally:
        server.reset("log_statement")
    assert db.sql(f"SELECT rolpassword LIKE 'SCRAM-SHA-256$4096:%' FROM pg_authid WHERE rolname = '{db.role}'") == "t"
    changed = setup("--apply", "--new-password")
    assert changed.password not in (None, done.password)
    server.set_hba([f"host all {db.role} 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust",
                    "local all all trust"])
    try:
        assert check(tidewire, db, env={"PGPASSWORD": changed.password}).exit == 0
        assert check(tidewire, db, env={"PGPASSWORD": done.password}).exit == 3
    finally:
        server.set_hba(["host all all 127.0.0.1/32 trust", "local all all trust"])


def test_password_in_the_text(db, setup, tidewire):
    run = tidewire("setup", tables(db).url(), "--role", db.role, "--apply")
    assert run.end() == 0, run.describe()
    text = b"".join(run.lines).decode()
    password = re.search(r"shown this once:\n-- (\w{32})\n", text).group(1)
    assert text.count(password) == 1 and "SCRAM" not in text and "PASSWORD '…'" in text


def test_role_that_exists_is_completed(db, setup):
    tables(db).sql("ALTER TABLE items ENABLE ROW LEVEL SECURITY")
    db.server.sql(f"CREATE ROLE {db.role}")
    done = setup("--apply")
    assert done.exit == 0 and done.password is None, done.describe()
    assert db.sql(f"SELECT rolcanlogin, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = '{db.role}'") == "t|t|t"


def test_named_tables(db, setup, tidewire):
    tables(db)
    done = setup("--apply", "--table", "items")
    assert done.exit == 0, done.describe()
    assert db.sql("SELECT tablename FROM pg_publication_tables") == "items"
    assert check(tidewire, db, "--table", "items").exit == 0
    assert db.sql(f"SELECT has_table_privilege('{db.role}', 'shop.o', 'SELECT')") == "f"
    more = setup("--apply", "--table", "items", "--table", "shop.o")
    assert more.exit == 0 and any("ADD TABLE" in text for text in more.texts("done")), more.describe()
    assert check(tidewire, db, "--table", "items", "--table", "shop.o").exit == 0
    assert setup("--apply", "--table", "items", "--table", "shop.o").steps == []
    none = setup("--apply", "--table", "nosuch")
    assert none.exit == 3 and "nosuch" in "".join(none.texts("left"))


def test_names_that_need_quotes(db, setup, tidewire):
    db.role = f'ro"le.x\n{db.name}'
    db.sql(f"CREATE SCHEMA {ODD_SQL}; CREATE TABLE {ODD_SQL}.{ODD_SQL} (id int PRIMARY KEY)")
    done = setup("--apply", "--publication", 'pub".\nx')
    assert done.exit == 0, done.describe()
    assert db.sql("SELECT pubname = E'pub\".\\nx' FROM pg_publication") == "t"
    assert check(tidewire, db, "--publication", 'pub".\nx').exit == 0
    assert setup("--apply", "--publication", 'pub".\nx').steps == []


def test_tables_without_a_key_are_not_published_unasked(db, setup, tidewire):
    """Publishing them would break the application's own UPDATEs."""
    tables(db).sql("CREATE TABLE bare (note text); INSERT INTO bare VALUES ('x')")
    done = setup("--apply")
    assert done.exit == 3 and "public.bare" in str(done.steps), done.describe()
    assert db.sql("SELECT count(*) FROM pg_publication") == "0"
    db.sql("UPDATE bare SET note = 'y'")
    without = setup("--apply", "--table", "items")
    assert without.exit == 0, without.describe()
    db.sql("DROP PUBLICATION tidewire")
    full = setup("--apply", "--replica-identity-full")
    assert full.exit == 0, full.describe()
    db.sql("UPDATE bare SET note = 'z'")
    assert check(tidewire, db).exit == 0
    assert setup("--apply").steps == []


def test_publication_that_exists_is_completed_but_not_widened(db, setup, tidewire):
    tables(db).sql("CREATE PUBLICATION tidewire FOR TABLE items WITH (publish = 'insert')")
    done = setup("--apply")
    assert done.exit == 0, done.describe()
    assert db.sql("SELECT pubinsert, pubupdate, pubdelete, pubtruncate, puballtables FROM pg_publication") == "t|t|t|t|f"
    assert db.sql("SELECT tablename FROM pg_publication_tables") == "items"
    assert check(tidewire, db).exit == 0


def test_a_step_that_fails_undoes_the_others(db, setup):
    """All or nothing, as far as one transaction reaches."""
    tables(db)
    weak = f"weak_{db.name}"
    db.server.sql(f"CREATE ROLE {weak} LOGIN CREATEROLE REPLICATION")
    try:
        before = state_of(db)
        done = setup("--apply", user=weak)
        assert done.exit == 3 and done.password is None, done.describe()
        assert "failed" in [step["state"] for step in done.steps]
        assert state_of(db) == before
    finally:
        db.server.sql(f"DROP ROLE {weak}")


def test_a_lock_is_not_waited_for_long(db, setup, session):
    db.sql("CREATE TABLE bare (note text)")
    blocker = session(db)
    blocker.run("BEGIN; LOCK TABLE bare")
    done = setup("--apply", "--replica-identity-full")
    assert done.exit == 3 and "lock timeout" in str(done.steps), done.describe()
    blocker.run("COMMIT")
    assert setup("--apply", "--replica-identity-full").exit == 0


@pytest.mark.before(19, "a wal_level that matters")
def test_server_settings(new_server, new_database, tidewire):
    """They are set; the restart is a person's."""
    server = new_server(wal_level="replica", max_wal_senders="0", max_replication_slots="0")
    db = new_database(server)
    db.sql("CREATE TABLE items (id int PRIMARY KEY)")
    done = Done(tidewire("setup", db.url(), "--apply", "--json"))
    assert done.exit == 3 and any("restart" in text for text in done.texts("left")), done.describe()
    server.restart()
    assert server.sql("SHOW wal_level") == "logical" and server.sql("SHOW max_wal_senders") == "10"
    db.role = "tidewire"
    assert Done(tidewire("setup", db.url(), "--apply", "--json")).steps == []
    assert check(tidewire, db).exit == 0


def test_standby_is_refused(new_server, new_database, tidewire, standby_of):
    primary = new_server()
    db = new_database(primary)
    standby = standby_of(primary)
    tidewire("setup", standby.url(db.name), "--apply").refuse(3, "TW-SETUP-STANDBY")


def test_wrong_options(db, tidewire):
    for options in (["--role", ""], ["--role", "x" * 64], ["--publication", ""], ["--table", "a.b.c"]):
        assert tidewire("setup", db.url(), *options).end() == 2


def test_the_stream_it_prepares(db, setup, tidewire):
    tables(db)
    assert setup("--apply").exit == 0
    run = tidewire("stream", db.url(user=db.role), "--slot", db.slot, "--create-slot")
    db.wait_active()
    db.sql("INSERT INTO shop.o VALUES (1); CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (2)")
    run.wait_ops("insert", 2)
    run.interrupt().succeed()
