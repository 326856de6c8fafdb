"""tidewire check: the connection, the server, the role: each prerequisite missing and there, with the fix
it names."""

import os
import pty
import re
import subprocess
import threading
import time

import pytest

from harness import BINARY, MAJOR
from harness.program import clean_environment
from harness.report import Report

ODD_SQL = '"we""ird.na\nme"'


def items(db, more: str = ""):
    db.sql(f"CREATE TABLE items (id int PRIMARY KEY, note text); {more}")
    return db


def granted(db, role: str):
    db.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    return db


# Everything is there

def test_ready(db, check):
    report = check(items(db).publish()).is_ready()
    assert report.whole["version"] == db.server.version()
    assert report.whole["hoster"] == "self-hosted"
    assert report.status("SLOT") == "ok" and "does not exist yet" in report["SLOT"]["found"]


def test_ready_with_a_role_that_has_just_what_it_needs(db, check, role):
    reader = role()
    report = check(granted(items(db).publish(), reader), user=reader)
    assert report.exit == 0 and not report.with_status("fail"), report.describe()
    assert "a replication connection works" in report["REPLICATION"]["found"]


def test_text_for_people(db, tidewire):
    run = tidewire("check", items(db).url(), "--publication", "p")
    assert run.end() == 3, run.describe()
    lines = b"".join(run.lines).decode().splitlines()
    assert lines[0].startswith("postgresql://postgres@127.0.0.1")
    first_finding = next(line for line in lines[2:] if line)
    assert first_finding.startswith("fail") and "TW-CHECK-PG-PUBLICATION" in first_finding
    assert re.fullmatch(r"not ready: 1 failed, .*\d+ ok", lines[-1]), lines[-1]
    assert "\x1b" not in "".join(lines), "colour is for terminals"


def test_colour_is_for_terminals(db):
    items(db).publish()

    def shown(**environment: str) -> bytes:
        master, slave = pty.openpty()
        run = subprocess.Popen([BINARY, "check", db.url(), "--publication", "p"], stdout=slave,
                               stderr=subprocess.DEVNULL, env=clean_environment({"TERM": "xterm"} | environment))
        os.close(slave)
        said = b""
        with open(master, "rb", buffering=0) as terminal:
            try:
                while piece := terminal.read(4096):
                    said += piece
            except OSError:  # the other end is closed
                pass
        assert run.wait() == 0
        return said
    assert b"\x1b[32mok" in shown()
    assert b"\x1b" not in shown(NO_COLOR="1") and b"\x1b" not in shown(TERM="dumb")


def test_it_takes_less_than_a_second(db, check):
    items(db).publish()
    began = time.monotonic()
    check(db)
    assert time.monotonic() - began < 1


def test_a_password_in_the_url_is_shown_nowhere(db, check, role):
    reader = role(attributes="LOGIN REPLICATION PASSWORD 's3cr3t'")
    report = check(granted(items(db).publish(), reader),
                   "--trace", url=db.url(user=reader).replace(f"{reader}@", f"{reader}:s3cr3t@"))
    assert "s3cr3t" not in report.text + report.run.stderr


# The connection

def test_no_server(db, tidewire):
    report = Report(tidewire("check", "postgres://me@127.0.0.1:1/x?sslmode=disable", "--json"))
    assert report.exit == 1 and report.status("CONNECT") == "fail" and "TW-NET-CONNECT" in report["CONNECT"]["why"]


def test_no_such_database(db, tidewire):
    report = Report(tidewire("check", db.server.url("nowhere"), "--json"))
    assert report.exit == 3 and "TW-PG-DATABASE" in report["CONNECT"]["why"]


def test_a_wrong_option_is_a_usage_error(db, tidewire):
    for options in (["--table", 'a"b".c.d'], ["--slot", "No Slot"], ["--hoster", "elsewhere"]):
        assert tidewire("check", db.url(), *options).end() == 2


def test_tls(db, check):
    items(db).publish()
    assert "not used" in check(db)["TLS"]["found"]
    ca = str(db.server.tls / "ca.crt")
    found = check(db, sslmode="verify-ca", sslrootcert=ca)["TLS"]
    assert found["status"] == "ok" and ca in found["found"] and "TLSv1" in found["found"]


