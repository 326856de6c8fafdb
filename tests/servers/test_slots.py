"""Slots: made, found, held by others, and every case in which a person must act (exit 3, nothing half-made)."""

import re

import pytest
from harness.oracle import assert_same_ids, journal, lsn, read_events
from harness.program import until_true

JOURNAL = "CREATE TABLE journal (id int PRIMARY KEY)"


def insert(db, *ids: int) -> None:
    db.sql("".join(f"INSERT INTO journal VALUES ({each});" for each in ids))


def test_creates_a_slot_once(db, tidewire):
    db.sql(JOURNAL)
    db.publish()
    assert tidewire(*db.stream("--create-slot", "--until", "now")).succeed().lines == []
    assert db.slot_value("plugin || ' ' || slot_type || ' ' || temporary") == "pgoutput logical false"
    insert(db, 1)
    assert journal(tidewire(*db.stream("--create-slot", "--until", "now")).succeed().events) == [1]


def test_temporary_slot(db, tidewire):
    db.sql(JOURNAL)
    db.publish()
    run = tidewire(*db.stream("--temporary-slot"))
    db.wait_active()
    assert db.slot_value("temporary") == "t"
    insert(db, 1)
    run.wait_ops("commit", 1)
    run.interrupt().succeed()
    until_true(lambda: not db.slot_exists(), "the temporary slot to be gone")


@pytest.mark.since(17, "failover slots")
def test_failover_slot(db, tidewire):
    db.sql(JOURNAL)
    db.publish()
    tidewire(*db.stream("--create-slot", "--failover", "--until", "now")).succeed()
    assert db.slot_value("failover") == "t"


@pytest.mark.before(17, "failover slots that the server doesn't know")
def test_failover_slot_on_an_old_server(db, tidewire):
    db.sql(JOURNAL)
    db.publish()
    run = tidewire(*db.stream("--create-slot", "--failover", "--until", "now"))
    assert run.end() in (2, 3) and run.error, run.describe()
    assert not db.slot_exists()


def test_no_slot(db, tidewire):
    db.sql(JOURNAL)
    db.publish()
    run = tidewire(*db.stream("--until", "now")).refuse(3, "SLOT")
    assert db.slot in run.stderr and "--create-slot" in run.stderr


@pytest.mark.parametrize("create", [True, False])
def test_no_publication(db, tidewire, create):
    db.sql(JOURNAL)
    if not create:
        db.create_slot()
    run = tidewire(*db.stream("--until", "now", *["--create-slot"] * create)).refuse(3, "PUBLICATION")
    assert "p" in run.stderr and "CREATE PUBLICATION" in run.stderr
    assert db.slot_exists() != create, "a slot without a publication only holds back WAL"


def test_one_of_two_publications_is_missing(db, tidewire):
    db.ready(JOURNAL)
    db.publication = "p,not_there"
    assert "not_there" in tidewire(*db.stream("--until", "now")).refuse(3, "PUBLICATION").stderr


@pytest.mark.parametrize("name", ["Upper", "with-dash", "x" * 64, ""])
def test_impossible_slot_names(db, tidewire, name):
    db.sql(JOURNAL)
    db.publish()
    db.slot = name
    run = tidewire(*db.stream("--create-slot", "--until", "now"))
    assert run.end() in (2, 3) and run.error, run.describe()


def test_slot_of_another_kind(db, tidewire):
    db.sql(JOURNAL)
    db.publish().create_slot("test_decoding")
    assert "test_decoding" in tidewire(*db.stream("--until", "now")).refuse(3, "SLOT").stderr
    db.sql(f"SELECT pg_drop_replication_slot('{db.slot}')")
    db.sql(f"SELECT pg_create_physical_replication_slot('{db.slot}')")
    tidewire(*db.stream("--until", "now")).refuse(3, "SLOT")
    db.sql(f"SELECT pg_drop_replication_slot('{db.slot}')")


def test_slot_of_another_database(server, db, new_database, tidewire):
    other = new_database(server)
    db.ready(JOURNAL)
    other.sql(JOURNAL)
    other.publish().slot = db.slot
    assert db.name in tidewire(*other.stream("--until", "now")).refuse(3, "SLOT").stderr


def test_a_role_that_may_not_replicate(server, db, tidewire):
    db.ready(JOURNAL)
    role = f"weak_{db.name}"
    server.sql(f"CREATE ROLE {role} LOGIN")
    try:
        assert role in tidewire(*db.stream("--until", "now", user=role)).refuse(3).stderr
    finally:
        server.sql(f"DROP ROLE {role}")


@pytest.mark.before(19, "a wal_level that matters")
def test_wal_level(new_server, new_database, tidewire):
    db = new_database(new_server(wal_level="replica"))
    db.sql(JOURNAL)
    db.sql("SET client_min_messages = error; CREATE PUBLICATION p FOR ALL TABLES")
    assert "wal_level" in tidewire(*db.stream("--create-slot", "--until", "now")).refuse(3).stderr


