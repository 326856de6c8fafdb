"""Nothing to do, or too slow a reader: the slot moves on, the server hears from us, nothing is lost."""

import signal
import time

import pytest
from harness.oracle import assert_same_ids, journal, transactions
from harness.program import until_true

JOURNAL = "CREATE TABLE journal (id int PRIMARY KEY, pad text)"


def test_idle_slot_advances(server, db, new_database, tidewire):
    """Others write, in this database and in a neighbour: WAL must not pile up for our sake."""
    neighbour = new_database(server)
    neighbour.sql(JOURNAL)
    db.sql(JOURNAL + "; CREATE TABLE not_published (id int)")
    db.publish("TABLE journal").create_slot()
    run = tidewire(*db.stream("--status-interval", "200ms"))
    db.wait_active()
    for busy, table in ((neighbour, "journal"), (db, "not_published")):
        busy.sql(f"INSERT INTO {table} (id) SELECT i FROM generate_series(1, 10000) i")
        db.wait_confirmed(db.now(), 40)
    run.interrupt().succeed()
    assert not run.ops("insert")


def test_heartbeat(server, db, tidewire):
    """On a server where nobody writes, the slot moves all the same."""
    db.ready(JOURNAL)
    run = tidewire(*db.stream("--heartbeat", "200ms", "--status-interval", "200ms"))
    db.wait_active()
    for _ in range(3):
        at = db.confirmed()
        server.wait_sql(f"SELECT confirmed_flush_lsn > '{at}' FROM pg_replication_slots "
                        f"WHERE slot_name = '{db.slot}'", "t", 20)
    run.interrupt().succeed()
    assert not run.ops("insert")


@pytest.mark.since(14, "logical messages through pgoutput")
def test_no_heartbeat_unless_asked_for(db, tidewire):
    """An idle stream writes nothing into somebody's database."""
    db.ready(JOURNAL)
    run = tidewire(*db.stream("--status-interval", "100ms", "--messages"))
    db.wait_active()
    end = time.monotonic() + 1.5
    until_true(lambda: time.monotonic() > end, "some time to pass", every=0.1)
    db.sql("INSERT INTO journal VALUES (1)")
    run.wait_ops("commit", 1)
    run.interrupt().succeed()
    assert not run.ops("message")


@pytest.fixture(scope="module")
def impatient(new_server):
    return new_server(wal_sender_timeout="2s")


def walsender(db) -> str:
    return db.slot_value("active_pid")


@pytest.mark.slow
def test_a_stalled_reader_does_not_end_the_connection(impatient, new_database, tidewire):
    db = new_database(impatient)
    db.ready(JOURNAL)
    count = 100_000
    run = tidewire(*db.stream(), read=False)
    db.wait_active()
    pid = walsender(db)
    db.sql(f"INSERT INTO journal SELECT i, repeat('x', 500) FROM generate_series(1, {count}) i")
    end = time.monotonic() + 7  # three times the server's patience
    until_true(lambda: time.monotonic() > end or walsender(db) != pid, "the time to pass", 20, every=0.1)
    assert walsender(db) == pid, "the server ended the connection"
    assert run.peak_rss() < 64 * 1024 * 1024
    run.resume_reading()
    run.wait_ops("commit", 1, 60)
    run.interrupt().succeed()
    assert_same_ids(journal(run.events), list(range(1, count + 1)))
    transactions(run.events)


@pytest.mark.parametrize("arguments", [["--streaming", "on"], ["--streaming", "off"]], ids=" ".join)
def test_goes_on_after_its_own_output_stalled(db, tidewire, arguments):
    """The connection is given up meanwhile, and taken again in the middle of a transaction."""
    db.ready(JOURNAL)
    count = 60_000
    run = tidewire(*db.stream("--stall-limit", "500ms", *arguments), read=False)
    db.wait_active()
    db.sql(f"INSERT INTO journal SELECT i, repeat('x', 500) FROM generate_series(1, {count}) i")
    run.wait_stderr("TW-SINK-STALLED")
    db.wait_active(False)
    run.resume_reading()
    run.wait_ops("commit", 1, 60)
    run.interrupt().succeed()
    assert journal(run.events) == list(range(1, count + 1))
    transactions(run.events)


def test_stops_on_the_second_signal_while_its_output_stalls(db, tidewire):
    db.ready(JOURNAL)
    run = tidewire(*db.stream(), read=False)
    db.wait_active()
    db.sql("INSERT INTO journal SELECT i, repeat('x', 500) FROM generate_series(1, 60000) i")
    until_true(lambda: db.server.sql("SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'walsender'") ==
               "WalSenderWriteData", "the server to wait for us")
    run.interrupt()
    until_true(lambda: not run.catches(signal.SIGINT), "the second signal to count")
    run.interrupt()
    assert run.process.wait(10) == -signal.SIGINT


@pytest.mark.slow
def test_goes_on_after_the_server_lost_its_patience(impatient, new_database, tidewire):
    """wal_sender_timeout ends the connection without a word. Nobody is to notice."""
    db = new_database(impatient)
    db.ready(JOURNAL)
    run = tidewire(*db.stream("--sync-interval", "50ms"))
    db.wait_active()
    db.sql("INSERT INTO journal VALUES (1)")
    run.wait_ops("commit", 1)
    run.process.send_signal(signal.SIGSTOP)
    db.wait_active(False, 20)
    db.sql("INSERT INTO journal VALUES (2)")
    run.process.send_signal(signal.SIGCONT)
    run.wait_until(lambda: 2 in journal(run.events), "the second row")
    run.interrupt().succeed()
    assert journal(run.events) == [1, 2]


def test_no_acknowledgement_before_it_is_durable(db, tidewire):
    """With a reader that stands still, the server must keep all that nobody has read."""
    db.ready(JOURNAL)
    run = tidewire(*db.stream("--status-interval", "100ms"), read=False)
    db.wait_active()
    before = db.now()
    db.sql("INSERT INTO journal SELECT i, repeat('x', 500) FROM generate_series(1, 50000) i")
    middle = db.now()
    db.sql("INSERT INTO journal SELECT i, repeat('x', 500) FROM generate_series(50001, 100000) i")
    end = time.monotonic() + 2
    until_true(lambda: time.monotonic() > end, "the time to pass", every=0.1)
    assert db.sql(f"SELECT '{db.confirmed()}'::pg_lsn < '{middle}'::pg_lsn") == "t", (before, middle)
    run.kill9()
    again = tidewire(*db.stream("--until", "now")).succeed(60)
    assert_same_ids(journal(again.events), list(range(1, 100_001)))


def test_latency_of_an_idle_stream(db, tidewire):
    """A single row must not wait for company: commit to line, including psql's own start."""
    db.ready(JOURNAL)
    run = tidewire(*db.stream())
    db.wait_active()
    delays = []
    for number in range(1, 21):
        db.sql(f"INSERT INTO journal VALUES ({number})")
        start = time.monotonic()
        until_true(lambda: len(run.ops("commit")) >= number, "the row", every=0.001)
        delays.append(time.monotonic() - start)
    run.interrupt().succeed()
    assert sorted(delays)[len(delays) // 2] < 0.05, delays