def test_pooler_told_by_its_name(db, check, proxy):
    items(db).publish()
    assert check(db, port=proxy(db.server).port)["POOLER"]["status"] == "ok", "a proxy is none"
    # hostaddr says where to connect, host is only a name.
    report = check(db, url=db.url(host="ep-a-pooler.eu.aws.neon.tech", hostaddr="127.0.0.1"))
    assert report.status("POOLER") == "warn", report.describe()
    assert "ep-a.eu.aws.neon.tech" in report.fixes("POOLER", "setting")[0]


def test_pooler_told_by_its_process_ids(db, check, pooler):
    items(db).publish()
    report = check(db, port=pooler(db.server, b"replication").port)
    assert report.exit == 3 and report.status("POOLER") == "fail", report.describe()
    assert "not the one that the login named" in report["POOLER"]["found"]


def test_pooler_told_by_what_it_refuses(db, check, pooler):
    report = check(items(db), port=pooler(db.server, b"options").port)
    assert report.exit == 3 and report.status("POOLER") == "fail" and report.status("CONNECT") == "fail", report.describe()


def test_ascii_database(server, new_database, check):
    db = new_database(server, "ENCODING 'SQL_ASCII' TEMPLATE template0")
    assert check(items(db).publish())["ENCODING"]["status"] == "warn"


# The server

@pytest.mark.before(19, "a wal_level that matters")
def test_wal_level(new_server, new_database, check):
    server = new_server(wal_level="replica", max_wal_senders="3")
    db = items(new_database(server))
    db.sql("SET client_min_messages = error; CREATE PUBLICATION p FOR ALL TABLES")
    report = check(db)
    assert report.exit == 3 and report.status("WAL-LEVEL") == "fail"
    fix, = report.fixes("WAL-LEVEL")
    assert fix == "ALTER SYSTEM SET wal_level = 'logical';"
    server.sql(fix)
    server.reload()
    waiting = check(db)
    assert waiting.status("WAL-LEVEL") == "fail" and "waiting for a restart" in waiting["WAL-LEVEL"]["found"]
    server.restart()
    check(db).is_ready()


def test_slots_and_walsenders(new_server, new_database, check, tidewire):
    db = items(new_database(new_server(max_replication_slots="1", max_wal_senders="1"))).publish()
    ready = check(db).is_ready()
    assert ready["SLOTS-FREE"]["found"] == "0 of 1 in use"
    db.create_slot()
    run = tidewire(*db.stream())
    db.wait_active()
    own, db.slot = db.slot, "another"
    report = check(db)
    assert report.status("SLOTS-FREE") == "fail" and report.status("WALSENDERS-FREE") == "fail"
    assert any("max_replication_slots" in fix for fix in report.fixes("SLOTS-FREE"))
    assert report.status("REPLICATION") == "warn", "it could not be tried"
    run.interrupt().succeed()
    db.slot = own
    assert check(db).status("SLOTS-FREE") == "ok", "its own slot is the one that it takes"


def test_abandoned_slots(db, check):
    items(db).publish().create_slot()
    own, db.slot = db.slot, "mine"
    assert check(db).status("SLOTS-ABANDONED") == "ok"
    for number in range(6):
        db.sql(f"INSERT INTO items VALUES ({number}); SELECT pg_switch_wal()")
    report = check(db)
    assert report.status("SLOTS-ABANDONED") == "warn" and own in report["SLOTS-ABANDONED"]["found"]
    drop = report.fixes("SLOTS-ABANDONED")[0].split(";")[0]
    db.sql(drop)
    assert own not in check(db)["SLOTS-ABANDONED"]["found"]


@pytest.mark.since(13, "max_slot_wal_keep_size")
def test_wal_keep(new_server, new_database, check):
    server = new_server(max_slot_wal_keep_size="-1")
    db = items(new_database(server)).publish()
    assert check(db).status("WAL-KEEP") == "ok"
    server.set(max_slot_wal_keep_size="1MB")
    report = write_while(db, lambda: check(db))
    assert report.status("WAL-KEEP") == "warn", report.describe()
    for fix in report.fixes("WAL-KEEP"):
        server.sql(fix)
    assert "no limit" not in check(db)["WAL-KEEP"]["found"]


def write_while(db, what):
    """Runs `what` while WAL is being written."""
    begun, over = threading.Event(), threading.Event()

    def write():
        number = 0
        while not over.is_set():
            db.sql(f"INSERT INTO items SELECT i, repeat('x', 500) FROM generate_series({number}, {number + 9999}) i")
            number += 10000
            begun.set()
    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(60)
    try:
        return what()
    finally:
        over.set()
        writer.join()