def test_no_free_slot(new_server, new_database, tidewire):
    db = new_database(new_server(max_replication_slots="1"))
    db.ready(JOURNAL)
    db.slot = "one_too_many"
    assert "max_replication_slots" in tidewire(*db.stream("--create-slot", "--until", "now")).refuse(3).stderr


@pytest.mark.parametrize("kind", ["--create-slot", "--temporary-slot"])
def test_creation_behind_an_open_transaction(db, tidewire, session, kind):
    """It would wait for ever: the one that is in the way is named, and nothing half-made stays behind."""
    db.sql(JOURNAL)
    db.publish()
    blocker = session(db)
    pid, = blocker.run("BEGIN; INSERT INTO journal VALUES (1); SELECT pg_backend_pid()")
    run = tidewire(*db.stream(kind, "--until", "now", "--lock-timeout", "1s"))
    assert run.end(60) in (1, 3) and run.error, run.describe()
    assert re.search(rf"\b{pid}\b", run.stderr), run.describe()
    assert not db.slot_exists()
    blocker.run("COMMIT")
    insert(db, 2)
    assert journal(tidewire(*db.stream(kind, "--until", "now")).succeed().events) == []


def test_killed_while_it_waits_for_an_open_transaction(db, tidewire, session):
    db.sql(JOURNAL)
    db.publish()
    blocker = session(db)
    blocker.run("BEGIN; INSERT INTO journal VALUES (1)")
    run = tidewire(*db.stream("--create-slot", "--lock-timeout", "3s"))
    until_true(db.slot_exists, "the slot to be in the making")
    run.kill9()
    until_true(lambda: not db.slot_exists(), "the server to give the half-made slot up")
    blocker.run("COMMIT")


def test_slot_that_is_still_active_is_waited_for(db, tidewire, proxy, tmp_path):
    """After a crash the server may hold the dead connection for a while."""
    db.ready(JOURNAL)
    between = proxy(db.server)
    out = f"file:{tmp_path}/out"
    first = tidewire(*db.stream(to=out, port=between.port))
    db.wait_active()
    insert(db, 1)
    db.wait_confirmed(db.now())
    between.stall()
    first.kill9()
    second = tidewire(*db.stream(to=out))
    second.wait_stderr(r"(?i)active|held|in use")
    insert(db, 2)
    between.go_on()
    between.cut()
    db.wait_active()
    second.wait_until(lambda: journal(read_events(tmp_path / "out")) == [1, 2], "both rows")
    second.interrupt().succeed()


def test_slot_that_stays_active(db, tidewire):
    db.ready(JOURNAL)
    tidewire(*db.stream())
    db.wait_active()
    run = tidewire(*db.stream("--slot-wait", "1s"))
    pid = db.slot_value("active_pid")
    assert run.end(30) in (1, 3) and pid in run.stderr, run.describe()


def test_dropped_while_it_streams(db, tidewire):
    db.ready(JOURNAL)
    run = tidewire(*db.stream())
    db.wait_active()
    until_true(lambda: drop(db), "the slot to be dropped", every=0)
    run.refuse(3, "SLOT", 60)


def drop(db) -> bool:
    """Between the end of its connection and the next attempt."""
    db.server.sql(f"""DO $$ BEGIN
        PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{db.slot}' AND active;
        FOR i IN 1..100000 LOOP
            BEGIN
                PERFORM pg_drop_replication_slot('{db.slot}');
                EXIT;
            EXCEPTION WHEN object_in_use THEN
            END;
        END LOOP;
    END $$""")
    return not db.slot_exists()


@pytest.mark.since(13, "max_slot_wal_keep_size")
@pytest.mark.parametrize("while_streaming", [False, True])
def test_lost_slot(new_server, new_database, tidewire, while_streaming):
    server = new_server(max_slot_wal_keep_size="1MB", min_wal_size="32MB", max_wal_size="32MB",
                        wal_sender_timeout="1s" if while_streaming else "60s")
    db = new_database(server)
    db.ready(JOURNAL)
    run = None
    if while_streaming:
        # The server can't give up the slot before its last words to us are read: it would wait in the checkpoint for
        # as long as nobody reads our output.
        run = tidewire(*db.stream("--stall-limit", "2s"), read=False)
        db.wait_active()
        # More than the pipe and every buffer between take: it can't go on acknowledging.
        db.sql("CREATE TABLE filler (id int PRIMARY KEY, t text)")

    def lost() -> bool:
        if while_streaming:
            db.sql("INSERT INTO filler SELECT i, repeat(md5(i::text), 100) FROM generate_series("
                   "(SELECT coalesce(max(id), 0) + 1 FROM filler), (SELECT coalesce(max(id), 0) + 8000 FROM filler)) i")
        db.server.sql("SELECT pg_switch_wal(); CHECKPOINT")
        insert(db, int(db.sql("SELECT coalesce(max(id), 0) + 1 FROM journal")))
        return db.slot_value("wal_status") == "lost"
    until_true(lost, "the slot to be lost", 120)
    if run:
        run.wait_stderr("TW-SINK-STALLED|TW-NET-CLOSED")  # whoever lost patience first
        run.resume_reading()
        run.refuse(3, "SLOT", 60)
    again = tidewire(*db.stream("--until", "now")).refuse(3, "SLOT")
    assert "max_slot_wal_keep_size" in again.stderr


