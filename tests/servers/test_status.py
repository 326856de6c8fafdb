"""tidewire status: the position file and the slot, seen from beside a stream."""

import json

import pytest


def status(tidewire, *arguments):
    return tidewire("status", *arguments)


def report(run) -> dict:
    return json.loads(b"".join(run.lines))


def test_of_a_running_stream(db, tidewire, tmp_path):
    db.ready()
    run = tidewire(*db.stream("--status-interval", "100ms", to=f"file:{tmp_path}/out"))
    db.wait_active()
    db.sql("INSERT INTO items VALUES (1), (2)")
    db.wait_confirmed(db.now())
    arguments = [db.url(), "--slot", db.slot, "--position", f"{tmp_path}/out.position"]
    text = b"".join(status(tidewire, *arguments).succeed().lines).decode()
    seen = report(status(tidewire, *arguments, "--json").succeed())
    run.interrupt().succeed()
    assert ", in use" in text and "read by tidewire" in text and "1 transactions, 2 changes" in text
    assert seen["position"]["in_use"] and seen["position"]["changes"] == 2
    assert seen["position"]["sink_offset_bytes"] == (tmp_path / "out").stat().st_size
    slot = seen["slot"]
    assert slot["exists"] and slot["active_pid"] and slot["client"].startswith("tidewire")
    assert slot["lost_because"] is None and slot["retained_bytes"] >= 0
    assert 0 <= seen["lag_bytes"] < 1 << 20
    assert seen["server"]["database"] == db.name


def test_of_a_stream_that_is_down(db, tidewire, tmp_path):
    db.ready()
    tidewire(*db.stream("--until", "now", to=f"file:{tmp_path}/out")).succeed()
    before = report(status(tidewire, db.url(), "--slot", db.slot, "--json").succeed())
    db.sql("INSERT INTO items SELECT i, repeat('x', 100) FROM generate_series(1, 10000) i")
    after = report(status(tidewire, db.url(), "--slot", db.slot, "--json").succeed())
    assert after["slot"]["active_pid"] is None
    assert after["lag_bytes"] > before["lag_bytes"] + 1_000_000
    assert after["slot"]["retained_bytes"] > before["slot"]["retained_bytes"] + 1_000_000
    alone = report(status(tidewire, "--position", f"{tmp_path}/out.position", "--json").succeed())
    assert alone["position"]["in_use"] is False and "slot" not in alone


@pytest.mark.since(13, "max_slot_wal_keep_size")
def test_limit(new_server, new_database, tidewire):
    db = new_database(new_server(max_slot_wal_keep_size="64MB"))
    db.ready()
    seen = report(status(tidewire, db.url(), "--slot", db.slot, "--json").succeed())
    assert seen["slot"]["limit_bytes"] == 64 << 20
    text = b"".join(status(tidewire, db.url(), "--slot", db.slot).succeed().lines).decode()
    assert "% of the limit of 67.1 MB" in text


def test_refusals(db, new_database, server, tidewire, tmp_path):
    db.ready()
    status(tidewire, db.url(), "--slot", "nobodys").refuse(3, "TW-PG-SLOT-MISSING")
    status(tidewire, "--position", f"{tmp_path}/none").refuse(3, "TW-POSITION-MISSING")
    status(tidewire).refuse(2, "TW-USAGE-OPTION")
    tidewire(*db.stream("--until", "now", to=f"file:{tmp_path}/out")).succeed()
    other = new_database(server)
    other.ready()
    status(tidewire, other.url(), "--slot", other.slot, "--position", f"{tmp_path}/out.position") \
        .refuse(3, "TW-POSITION-FOREIGN")


def test_a_role_without_rights(server, db, tidewire):
    db.ready()
    server.sql("DROP ROLE IF EXISTS looker; CREATE ROLE looker LOGIN PASSWORD 'x'")
    run = status(tidewire, db.url(user="looker", password="x"), "--slot", db.slot, "--json").succeed()
    assert report(run)["slot"]["exists"]


def test_drop_slot_on_exit(db, tidewire):
    db.ready()
    run = tidewire(*db.stream("--drop-slot-on-exit"))
    db.wait_active()
    db.sql("INSERT INTO items VALUES (1)")
    run.wait_ops("commit", 1)
    run.interrupt().succeed()
    assert not db.slot_exists()
    db.create_slot()
    run = tidewire(*db.stream("--drop-slot-on-exit"))
    db.wait_active()
    run.kill9()
    assert db.slot_exists(), "only an orderly end drops it"