@pytest.mark.since(18, "idle_replication_slot_timeout")
def test_idle_timeout(new_server, new_database, check):
    server = new_server(idle_replication_slot_timeout="2h")
    db = items(new_database(server)).publish()
    report = check(db)
    assert report.status("IDLE-TIMEOUT") == "warn"
    for fix in report.fixes("IDLE-TIMEOUT"):
        server.sql(fix)
    server.wait_sql("SHOW idle_replication_slot_timeout", "7d")
    assert check(db).is_ready().status("IDLE-TIMEOUT") == "ok"


@pytest.mark.since(17, "failover slots")
def test_failover(new_server, new_database, check):
    server = new_server()
    db = items(new_database(server)).publish()
    assert check(db).status("FAILOVER") == "ok"
    server.sql("SELECT pg_create_physical_replication_slot('standby')")
    server.set(synchronized_standby_slots="standby")
    report = check(db)
    assert report.status("FAILOVER") == "fail" and "standby" in report["FAILOVER"]["found"]
    for fix in report.fixes("FAILOVER"):
        server.sql(fix)
    server.wait_sql("SHOW synchronized_standby_slots", "")
    assert check(db).status("FAILOVER") == "ok"


def test_timeouts(db, check, role):
    reader = role()
    granted(items(db).publish(), reader)
    db.sql(f"ALTER ROLE {reader} SET statement_timeout = '2min'")
    assert check(db, user=reader).status("TIMEOUTS") == "ok", "tidewire's sessions set it to 0"


@pytest.mark.since(14, "idle_session_timeout")
def test_timeouts_that_hold(db, check, role):
    reader = role()
    granted(items(db).publish(), reader)
    names = ["idle_session_timeout"] + (["transaction_timeout"] if MAJOR >= 17 else [])
    for name in names:
        db.sql(f"ALTER ROLE {reader} SET {name} = '2min'")
    report = check(db, user=reader)
    assert report.status("TIMEOUTS") == "warn" and report.exit == 0
    for fix in report.fixes("TIMEOUTS"):
        db.sql(fix)
    assert check(db, user=reader).status("TIMEOUTS") == "ok"


def test_sender_timeout(new_server, new_database, check):
    server = new_server(wal_sender_timeout="0")
    db = items(new_database(server)).publish()
    report = check(db)
    assert report.status("SENDER-TIMEOUT") == "warn"
    for fix in report.fixes("SENDER-TIMEOUT"):
        server.sql(fix)
    server.wait_sql("SHOW wal_sender_timeout", "1min")
    assert check(db).is_ready().status("SENDER-TIMEOUT") == "ok"


def test_open_transactions(db, check, session, role):
    reader = role()
    granted(items(db).publish(), reader)
    blocker = session(db)
    pid, = blocker.run("BEGIN; INSERT INTO items VALUES (1); SELECT pg_backend_pid()")
    report = check(db, "--open-transactions", "1ms")
    assert report.status("OPEN-TRANSACTIONS") == "warn" and pid in report["OPEN-TRANSACTIONS"]["found"]
    assert check(db).status("OPEN-TRANSACTIONS") == "ok", "it is not that old"
    blind = check(db, user=reader)
    assert blind.status("OPEN-TRANSACTIONS") == "unknown" and blind.exit == 0
    db.sql(blind.fixes("OPEN-TRANSACTIONS")[0])
    assert check(db, "--open-transactions", "1ms", user=reader).status("OPEN-TRANSACTIONS") == "warn"
    blocker.run("COMMIT")
    assert check(db, user=reader).status("OPEN-TRANSACTIONS") == "ok"


def test_prepared_transaction(db, check):
    items(db).publish().sql("BEGIN; INSERT INTO items VALUES (1); PREPARE TRANSACTION 'it''s'")
    report = check(db, "--open-transactions", "1ms")
    assert report.status("OPEN-TRANSACTIONS") == "warn"
    db.sql(report.fixes("OPEN-TRANSACTIONS")[0])
    assert check(db, "--open-transactions", "1ms").status("OPEN-TRANSACTIONS") == "ok"


# The role

def test_login(db, check, role):
    reader = role(attributes="LOGIN REPLICATION VALID UNTIL 'tomorrow'")
    granted(items(db).publish(), reader)
    report = check(db, user=reader)
    assert report.status("LOGIN") == "warn"
    db.sql(report.fixes("LOGIN")[0])
    assert check(db, user=reader).status("LOGIN") == "ok"


