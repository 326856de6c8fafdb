"""The primary dies and a standby takes over, on another timeline: what was read stays, the stream goes on behind it; and a
standby that lacks something of what was read is refused.

The standby has the slot because its folder is a copy of the primary's; that is what failover slots (17+) and the tools of
clusters see to.
"""

import pytest
from harness import MAJOR
from harness.oracle import read_events, transactions

pytestmark = pytest.mark.since(12, "pg_promote()")


@pytest.fixture
def pair(new_server, new_database, standby_of):
    """(database, its standby's server): with a table, a publication, and a slot on both."""
    db = new_database(new_server(autovacuum="off", wal_keep_size="256MB") if MAJOR >= 13 else new_server(autovacuum="off"))
    db.ready()
    standby = standby_of(db.server)
    standby.wait_sql("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'", "1")
    return db, standby


def both(db, standby) -> str:
    return (f"postgres://postgres@127.0.0.1:{db.server.port},127.0.0.1:{standby.port}/{db.name}"
            "?sslmode=disable&target_session_attrs=read-write")


def stream(db, url: str, out) -> list:
    return ["stream", url, "--to", f"file:{out}", "--slot", db.slot, "--publication", db.publication,
            "--sync-interval", "50ms"]


def insert(server, db, first: int, last: int) -> None:
    for number in range(first, last + 1, 10):
        server.sql("; ".join(f"INSERT INTO items VALUES ({each})" for each in range(number, min(number + 10, last + 1))),
                   db.name)


def ids(out) -> list[int]:
    return [change["after"]["id"] for each in transactions(read_events(out)) for change in each.changes]


def wait_for_ids(run, out, count: int) -> None:
    run.wait_until(lambda: out.exists() and out.read_bytes().count(b'"op":"insert"') >= count, f"{count} rows", 60)


def promote(standby) -> None:
    standby.sql("SELECT pg_promote()")
    standby.wait_sql("SELECT pg_is_in_recovery()", "f")


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "while it is down"])
def test_a_standby_takes_over(pair, tidewire, tmp_path, running):
    db, standby = pair
    out = tmp_path / "out"
    run = tidewire(*stream(db, both(db, standby), out))
    insert(db.server, db, 1, 200)
    wait_for_ids(run, out, 200)
    at = db.server.sql("SELECT pg_current_wal_lsn()")
    standby.wait_sql(f"SELECT pg_last_wal_replay_lsn() >= '{at}'", "t")
    if not running:
        run.interrupt().succeed()
    db.server.kill9()
    promote(standby)
    insert(standby, db, 201, 400)
    if not running:
        run = tidewire(*stream(db, both(db, standby), out))
    wait_for_ids(run, out, 400)
    # Acknowledged where it is now.
    standby.wait_sql(f"SELECT confirmed_flush_lsn >= '{standby.sql('SELECT pg_current_wal_lsn()')}' FROM "
                     f"pg_replication_slots WHERE slot_name = '{db.slot}'", "t", 60)
    run.interrupt().succeed()
    assert ids(out) == list(range(1, 401))
    position = (tmp_path / "out.position").read_text()
    assert "@2" in position, position  # the new timeline


@pytest.mark.parametrize("written", [10, 5000], ids=["it is behind", "it has overtaken"])
def test_a_standby_that_lacks_what_was_read(pair, tidewire, tmp_path, written):
    db, standby = pair
    out = tmp_path / "out"
    run = tidewire(*stream(db, both(db, standby), out))
    insert(db.server, db, 1, 20)
    wait_for_ids(run, out, 20)
    at = db.server.sql("SELECT pg_current_wal_lsn()")
    standby.wait_sql(f"SELECT pg_last_wal_replay_lsn() >= '{at}'", "t")
    standby.stop("immediate")
    insert(db.server, db, 21, 400)
    wait_for_ids(run, out, 400)
    at = db.server.sql("SELECT pg_current_wal_lsn()")
    db.wait_confirmed(at)
    db.server.kill9()
    standby.start()
    promote(standby)
    standby.sql(f"INSERT INTO items SELECT i FROM generate_series(1001, {1000 + written}) i", db.name)
    if written > 1000:
        standby.wait_sql(f"SELECT pg_current_wal_lsn() > '{at}'", "t")
    # Nothing of the new history is written behind the old one.
    run.refuse(3, "TW-PG-HISTORY", 60)
    assert ids(out) == list(range(1, 401))
