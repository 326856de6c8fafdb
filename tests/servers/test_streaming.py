"""Transactions that the server streams while they run: interleaved, half rolled back, prepared."""

import random

import pytest
from harness.oracle import State, assert_same_ids, transactions

pytestmark = pytest.mark.since(14, "streaming of running transactions")

DDL = "CREATE TABLE big (id int PRIMARY KEY, who text, t text); CREATE TABLE small (id int PRIMARY KEY)"


@pytest.fixture(scope="module")
def eager(new_server):
    """A server that streams every transaction of more than 64 kB."""
    return new_server(logical_decoding_work_mem="64kB")


def rows(first: int, count: int, who: str) -> str:
    return (f"INSERT INTO big SELECT i, '{who}', repeat(md5(i::text), 5) "
            f"FROM generate_series({first}, {first + count - 1}) i")


def assert_streamed(db) -> None:
    assert db.slot_stats("stream_txns") > 0, "the server streamed nothing: the test would prove nothing"


def check(db, run) -> list:
    done = transactions(run.events)
    for table in ("big", "small"):
        assert State().apply(run.events).rows(table) == db.rows(table, "id")
    return done


VARIANTS = [["--streaming", "off"], ["--protocol", "1"], [], ["--protocol", "2"], ["--spill-memory", "100KB"]]


@pytest.mark.parametrize("arguments", VARIANTS, ids=" ".join)
def test_interleaved(eager, new_database, tidewire, session, tmp_path, arguments):
    db = new_database(eager)
    db.ready(DDL)
    run = tidewire(*db.stream(*arguments, "--spill-dir", tmp_path))
    db.wait_active()
    first, second, third = session(db), session(db), session(db)
    for each in (first, second, third):
        each.run("BEGIN")
    for step in range(6):
        first.run(rows(step * 1000, 1000, "first"))
        second.run(rows(10_000 + step * 1000, 1000, "second"))
        third.run(rows(20_000 + step * 1000, 1000, "rolled back"))
        db.sql(f"INSERT INTO small VALUES ({step})")
    second.run("COMMIT")
    third.run("ROLLBACK")
    first.run("UPDATE big SET t = 'short' WHERE id < 100; DELETE FROM big WHERE id BETWEEN 100 AND 199; COMMIT")
    run.wait_ops("commit", 8, 60)
    run.interrupt().succeed()
    done = check(db, run)
    assert [len(each.changes) for each in done] == [1] * 6 + [6000, 6200]
    if arguments not in VARIANTS[:2]:
        assert_streamed(db)
    assert list(tmp_path.iterdir()) == []


def test_savepoints(eager, new_database, tidewire, session):
    db = new_database(eager)
    db.ready(DDL)
    run = tidewire(*db.stream())
    db.wait_active()
    writer = session(db)
    chance = random.Random(4)
    writer.run("BEGIN")
    depth, first = 0, 0
    for _ in range(60):
        action = chance.random()
        if action < 0.3:
            depth += 1
            writer.run(f"SAVEPOINT s{depth}")
        elif action < 0.45 and depth:
            depth = chance.randint(1, depth)
            writer.run(f"ROLLBACK TO s{depth}")
        elif action < 0.55 and depth:
            depth = chance.randint(1, depth)
            writer.run(f"RELEASE s{depth}")
            depth -= 1
        else:
            writer.run(rows(first, 300, "writer"))
            first += 300
    writer.run("COMMIT")
    run.wait_ops("commit", 1, 60)
    run.interrupt().succeed()
    check(db, run)
    assert_streamed(db)


def test_table_changes_inside(eager, new_database, tidewire):
    """The description of a table in a streamed transaction holds for it alone until it commits."""
    db = new_database(eager)
    db.ready(DDL)
    db.sql(f"""
        BEGIN; {rows(0, 2000, 'a')}; ALTER TABLE big ADD more int; {rows(2000, 2000, 'b').replace('big', 'big(id, who, t)')};
        SAVEPOINT s; ALTER TABLE big RENAME more TO gone; ALTER TABLE small ADD x int;
        INSERT INTO small VALUES (1, 2); ROLLBACK TO s; INSERT INTO small VALUES (2); COMMIT;
        INSERT INTO small VALUES (3)""")
    run = tidewire(*db.stream("--until", "now")).succeed(60)
    inserts = run.ops("insert")
    assert "more" not in inserts[0]["after"] and inserts[2000]["after"]["more"] is None
    assert [each["after"] for each in inserts if each["table"] == "small"] == [{"id": 2}, {"id": 3}]
    transactions(run.events)
    assert_streamed(db)


def test_rolled_back_as_a_whole(eager, new_database, tidewire, session):
    db = new_database(eager)
    db.ready(DDL)
    run = tidewire(*db.stream())
    db.wait_active()
    writer = session(db)
    writer.run("BEGIN; " + rows(0, 5000, "gone"))
    run.wait_until(lambda: db.slot_stats("stream_txns") > 0, "a streamed piece")
    writer.run("ROLLBACK")
    writer.run("BEGIN; " + rows(0, 5000, "vanished"))
    writer.close()
    db.sql("INSERT INTO small VALUES (1)")
    run.wait_ops("commit", 1)
    db.wait_confirmed(db.now())
    run.interrupt().succeed()
    check(db, run)


