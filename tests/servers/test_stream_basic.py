"""Following a database: every operation, bounded runs, resuming, signals, names."""

import json
import re
import signal

import pytest
from harness.oracle import State, assert_same_ids, journal, lsn, read_events, transactions

JOURNAL = "CREATE TABLE journal (id int PRIMARY KEY, note text)"


def insert(db, first: int, count: int) -> None:
    """`count` transactions of one row each."""
    db.sql("".join(f"INSERT INTO journal VALUES ({each}, 'row {each}');\n" for each in range(first, first + count)))


def test_every_operation(db, tidewire):
    db.ready()
    db.sql("""
        BEGIN; INSERT INTO items VALUES (1, 'first'), (2, NULL); UPDATE items SET note = 'changed' WHERE id = 1;
        COMMIT;
        UPDATE items SET id = 3 WHERE id = 2;
        DELETE FROM items WHERE id = 3;
        INSERT INTO items VALUES (4, '')""")
    run = tidewire(*db.stream("--until", "now")).succeed()
    done = transactions(run.events)
    assert [each.ops() for each in done] == [["insert", "insert", "update"], ["update"], ["delete"], ["insert"]]
    first, second, update = done[0].changes
    assert first["after"] == {"id": 1, "note": "first"} and second["after"] == {"id": 2, "note": None}
    assert update["after"] == {"id": 1, "note": "changed"} and "key" not in update and "before" not in update
    assert done[1].changes[0]["key"] == {"id": 2} and done[1].changes[0]["after"] == {"id": 3, "note": None}
    assert done[2].changes[0]["key"] == {"id": 3} and "after" not in done[2].changes[0]
    assert State().apply(run.events).rows("items") == db.rows("items")
    schema, = run.ops("schema")
    assert [(each["name"], each["type_oid"], each["key"]) for each in schema["columns"]] == [
        ("id", 23, True), ("note", 25, False)]
    assert schema["oid"] == int(db.sql("SELECT 'items'::regclass::oid")) and schema["identity"] == "default"


