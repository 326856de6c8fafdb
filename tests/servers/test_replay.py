"""What SQL put in comes out of a second database that was filled from the lines alone."""

import pytest
from harness.replay import Replay
from test_types import DDL, NAMES, columns


def fill(source, target, leave_out=frozenset()) -> None:
    """Every sample in a row of its own column, in a table of each."""
    wanted = columns(leave_out)
    table = "CREATE TABLE samples (id int PRIMARY KEY, " + ", ".join(f"{name} {kind}" for name, kind, _ in wanted) + ")"
    source.ready(DDL + table)
    target.sql(DDL + table)
    values = ", ".join("NULL" if each is None else f"'{each}'" for _, _, each in wanted)
    source.sql(f"SET standard_conforming_strings = on; SET timezone = 'UTC'; INSERT INTO samples VALUES (1, {values});"
               f"INSERT INTO samples (id) VALUES (2); UPDATE samples SET id = 3 WHERE id = 2;"
               "INSERT INTO samples SELECT 4; DELETE FROM samples WHERE id = 4")


def content(db) -> str:
    return db.sql("SET timezone = 'UTC'; SELECT samples.* FROM samples ORDER BY id")


@pytest.mark.parametrize("arguments", [[], pytest.param(["--binary"], marks=pytest.mark.since(14, "binary values"))],
                         ids=["text", "binary"])
def test_every_type(server, new_database, tidewire, arguments):
    source, target = new_database(server), new_database(server)
    fill(source, target, NAMES if arguments else ())  # names would make it a stream in text
    run = tidewire(*source.stream("--until", "now", *arguments)).succeed(60)
    assert "TW-PG-BINARY-TYPE" not in run.stderr
    Replay(target).apply(run.lines)
    assert content(target) == content(source)


def test_every_type_by_a_copy(server, new_database, tidewire, tmp_path):
    """The rows as they are when the copy begins, and what comes after it by the stream."""
    source, target = new_database(server), new_database(server)
    fill(source, target)
    out = tmp_path / "out"
    source.sql(f"SELECT pg_drop_replication_slot('{source.slot}')")  # the copy makes its own
    copy = source.stream("--snapshot", "initial", "--until", "now", to=f"file:{out}")
    tidewire(*copy).succeed(60)
    source.sql("INSERT INTO samples SELECT 10; UPDATE samples SET id = 11 WHERE id = 1; DELETE FROM samples WHERE id = 3")
    tidewire(*copy).succeed(60)
    lines = out.read_bytes().splitlines()
    assert sum(b'"op":"read"' in each for each in lines) == 2
    Replay(target).apply(lines)
    assert content(target) == content(source) != ""


def test_a_history_of_changes(server, new_database, tidewire):
    """Identities of every kind, keys that change, truncates, untouched TOAST values: the end is the same."""
    tables = """
        CREATE TABLE keyed (id int PRIMARY KEY, n int, big text);
        CREATE TABLE whole (id int, n int, big text); ALTER TABLE whole REPLICA IDENTITY FULL;
        ALTER TABLE keyed ALTER big SET STORAGE EXTERNAL; ALTER TABLE whole ALTER big SET STORAGE EXTERNAL;"""
    source, target = new_database(server), new_database(server)
    source.ready(tables)
    target.sql(tables)
    source.sql("""
        INSERT INTO keyed SELECT i, i, repeat(i::text, 5000) FROM generate_series(1, 50) i;
        INSERT INTO whole SELECT i, i, repeat(i::text, 5000) FROM generate_series(1, 50) i;
        UPDATE keyed SET n = n + 1 WHERE id % 2 = 0; UPDATE whole SET n = n + 1 WHERE id % 2 = 0;
        UPDATE keyed SET id = id + 1000 WHERE id % 5 = 0; UPDATE whole SET id = id + 1000 WHERE id % 5 = 0;
        UPDATE keyed SET big = NULL WHERE id % 7 = 0; UPDATE whole SET big = NULL WHERE id % 7 = 0;
        DELETE FROM keyed WHERE id % 3 = 0; DELETE FROM whole WHERE id % 3 = 0""")
    run = tidewire(*source.stream("--until", "now")).succeed(60)
    Replay(target).apply(run.lines)
    for table in ("keyed", "whole"):
        rows = f"SELECT * FROM {table} ORDER BY id"
        assert target.sql(rows) == source.sql(rows) != ""
