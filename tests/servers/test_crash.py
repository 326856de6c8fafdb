"""Whatever dies, and whenever: the file's transactions are the source's, none lost, none twice.

TIDEWIRE_KILLS: how often tidewire is killed (5); TIDEWIRE_SEED repeats a run.
"""

import os
import random
import signal

import pytest
from harness.load import DDL, Load
from harness.oracle import State, assert_same_ids, journal, read_events, transactions
from harness.program import until_true

KILLS = int(os.environ.get("TIDEWIRE_KILLS") or 5)
SEED = int(os.environ.get("TIDEWIRE_SEED") or random.randrange(10**6))


@pytest.fixture
def chance(record_property):
    record_property("seed", SEED)
    print(f"TIDEWIRE_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture(scope="module")
def own_server(new_server):
    return new_server(wal_sender_timeout="5s")


def check(db, out, expected: list[int]) -> None:
    """The file against the source: every row once, in a shape that the format allows, and the same state."""
    events = read_events(out)
    done = transactions(events)
    assert_same_ids(journal(events), expected)
    assert State().apply(events).rows("state") == db.rows("state")
    # Each transaction is whole and in one piece: its rows carry the number of the transaction that wrote them.
    by_number = dict(line.split("|") for line in db.sql(
        "SELECT tx, count(*) FROM journal GROUP BY tx").splitlines())
    for each in done:
        numbers = [change["after"]["tx"] for change in each.changes if change.get("table") == "journal"]
        assert len(set(numbers)) <= 1
        assert not numbers or len(numbers) == int(by_number[str(numbers[0])])


def catch_up(db, tidewire, arguments) -> None:
    tidewire(*arguments, "--until", "now").succeed(120)


@pytest.mark.parametrize("acknowledging", ["often", "seldom"])
def test_tidewire_is_killed(own_server, new_database, tidewire, tmp_path, chance, acknowledging):
    db = new_database(own_server)
    db.ready(DDL)
    out = tmp_path / "out"
    interval = {"often": "20ms", "seldom": "10s"}[acknowledging]
    arguments = db.stream("--sync-interval", interval, to=f"file:{out}")
    load = Load(db, SEED)
    for _ in range(KILLS // 2 + (acknowledging == "often") * (KILLS % 2)):
        run = tidewire(*arguments)
        grown = (out.stat().st_size if out.exists() else 0) + chance.randrange(200_000)
        if chance.random() < 0.3:  # while it starts
            until_true(lambda: run.process.poll() is not None or chance.random() < 0.1, "chance", every=0.01)
        else:
            run.wait_until(lambda: out.exists() and out.stat().st_size >= grown, "the file to grow", 60)
        run.kill9()
    expected = load.stop()
    catch_up(db, tidewire, arguments)
    check(db, out, expected)


def test_tidewire_is_killed_with_a_reader_of_standard_output(own_server, new_database, tidewire, tmp_path, chance):
    """Nobody can take lines back from a pipe: at least once, and what comes twice is the same to the byte."""
    db = new_database(own_server)
    db.ready(DDL)
    arguments = db.stream("--position", tmp_path / "position", "--sync-interval", "20ms")
    load = Load(db, SEED)
    lines: dict[tuple, bytes] = {}
    for number in range(3):
        run = tidewire(*arguments)
        wanted = chance.randrange(50, 2000)
        run.wait_until(lambda: len(run.lines) >= wanted, "lines")
        run.kill9()
        remember(lines, run)
    expected = load.stop()
    last = tidewire(*arguments, "--until", "now").succeed(120)
    remember(lines, last)
    found = sorted(int(key[2]) for key in lines if key[1] == "journal")
    assert_same_ids(found, expected)


def remember(lines: dict[tuple, bytes], run) -> None:
    for line, event in zip(run.lines, run.events):
        if event["op"] == "insert" and event["table"] == "journal":
            known = lines.setdefault((event["lsn"], event["table"], event["after"]["id"]), line)
            assert known == line


@pytest.mark.parametrize("how", ["fast", "immediate", "kill9"])
def test_server_restarts(own_server, new_database, tidewire, tmp_path, how):
    """The same process goes on by itself."""
    db = new_database(own_server)
    db.ready(DDL)
    out = tmp_path / "out"
    arguments = db.stream(to=f"file:{out}")
    run = tidewire(*arguments)
    load = Load(db, SEED)
    for _ in range(2):
        size = out.stat().st_size if out.exists() else 0
        run.wait_until(lambda: out.exists() and out.stat().st_size > size, "lines", 60)
        if how == "kill9":
            own_server.kill9()
        else:
            own_server.stop(how)
        own_server.start()
        db.wait_active(deadline=60)
    expected = load.stop()
    db.wait_confirmed(db.now(), 60)
    run.interrupt(signal.SIGTERM).succeed()
    check(db, out, expected)


def test_connection_cuts(own_server, new_database, tidewire, tmp_path, proxy, chance):
    db = new_database(own_server)
    db.ready(DDL)
    between = proxy(own_server)
    out = tmp_path / "out"
    run = tidewire(*db.stream(to=f"file:{out}", port=between.port))
    db.wait_active()
    load = Load(db, SEED)
    for _ in range(8):
        accepted = between.accepted
        between.cut_after(chance.choice([1, 40, 400, 4_000, 100_000]))
        run.wait_until(lambda: between.accepted > accepted, "another connection", 90)
    expected = load.stop()
    between.go_on()
    db.wait_confirmed(db.now(), 90)
    run.interrupt().succeed()
    check(db, out, expected)


def test_connection_falls_silent(own_server, new_database, tidewire, tmp_path, proxy):
    """No end, no reset, nothing: the read deadline finds it out."""
    db = new_database(own_server)
    db.ready(DDL)
    between = proxy(own_server)
    out = tmp_path / "out"
    run = tidewire(*db.stream("--read-deadline", "2s", "--status-interval", "500ms", to=f"file:{out}",
                              port=between.port))
    load = Load(db, SEED)
    run.wait_until(lambda: out.exists() and out.stat().st_size > 10_000, "lines")
    between.stall()
    run.wait_until(lambda: between.accepted >= 2, "another connection", 30)
    between.go_on()
    between.cut()
    expected = load.stop()
    db.wait_confirmed(db.now(), 60)
    run.interrupt().succeed()
    check(db, out, expected)


def test_refused_for_a_while(own_server, new_database, tidewire, tmp_path, proxy):
    db = new_database(own_server)
    db.ready(DDL)
    between = proxy(own_server)
    out = tmp_path / "out"
    run = tidewire(*db.stream(to=f"file:{out}", port=between.port))
    db.wait_active()
    between.refuse()
    between.cut()
    run.wait_until(lambda: between.accepted >= 4, "several attempts", 60)
    between.go_on()
    db.sql("INSERT INTO journal (tx) VALUES (txid_current())")
    db.wait_confirmed(db.now(), 60)
    run.interrupt().succeed()
    check(db, out, [1])


def test_disk_full(own_server, new_database, tidewire):
    """/dev/full takes nothing: an error, and nothing acknowledged."""
    db = new_database(own_server)
    db.ready(DDL)
    before = db.confirmed()
    db.sql("INSERT INTO journal (tx) SELECT txid_current() FROM generate_series(1, 1000)")
    run = tidewire("stream", db.url(), "--to", "stdout", "--slot", db.slot, "--publication", "p", "--until", "now",
                   wrapper=("/bin/sh", "-c", 'exec "$0" "$@" > /dev/full'))
    assert run.end() in (1, 3) and run.error, run.describe()
    assert db.confirmed() == before


def test_reader_goes_away(own_server, new_database, tidewire):
    """`tidewire stream … | head -1`"""
    db = new_database(own_server)
    db.ready(DDL)
    db.sql("INSERT INTO journal (tx) SELECT txid_current() FROM generate_series(1, 100000)")
    run = tidewire("stream", db.url(), "--slot", db.slot, "--publication", "p",
                   wrapper=("/bin/sh", "-c", '"$0" "$@" | head -n 1; exit 0'))
    assert run.end() == 0
    assert len(run.lines) == 1
    db.wait_active(False)