def test_transaction_ids_and_times(db, tidewire):
    db.ready()
    xid, before = db.sql("BEGIN; INSERT INTO items VALUES (1, 'x'); SELECT txid_current() % 4294967296, "
                         "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'); "
                         "COMMIT").split("|")
    after = db.sql("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    end = db.now()
    done, = transactions(tidewire(*db.stream("--until", "now")).succeed().events)
    assert done.xid == int(xid)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", done.ts) and before < done.ts < after
    assert lsn(done.lsn) < lsn(done.end["end_lsn"]) <= lsn(end)


def test_unchanged_toast_and_identities(db, tidewire):
    db.ready("""
        CREATE TABLE toasted (id int PRIMARY KEY, small text, big text);
        ALTER TABLE toasted ALTER big SET STORAGE EXTERNAL;
        CREATE TABLE whole (id int, big text);
        ALTER TABLE whole REPLICA IDENTITY FULL;
        ALTER TABLE whole ALTER big SET STORAGE EXTERNAL;
        CREATE TABLE by_index (a int, b int NOT NULL, c int);
        CREATE UNIQUE INDEX by_index_b ON by_index (b);
        ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_b;
        CREATE TABLE nothing (a int);""")
    db.sql("""
        INSERT INTO toasted VALUES (1, 's', repeat('x', 10000));
        UPDATE toasted SET small = 't';
        INSERT INTO whole VALUES (1, repeat('y', 10000));
        UPDATE whole SET id = 2;
        DELETE FROM whole;
        INSERT INTO by_index VALUES (1, 2, 3);
        UPDATE by_index SET b = 4;
        DELETE FROM by_index;
        INSERT INTO nothing VALUES (1)""")
    run = tidewire(*db.stream("--until", "now")).succeed()
    changes = [each.changes[0] for each in transactions(run.events)]
    assert changes[1]["unchanged"] == ["big"] and changes[1]["after"] == {"id": 1, "small": "t"}
    update = changes[3]
    assert update["before"] == {"id": 1, "big": "y" * 10000}
    kept = {name: update["before"][name] for name in update.get("unchanged", [])}
    assert update["after"] | kept == {"id": 2, "big": "y" * 10000}
    assert changes[4]["before"] == {"id": 2, "big": "y" * 10000}
    assert changes[6]["key"] == {"b": 2} and changes[6]["after"] == {"a": 1, "b": 4, "c": 3}
    assert changes[7]["key"] == {"b": 4}
    assert {each["table"]: each["identity"] for each in run.ops("schema")} == {
        "toasted": "default", "whole": "full", "by_index": "index", "nothing": "default"}


def test_truncate(db, tidewire):
    db.ready("CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a)")
    db.sql("INSERT INTO a DEFAULT VALUES; TRUNCATE a CASCADE; TRUNCATE b RESTART IDENTITY")
    run = tidewire(*db.stream("--until", "now")).succeed()
    first, second = run.ops("truncate")
    assert sorted(each["table"] for each in first["tables"]) == ["a", "b"]
    assert (first["cascade"], first["restart_identity"]) == (True, False)
    assert second["tables"] == [{"schema": "public", "table": "b"}]
    assert (second["cascade"], second["restart_identity"]) == (False, True)
    transactions(run.events)


def test_table_changes_shape(db, tidewire):
    db.ready()
    db.sql("""
        INSERT INTO items VALUES (1, 'a');
        ALTER TABLE items ADD more int DEFAULT 5;
        INSERT INTO items VALUES (2, 'b');
        ALTER TABLE items DROP note; ALTER TABLE items RENAME more TO less;
        INSERT INTO items VALUES (3, 7);
        ALTER TABLE items RENAME TO things;
        UPDATE things SET less = 8 WHERE id = 1""")
    run = tidewire(*db.stream("--until", "now")).succeed()
    assert [each.changes[0]["after"] for each in transactions(run.events)] == [
        {"id": 1, "note": "a"}, {"id": 2, "note": "b", "more": 5}, {"id": 3, "less": 7}, {"id": 1, "less": 8}]
    assert [each["table"] for each in run.ops("schema")] == ["items", "items", "items", "things"]


@pytest.mark.since(13, "partitioned tables in publications")
def test_partitions_as_root(db, tidewire):
    db.sql("""
        CREATE TABLE part (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
        CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10);
        CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (20)""")
    db.publish(options="WITH (publish_via_partition_root = true)").create_slot()
    db.sql("INSERT INTO part VALUES (1, 1), (11, 1); UPDATE part SET id = 12 WHERE id = 1")
    run = tidewire(*db.stream("--until", "now")).succeed()
    assert {each["table"] for each in run.ops("insert", "update", "delete")} == {"part"}
    assert State().apply(run.events).rows("part") == db.rows("part")


@pytest.mark.since(14, "logical messages through pgoutput")
def test_logical_messages(db, tidewire):
    db.ready()
    db.sql("""
        SELECT pg_logical_emit_message(false, 'outside', 'alone');
        BEGIN; INSERT INTO items VALUES (1, 'x'); SELECT pg_logical_emit_message(true, 'in', 'ünïcode "q"'); COMMIT;
        SELECT pg_logical_emit_message(true, 'bytes', '\\x00ff80'::bytea)""")
    run = tidewire(*db.stream("--until", "now", "--messages")).succeed()
    alone, inside, binary = run.ops("message")
    assert (alone["prefix"], alone["content"], alone["transactional"]) == ("outside", "alone", False)
    assert (inside["prefix"], inside["content"], inside["transactional"]) == ("in", 'ünïcode "q"', True)
    assert binary["content"] == {"hex": "00ff80"}
    assert [each.ops() for each in transactions(run.events)] == [["insert", "message"], ["message"]]
    db.sql("SELECT pg_logical_emit_message(true, 'in', 'not asked for'); INSERT INTO items VALUES (2, 'y')")
    assert not tidewire(*db.stream("--until", "now")).succeed().ops("message")


def test_nothing_to_read(db, tidewire):
    db.ready()
    run = tidewire(*db.stream("--until", "now")).succeed()
    assert run.lines == []


def test_default_names(new_server, new_database, tidewire):
    db = new_database(new_server())
    db.slot = db.publication = "tidewire"
    db.ready().sql("INSERT INTO items VALUES (1, 'x')")
    run = tidewire("stream", db.url(), "--until", "now").succeed()
    assert len(run.ops("insert")) == 1


@pytest.mark.parametrize("to_file", [False, True])
def test_resumes_where_it_stopped(db, tidewire, tmp_path, to_file):
    db.ready(JOURNAL)
    out = tmp_path / "out.ndjson"
    seen = []
    for first in (1, 11, 21):
        insert(db, first, 10)
        arguments = ["--until", "now"] if to_file else ["--until", "now", "--position", tmp_path / "position"]
        run = tidewire(*db.stream(*arguments, to=f"file:{out}" if to_file else "stdout")).succeed()
        seen += run.events
    if to_file:
        assert (tmp_path / "out.ndjson.position").exists()
        seen = read_events(out)
    assert_same_ids(journal(seen), list(range(1, 31)))
    transactions(seen)


def test_until_a_number_of_transactions(db, tidewire, tmp_path):
    db.ready(JOURNAL)
    insert(db, 1, 10)
    found = []
    for count in (3, 5, 2):
        run = tidewire(*db.stream("--until", f"{count}tx", "--position", tmp_path / "position")).succeed()
        assert len(transactions(run.events)) == count
        found += journal(run.events)
    assert found == list(range(1, 11))


def test_until_a_position(db, tidewire, tmp_path):
    db.ready(JOURNAL)
    insert(db, 1, 3)
    middle = db.now()
    insert(db, 4, 3)
    run = tidewire(*db.stream("--until", middle, "--position", tmp_path / "position")).succeed()
    assert journal(run.events) == [1, 2, 3]
    rest = tidewire(*db.stream("--until", "now", "--position", tmp_path / "position")).succeed()
    assert journal(rest.events) == [4, 5, 6]


def test_until_a_duration(db, tidewire):
    db.ready(JOURNAL)
    run = tidewire(*db.stream("--until", "2s"))
    db.wait_active()
    insert(db, 1, 3)
    run.succeed(15)
    assert journal(run.events) == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_with_the_position_stored(db, tidewire, tmp_path, number):
    db.ready(JOURNAL)
    out = tmp_path / "out.ndjson"
    insert(db, 1, 5)
    run = tidewire(*db.stream(to=f"file:{out}"))
    run.wait_until(lambda: out.exists() and len(journal([json.loads(line) for line in out.read_bytes()
                                                         .splitlines(True) if line.endswith(b"\n")])) == 5, "5 rows")
    run.interrupt(number).succeed(10)
    last = read_events(out)[-1]
    db.wait_active(False)
    assert lsn(db.confirmed()) >= lsn(last["end_lsn"])
    insert(db, 6, 5)
    tidewire(*db.stream("--until", "now", to=f"file:{out}")).succeed()
    assert_same_ids(journal(read_events(out)), list(range(1, 11)))


def test_a_signal_before_the_connection_is_there(server, tidewire, proxy):
    between = proxy(server)
    between.stall()
    run = tidewire("stream", server.url(port=between.port))
    run.wait_until(lambda: between.accepted, "a connection")
    run.interrupt()
    assert run.end(10) in (0, 1)


def test_several_publications(db, tidewire):
    db.sql("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"
           "CREATE TABLE c (id int PRIMARY KEY)")
    db.publish("TABLE a", "pa").publish("TABLE b", '"Pub ""b"', "WITH (publish = 'insert')").create_slot()
    db.publication = 'pa,Pub "b'
    db.sql("INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); INSERT INTO c VALUES (1); DELETE FROM b")
    run = tidewire(*db.stream("--until", "now")).succeed()
    assert [(each["op"], each["table"]) for each in run.ops("insert", "delete")] == [("insert", "a"), ("insert", "b")]


ODD_NAMES = ['Upper', 'upper', 'with "quotes" and \\', "line\nbreak\ttab", "ünïcøde 表 🐘", "x" * 63, "select", "'", "\x01"]


def test_odd_names(db, tidewire):
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'
    schema = quoted('S "chema"')
    columns = ", ".join(f"{quoted(name)} text" for name in ODD_NAMES)
    db.ready(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.{quoted(ODD_NAMES[3])} (id int PRIMARY KEY, {columns})")
    value = "".join(map(chr, [*range(1, 32), 0x22, 0x5c, 0x7f, 0x2028, 0x10ffff]))
    literal = "E'" + "".join(f"\\U{ord(each):08x}" if each not in "'\\" else "\\" + each for each in value) + "'"
    db.sql(f"INSERT INTO {schema}.{quoted(ODD_NAMES[3])} VALUES (1, {', '.join([literal] * len(ODD_NAMES))})")
    run = tidewire(*db.stream("--until", "now")).succeed()
    row, = run.ops("insert")
    assert (row["schema"], row["table"]) == ('S "chema"', ODD_NAMES[3])
    assert row["after"] == {"id": 1} | {name: value for name in ODD_NAMES}


def test_the_widest_table(db, tidewire):
    db.ready("CREATE TABLE wide (" + ", ".join(f"c{each} int" for each in range(1600)) + ")")
    db.sql("INSERT INTO wide VALUES (" + ", ".join(map(str, range(1600))) + ")")
    row, = tidewire(*db.stream("--until", "now")).succeed().ops("insert")
    assert row["after"] == {f"c{each}": each for each in range(1600)}


def test_a_large_value(db, tidewire):
    db.ready()
    db.sql("INSERT INTO items SELECT 1, repeat('0123456789abcdef', 4 * 1024 * 1024)")
    row, = tidewire(*db.stream("--until", "now")).succeed(60).ops("insert")
    assert row["after"]["note"] == "0123456789abcdef" * (4 * 1024 * 1024)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_other_encodings(server, new_database, tidewire, encoding):
    db = new_database(server, f"ENCODING {encoding} TEMPLATE template0")
    db.ready().sql("SET client_encoding TO 'SQL_ASCII'; INSERT INTO items VALUES (1, E'\\xe4')"
                   if encoding == "SQL_ASCII" else "INSERT INTO items VALUES (1, 'ä')")
    row, = tidewire(*db.stream("--until", "now")).succeed().ops("insert")
    assert row["after"]["note"] == ("ä" if encoding == "LATIN1" else {"hex": "e4"})


def test_log_formats(db, tidewire):
    db.ready().sql("INSERT INTO items VALUES (1, 'x')")
    quiet = tidewire(*db.stream("--until", "1tx", "--quiet")).succeed()
    assert quiet.stderr == ""
    logged = tidewire(*db.stream("--until", "now", "--log-format", "json")).succeed()
    assert logged.stderr and all(json.loads(line)["level"] == "info" for line in logged.stderr.splitlines())
    db.publication = "nowhere"
    failed = tidewire(*db.stream("--until", "now", "--log-format", "json", "--quiet"))
    assert failed.end() == 3
    line = json.loads(failed.stderr.splitlines()[-1])
    assert line["level"] == "error" and line["code"].startswith("TW-") and line["hint"]


@pytest.mark.parametrize("arguments", [
    [], ["stream"], ["stream", "mysql://x/y"], ["stream", "URL", "--until", "yesterday"], ["stream", "URL", "--to", "x:y"],
    ["stream", "URL", "--create-slot", "--temporary-slot"], ["stream", "URL", "--nonsense"], ["decode"],
    ["stream", "postgres://127.0.0.1:port/db"], ["stream", "postgres://h/d?sslmode=sometimes"]])
def test_usage_errors(server, tidewire, arguments):
    run = tidewire(*[server.url() if each == "URL" else each for each in arguments])
    assert run.end() == 2, run.describe()
    assert run.stderr and not run.lines