# The stored position and the slot must fit

def stored(db, tidewire, tmp_path) -> list[object]:
    """A file and its position after one row."""
    db.ready(JOURNAL)
    insert(db, 1)
    arguments = db.stream("--until", "now", to=f"file:{tmp_path}/out")
    tidewire(*arguments).succeed()
    assert_same_ids(journal(read_events(tmp_path / "out")), [1])
    return arguments


def test_slot_is_ahead_of_the_stored_position(db, tidewire, tmp_path):
    """Somebody else has read on: rows are missing, and to go on would hide it."""
    arguments = stored(db, tidewire, tmp_path)
    insert(db, 2)
    db.sql(f"SELECT pg_replication_slot_advance('{db.slot}', pg_current_wal_lsn())")
    insert(db, 3)
    before = (tmp_path / "out").read_bytes()
    tidewire(*arguments).refuse(3, "TW-(POS|PG)")
    assert (tmp_path / "out").read_bytes() == before


def test_slot_was_made_anew(db, tidewire, tmp_path):
    arguments = stored(db, tidewire, tmp_path)
    db.sql(f"SELECT pg_drop_replication_slot('{db.slot}')")
    insert(db, 2)
    db.create_slot()
    tidewire(*arguments).refuse(3, "TW-(POS|PG)")


def test_a_temporary_slot_can_not_go_on_from_a_stored_position(db, tidewire, tmp_path):
    """It is made now, so what was committed since the position is not in it: a gap, not a fresh start."""
    arguments = stored(db, tidewire, tmp_path)
    db.sql(f"SELECT pg_drop_replication_slot('{db.slot}')")
    insert(db, 2)
    before = (tmp_path / "out").read_bytes()
    tidewire(*arguments, "--temporary-slot").refuse(3, "TW-PG-SLOT-AHEAD")
    assert (tmp_path / "out").read_bytes() == before


@pytest.mark.since(12, "a way to copy a slot")
def test_slot_is_behind_the_stored_position(db, tidewire, tmp_path):
    """The acknowledgement was lost: what is already in the file does not come twice."""
    db.ready(JOURNAL)
    insert(db, 1, 2)
    copy = f"{db.slot}_copy"
    db.sql(f"SELECT pg_copy_logical_replication_slot('{db.slot}', '{copy}')")
    tidewire(*db.stream("--until", "now", to=f"file:{tmp_path}/out")).succeed()
    ahead = lsn(db.confirmed())
    db.sql(f"SELECT pg_drop_replication_slot('{db.slot}');"
           f"SELECT pg_copy_logical_replication_slot('{copy}', '{db.slot}')")
    assert lsn(db.confirmed()) < ahead
    insert(db, 3)
    tidewire(*db.stream("--until", "now", to=f"file:{tmp_path}/out")).succeed()
    assert journal(read_events(tmp_path / "out")) == [1, 2, 3]


def test_position_of_another_server(db, new_server, new_database, tidewire, tmp_path):
    stored(db, tidewire, tmp_path)
    other = new_database(new_server())
    other.slot = db.slot
    other.ready(JOURNAL)
    insert(other, 7)
    run = tidewire(*other.stream("--until", "now", to=f"file:{tmp_path}/out")).refuse(3, "TW-(POS|PG)")
    assert other.server.sql("SELECT system_identifier FROM pg_control_system()") in run.stderr
    assert journal(read_events(tmp_path / "out")) == [1]


def test_damaged_position_file(db, tidewire, tmp_path):
    arguments = stored(db, tidewire, tmp_path)
    position = tmp_path / "out.position"
    whole = position.read_bytes()
    for damaged in (whole[:-3], whole.replace(b"0", b"1", 1), b""):
        position.write_bytes(damaged)
        tidewire(*arguments).refuse(3, "TW-POS")
    position.write_bytes(whole)
    tidewire(*arguments).succeed()


def test_lost_output_file(db, tidewire, tmp_path):
    """The position says that lines are durable which are not there."""
    arguments = stored(db, tidewire, tmp_path)
    out = tmp_path / "out"
    out.write_bytes(out.read_bytes()[:-10])
    tidewire(*arguments).refuse(3)