def test_right_to_replicate(db, check, role):
    reader = role(attributes="LOGIN")
    granted(items(db).publish(), reader)
    report = check(db, user=reader)
    assert report.exit == 3 and report.with_status("fail") == ["REPLICATION"], report.describe()
    db.sql(report.fixes("REPLICATION")[0])
    assert check(db, user=reader).status("REPLICATION") == "ok"


def test_select_and_usage(db, check, role):
    reader = role()
    items(db, f"CREATE SCHEMA {ODD_SQL}; CREATE TABLE {ODD_SQL}.{ODD_SQL} (id int PRIMARY KEY)").publish()
    report = check(db, user=reader)
    assert report.exit == 3 and set(report.with_status("fail")) == {"SCHEMA-USAGE", "SELECT"}, report.describe()
    for code in ("SCHEMA-USAGE", "SELECT"):
        for fix in report.fixes(code):
            assert "\n" not in fix
            db.sql(fix)
    assert check(db, user=reader).exit == 0


def test_row_security(db, check, role):
    reader = role()
    granted(items(db, "ALTER TABLE items ENABLE ROW LEVEL SECURITY").publish(), reader)
    report = check(db, user=reader)
    assert report.status("ROW-SECURITY") == "warn" and report["ROW-SECURITY"]["objects"] == ["public.items"]
    assert check(db).status("ROW-SECURITY") == "ok", "a superuser passes"
    db.sql(report.fixes("ROW-SECURITY")[0])
    assert check(db, user=reader).status("ROW-SECURITY") == "ok"


def test_owner_and_row_security(db, check, role):
    owner = role("owner")
    items(db, f"ALTER TABLE items ENABLE ROW LEVEL SECURITY; ALTER TABLE items OWNER TO {owner}").publish()
    assert check(db, user=owner).status("ROW-SECURITY") == "ok"
    db.sql("ALTER TABLE items FORCE ROW LEVEL SECURITY")
    assert check(db, user=owner).status("ROW-SECURITY") == "warn"


def test_other_publications(db, check, role):
    reader = role()
    granted(items(db), reader).publish("TABLE items")
    db.sql("CREATE TABLE salaries (id int PRIMARY KEY); CREATE PUBLICATION other FOR TABLE salaries")
    report = check(db, user=reader)
    assert report.status("OTHER-PUBLICATIONS") == "warn" and report.exit == 0
    assert "public.salaries" in report["OTHER-PUBLICATIONS"]["objects"]
    db.sql("DROP PUBLICATION other")
    assert check(db, user=reader).status("OTHER-PUBLICATIONS") == "ok"


# A standby

def test_standby(new_server, new_database, check, standby_of):
    primary = new_server()
    db = items(new_database(primary)).publish()
    standby = standby_of(primary)
    standby.wait_sql("SELECT count(*) FROM pg_database WHERE datname = '" + db.name + "'", "1")
    standby.wait_sql("SELECT count(*) FROM pg_publication", "1", database=db.name)
    report = check(db, url=standby.url(db.name))
    assert report.status("STANDBY") == ("warn" if MAJOR >= 16 else "fail"), report.describe()
    assert check(db).status("STANDBY") == "ok"


# Rights that are not there

def test_a_role_that_may_see_almost_nothing(db, check, role):
    """What may not be read is unknown, and everything else is told."""
    reader = role()
    granted(items(db).publish(), reader)
    db.sql("REVOKE SELECT ON pg_replication_slots, pg_settings, pg_publication_rel FROM public")
    report = check(db, user=reader)
    assert report.exit == 0, report.describe()
    unknown = report.with_status("unknown")
    assert {"SLOT", "SLOTS-FREE", "WAL-LEVEL", "WAL-KEEP"} <= set(unknown), unknown
    assert "permission denied" in report["SLOT"]["found"] and "pg_replication_slots" in report["SLOT"]["found"]
    assert report.status("PUBLICATION") == "ok" and report.status("SELECT") == "ok"


def test_a_table_name_that_would_steer_a_terminal(db, tidewire):
    db.sql('CREATE TABLE "\x1b]0;gone\x07" (note text)')
    db.publish()
    run = tidewire("check", db.url(), "--publication", "p")
    assert run.end() == 3
    assert b"\x1b" not in b"".join(run.lines) and b"\x07" not in b"".join(run.lines)
