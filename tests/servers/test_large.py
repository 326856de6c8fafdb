"""A transaction of a million rows in bounded memory, complete, streamed while it runs or in one piece."""

import pytest
from harness.oracle import transactions
from harness.program import parse

ROWS = 1_000_000
LIMIT = 64 * 1024 * 1024


def check_file(out, rows: int) -> None:
    """One transaction with every id once; only a few lines are parsed, a million would take half a minute."""
    ids = set()
    begin = commit = None
    with open(out, "rb") as lines:
        for line in lines:
            if b'"op":"insert"' in line:
                assert commit is None and begin is not None
                ids.add(int(line[line.index(b'"after":{"id":') + 14:].split(b",", 1)[0]))
                last = line
            elif b'"op":"begin"' in line:
                begin = parse(line)
            elif b'"op":"commit"' in line:
                commit = parse(line)
    assert len(ids) == rows and min(ids) == 1 and max(ids) == rows
    assert commit["changes"] == rows and commit["lsn"] == begin["lsn"]
    assert parse(last)["seq"] == rows


def tail(out) -> bytes:
    if not out.exists():
        return b""
    with open(out, "rb") as file:
        file.seek(max(0, out.stat().st_size - 400))
        return file.read()


@pytest.mark.slow
@pytest.mark.parametrize("streaming", [
    "off", pytest.param("on", marks=pytest.mark.since(14, "streaming of running transactions"))])
def test_a_million_rows(new_server, new_database, tidewire, tmp_path, streaming):
    db = new_database(new_server(logical_decoding_work_mem="1MB") if streaming == "on" else new_server())
    db.ready("CREATE TABLE big (id int PRIMARY KEY, t text)")
    out, spill = tmp_path / "out", tmp_path / "spill"
    spill.mkdir()
    run = tidewire(*db.stream("--streaming", streaming, "--spill-dir", spill, to=f"file:{out}"))
    db.wait_active()
    db.sql(f"INSERT INTO big SELECT i, md5(i::text) FROM generate_series(1, {ROWS}) i")
    run.wait_until(lambda: b'"op":"commit"' in tail(out), "the commit", 240)
    db.wait_confirmed(db.now(), 60)
    peak = run.peak_rss()
    run.interrupt().succeed()
    check_file(out, ROWS)
    if streaming == "on":
        assert db.slot_stats("stream_txns") > 0, "the server streamed nothing: the test would prove nothing"
    assert list(spill.iterdir()) == [], "spill files stay behind"
    assert peak < LIMIT, f"{peak / 2**20:.1f} MiB"


@pytest.mark.since(14, "streaming of running transactions")
def test_killed_while_it_spills(new_server, new_database, tidewire, session, tmp_path):
    """What was spilled is of no use to the next run, and is not in its way."""
    db = new_database(new_server(logical_decoding_work_mem="64kB"))
    db.ready("CREATE TABLE big (id int PRIMARY KEY, t text)")
    out, spill = tmp_path / "out", tmp_path / "spill"
    spill.mkdir()
    arguments = db.stream("--spill-dir", spill, "--spill-memory", "64KB", to=f"file:{out}")
    run = tidewire(*arguments)
    db.wait_active()
    writer = session(db)
    writer.run("BEGIN; INSERT INTO big SELECT i, md5(i::text) FROM generate_series(1, 50000) i")
    run.wait_until(lambda: db.slot_stats("stream_bytes") > 0, "a streamed piece")
    run.kill9()
    second = tidewire(*arguments)
    writer.run("INSERT INTO big SELECT i, md5(i::text) FROM generate_series(50001, 60000) i; COMMIT")
    second.wait_until(lambda: b'"op":"commit"' in tail(out), "the commit", 60)
    second.interrupt().succeed()
    check_file(out, 60_000)
    assert list(spill.iterdir()) == []


def test_many_small_transactions(db, tidewire):
    db.ready()
    count = 5_000
    db.sql("".join(f"INSERT INTO items VALUES ({each});\n" for each in range(count)))
    run = tidewire(*db.stream("--until", "now")).succeed(60)
    assert len(transactions(run.events)) == count