def test_stopped_in_the_middle(eager, new_database, tidewire, session, tmp_path):
    """What was received of a running transaction comes again, as a whole, after it has committed."""
    db = new_database(eager)
    db.ready(DDL)
    arguments = db.stream("--position", tmp_path / "position")
    run = tidewire(*arguments)
    db.wait_active()
    writer = session(db)
    writer.run("BEGIN; " + rows(0, 5000, "x"))
    run.wait_until(lambda: db.slot_stats("stream_txns") > 0, "a streamed piece")
    run.interrupt().succeed()
    assert run.lines == []
    writer.run("COMMIT")
    check(db, tidewire(*arguments, "--until", "now").succeed(60))


@pytest.mark.since(16, "debug_logical_replication_streaming")
@pytest.mark.parametrize("arguments", [["--protocol", each] for each in "234"] + [["--binary"], ["--messages"]])
def test_every_transaction_streamed(new_server, new_database, tidewire, arguments):
    name = "debug_logical_replication_streaming"
    db = new_database(new_server(**{name: "immediate"}))
    db.ready(DDL)
    db.sql("".join(f"BEGIN; INSERT INTO small VALUES ({each}); INSERT INTO big VALUES ({each}, 'x', 'y');"
                   f"SAVEPOINT s; INSERT INTO small VALUES ({each + 1000}); ROLLBACK TO s;"
                   f"UPDATE big SET t = 'z' WHERE id = {each}; {'ROLLBACK' if each % 3 == 0 else 'COMMIT'};"
                   for each in range(30)) + "TRUNCATE small; INSERT INTO small VALUES (0)")
    run = tidewire(*db.stream("--until", "now", *arguments)).succeed()
    assert len(check(db, run)) == 22
    assert_streamed(db)


@pytest.mark.since(15, "two-phase commit in pgoutput")
@pytest.mark.parametrize("size", [1, 5000], ids=["small", "streamed"])
def test_two_phase(eager, new_database, tidewire, size):
    db = new_database(eager)
    db.sql(DDL)
    db.publish().create_slot(two_phase=True)
    run = tidewire(*db.stream("--two-phase"))
    db.wait_active()
    db.sql(f"BEGIN; {rows(0, size, 'kept')}; PREPARE TRANSACTION 'kept {db.name}'")
    run.wait_ops("prepare", 1)
    assert not run.ops("commit", "commit_prepared")
    db.sql(f"BEGIN; {rows(10_000, size, 'dropped')}; PREPARE TRANSACTION 'dropped {db.name}'")
    db.sql("INSERT INTO small VALUES (1)")
    db.sql(f"COMMIT PREPARED 'kept {db.name}'")
    db.sql(f"ROLLBACK PREPARED 'dropped {db.name}'")
    run.wait_ops("rollback_prepared", 1)
    run.interrupt().succeed()
    done = transactions(run.events)
    assert [(each.gid, len(each.changes), each.end["op"]) for each in done] == [
        (f"kept {db.name}", size, "prepare"), (f"dropped {db.name}", size, "prepare"), (None, 1, "commit")]
    assert [(each["op"], each["gid"]) for each in run.ops("commit_prepared", "rollback_prepared")] == [
        ("commit_prepared", f"kept {db.name}"), ("rollback_prepared", f"dropped {db.name}")]
    if size > 1:
        assert_streamed(db)


@pytest.mark.since(15, "two-phase commit in pgoutput")
def test_two_phase_over_a_restart(eager, new_database, tidewire, tmp_path):
    db = new_database(eager)
    db.sql(DDL)
    db.publish().create_slot(two_phase=True)
    arguments = db.stream("--two-phase", "--until", "now", "--position", tmp_path / "position")
    db.sql(f"BEGIN; {rows(0, 10, 'x')}; PREPARE TRANSACTION '{db.name}'")
    first = tidewire(*arguments).succeed()
    assert len(first.ops("insert")) == 10 and len(first.ops("prepare")) == 1
    db.sql(f"COMMIT PREPARED '{db.name}'")
    second = tidewire(*arguments).succeed()
    assert [each["op"] for each in second.events] == ["commit_prepared"]


def test_prepared_without_two_phase(eager, new_database, tidewire):
    """They come at their commit, after what was committed meanwhile."""
    db = new_database(eager)
    db.ready(DDL)
    db.sql(f"BEGIN; {rows(0, 5, 'x')}; PREPARE TRANSACTION '{db.name}'")
    db.sql("INSERT INTO small VALUES (1)")
    db.sql(f"COMMIT PREPARED '{db.name}'")
    run = tidewire(*db.stream("--until", "now")).succeed()
    assert [len(each.changes) for each in check(db, run)] == [1, 5]


@pytest.mark.since(16, "the origin option")
def test_origins(db, tidewire):
    db.ready(DDL)
    origin = f"elsewhere_{db.name}"
    db.sql(f"""
        SELECT pg_replication_origin_create('{origin}');
        SELECT pg_replication_origin_session_setup('{origin}');
        BEGIN; SELECT pg_replication_origin_xact_setup('0/AB', now()); INSERT INTO small VALUES (1); COMMIT;
        SELECT pg_replication_origin_session_reset(); INSERT INTO small VALUES (2)""")
    copy = f"{db.slot}_any"
    db.sql(f"SELECT pg_copy_logical_replication_slot('{db.slot}', '{copy}')")
    local = tidewire(*db.stream("--until", "now", "--origin", "none")).succeed()
    assert [each["after"]["id"] for each in local.ops("insert")] == [2]
    db.slot = copy
    every = tidewire(*db.stream("--until", "now", "--origin", "any")).succeed()
    assert_same_ids([each["after"]["id"] for each in every.ops("insert")], [1, 2])
    assert every.ops("origin")[0]["name"] == origin
    db.sql(f"SELECT pg_replication_origin_drop('{origin}')")
