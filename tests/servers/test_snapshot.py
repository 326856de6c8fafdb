"""The initial copy: what it writes is what the tables hold, in the stream's own form, and it joins the stream.

TIDEWIRE_KILLS: how often tidewire is killed (5); TIDEWIRE_SEED repeats a run.
"""

import json
import os
import random
import re
import subprocess
import threading


import pytest
from harness import MAJOR
from harness.oracle import lsn, read_events, transactions
from harness.program import parse, until_true
from test_binary_text import CASES
from test_binary_text import DDL as TYPES_DDL
from test_types import fill

KILLS = int(os.environ.get("TIDEWIRE_KILLS") or 5)
SEED = int(os.environ.get("TIDEWIRE_SEED") or random.randrange(10**6))


class Replica:
    """What a consumer has after a copy and the changes on top of it, by the rules of docs/envelope.md."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple, dict]] = {}
        self.at: dict[str, dict[tuple, int]] = {}  # the LSN of each row's newest content
        self.keys: dict[str, list[str]] = {}
        self.reads = 0

    def apply(self, events: list[dict]) -> "Replica":
        for event in events:
            op, name = event["op"], event.get("table")
            if op == "schema":
                self.keys[name] = [each["name"] for each in event["columns"] if each["key"]]
                self.rows.setdefault(name, {})
                self.at.setdefault(name, {})
            elif op == "snapshot" and event["stage"] == "restart":
                self.rows[name], self.at[name] = {}, {}
            elif op == "truncate":
                for table in event["tables"]:
                    for key in list(self.rows.get(table["table"], {})):
                        self.remove(table["table"], key, lsn(event["lsn"]))
            elif op == "read":
                self.reads += 1
                key = self.key(name, event["after"])
                self.rows[name][key], self.at[name][key] = event["after"], lsn(event["lsn"])
            elif op in ("insert", "update", "delete"):
                self.change(event)
        return self

    def key(self, table: str, row: dict) -> tuple:
        return tuple(row[name] for name in self.keys[table])

    def remove(self, table: str, key: tuple, at: int) -> dict:
        """What was there; nothing, and nothing is removed, if it is newer."""
        if self.at[table].get(key, 0) > at:
            return {}
        self.at[table].pop(key, None)
        return self.rows[table].pop(key, {})

    def change(self, event: dict) -> None:
        table, at, after = event["table"], lsn(event["lsn"]), event.get("after")
        known = {}
        if event["op"] != "insert":
            known = self.remove(table, self.key(table, event.get("key") or after), at)
        if event["op"] == "delete":
            return
        key = self.key(table, after)
        if self.at[table].get(key, 0) > at:
            return
        kept = {name: known[name] for name in event.get("unchanged", []) if name in known}
        self.rows[table][key], self.at[table][key] = after | kept, at

    def table(self, name: str) -> list[dict]:
        return [row for _, row in sorted(self.rows.get(name, {}).items())]


def initial(db, *more, to, **parameters) -> list:
    return db.stream("--snapshot", "initial", *more, to=to, **parameters)


def alone(db, *more, to="stdout", **parameters) -> list:
    return ["snapshot", db.url(**parameters), "--to", to, "--publication", db.publication, *more]


def reads(events: list[dict], table: str | None = None) -> list[dict]:
    return [each["after"] for each in events if each["op"] == "read" and table in (None, each["table"])]


def check_shape(events: list[dict], exact: bool = True) -> None:
    """Begin and end of all, and of each table; rows only between, with the position of their round. `exact`: the
    slot was made with the first snapshot (not so if it was killed between that and the first position)."""
    copy = [each for each in events if each["op"] in ("snapshot", "read")]
    assert copy[0]["stage"] == "begin" and "table" not in copy[0], copy[0]
    assert copy[-1]["stage"] == "end" and "table" not in copy[-1], copy[-1]
    open_tables: set[str] = set()
    position = None
    for each in copy:
        if each["op"] == "read":
            assert each["table"] in open_tables, each
            assert each["lsn"] == position, each
        elif "table" not in each:
            if each["stage"] == "resume":
                assert lsn(each["lsn"]) >= lsn(position)
            position = each["lsn"]
        elif each["stage"] in ("begin", "restart"):
            open_tables.add(each["table"])
    last = events.index(copy[-1])
    assert not [each for each in events[last + 1:] if each["op"] in ("read", "snapshot")]
    # The stream goes on from the first position, never before it.
    for each in transactions(events[last + 1:]):
        assert not exact or lsn(each.lsn) >= lsn(copy[0]["lsn"])


# ---- Content

def test_every_type_as_in_the_stream(db, tidewire):
    """The copy's line and the stream's line of the same row are the same to the byte."""
    fill(db)
    copied = tidewire(*alone(db)).succeed()
    streamed = tidewire(*db.stream("--until", "now")).succeed()

    def row(lines: list[bytes], op: bytes) -> bytes:
        line = next(each for each in lines if b'"op":"' + op in each)
        return line[line.index(b'"after":'):]
    assert row(copied.lines, b"read") == row(streamed.lines, b"insert")


def test_random_values_of_every_type(db, tidewire):
    """What harness/values.py makes of every type: the copy's rows are the stream's rows, to the byte."""
    db.sql(f"SET client_min_messages = error; {TYPES_DDL}")
    cases = [case for case in CASES if case.since <= MAJOR]
    db.sql("; ".join(f"CREATE TABLE v{number} (id serial PRIMARY KEY, v {case.type})"
                     for number, case in enumerate(cases)))
    db.publish().create_slot()

    def insert(number: int, literals: list[str]) -> str:
        quoted = ["('" + text.replace("'", "''") + "')" for text in literals]
        return f"INSERT INTO v{number} (v) VALUES {', '.join([*quoted, '(NULL)'])};"
    # Not those that no page can hold.
    few = [[text for text in case.all() if len(text) < 1000][:150] for case in cases]
    script = "\n".join(insert(number, literals) for number, literals in enumerate(few))
    db.sql("SET client_min_messages = error; SET standard_conforming_strings = on; SET timezone = 'UTC'; "
           f"SET lc_monetary = 'C'; {script}")
    copied = tidewire(*alone(db)).succeed(60)
    streamed = tidewire(*db.stream("--until", "now")).succeed(60)

    def rows(lines: list[bytes], op: str) -> dict[tuple, bytes]:
        found = {}
        for line in lines:
            event = parse(line)
            if event["op"] == op:
                found[event["table"], event["after"]["id"]] = line[line.index(b'"after":'):]
        return found
    left, right = rows(copied.lines, "read"), rows(streamed.lines, "insert")
    assert len(left) == len(right) > 2000
    wrong = [(cases[int(key[0][1:])].type, left.get(key), line) for key, line in right.items()
             if left.get(key) != line]
    assert not wrong, f"{len(wrong)} rows differ: {sorted({each[0] for each in wrong})}, {wrong[:3]}"


def test_poisoned_database_settings(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a timestamptz, b interval, c bytea, d float8); CREATE PUBLICATION p FOR "
           "ALL TABLES; INSERT INTO t VALUES (1, '2024-03-10 08:00+00', '1 year 2 days', '\\x00ff41', 0.1::float8 + 0.2)")
    settings = ("datestyle = German", "intervalstyle = iso_8601", "bytea_output = escape",
                "extra_float_digits = 0", "statement_timeout = 1", "row_security = on", "jit_above_cost = 0")
    # In one session: the next one has the timeout.
    db.sql("; ".join(f"ALTER DATABASE {db.name} SET {setting}" for setting in settings))
    row = reads(tidewire(*alone(db)).succeed().events)[0]
    text = "0.30000000000000004" if MAJOR >= 12 else "0.300000000000000044"
    assert json.loads(json.dumps(row, default=str)) == {
        "id": 1, "a": "2024-03-10 08:00:00+00", "b": "1 year 2 days", "c": "\\x00ff41", "d": text}


def test_odd_tables(db, tidewire):
    """Empty, without columns, with 1600 of them, with every odd name."""
    db.sql("""
        CREATE TABLE empty (id int PRIMARY KEY);
        CREATE TABLE "no columns" ();
        INSERT INTO "no columns" DEFAULT VALUES; INSERT INTO "no columns" DEFAULT VALUES;
        CREATE SCHEMA "Sch""ema '.x";
        CREATE TABLE "Sch""ema '.x"."Ta""ble ' %s \\ é" ("I""d '" int PRIMARY KEY, "sel ect" text, "ID" regclass);
        INSERT INTO "Sch""ema '.x"."Ta""ble ' %s \\ é" VALUES (1, 'x', 'pg_class'), (2, NULL, NULL);
        CREATE TABLE dropped (a int, b text, c int PRIMARY KEY); ALTER TABLE dropped DROP COLUMN b;
        INSERT INTO dropped VALUES (1, 2)""")
    wide = ", ".join(f"c{number} int" for number in range(1600))
    db.sql(f"CREATE TABLE wide ({wide}); INSERT INTO wide (c0, c1599) VALUES (1, 2)")
    db.publish()
    run = tidewire(*alone(db)).succeed()
    check_shape(run.events)
    assert reads(run.events, "empty") == []
    assert reads(run.events, "no columns") == [{}, {}]
    assert reads(run.events, 'Ta"ble \' %s \\ é') == [{'I"d \'': 1, "sel ect": "x", "ID": "pg_class"},
                                                     {'I"d \'': 2, "sel ect": None, "ID": None}]
    assert reads(run.events, "dropped") == [{"a": 1, "c": 2}]
    row = reads(run.events, "wide")[0]
    assert len(row) == 1600 and row["c0"] == 1 and row["c1599"] == 2 and row["c1"] is None
    assert run.ops("snapshot")[-1]["tables"] == 5 and run.ops("snapshot")[-1]["rows"] == 6


def test_nulls_inside(db, tidewire):
    """A composite of NULLs is not NULL; both come as in the stream."""
    db.ready("CREATE TYPE two AS (a int, b text); CREATE TABLE t (id int PRIMARY KEY, c two)")
    db.sql("INSERT INTO t VALUES (1, ROW(NULL, NULL)), (2, NULL), (3, ROW(1, ''))")
    assert reads(tidewire(*alone(db)).succeed().events) == [
        {"id": 1, "c": "(,)"}, {"id": 2, "c": None}, {"id": 3, "c": '(1,"")'}]


@pytest.mark.since(12, "generated columns")
def test_generated_columns(db, tidewire):
    db.ready("CREATE TABLE t (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)")
    db.sql("INSERT INTO t VALUES (1, 2)")
    assert reads(tidewire(*alone(db)).succeed().events) == [{"id": 1, "a": 2}]


@pytest.mark.since(18, "publish_generated_columns")
def test_published_generated_columns(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED); "
           "INSERT INTO t VALUES (1, 2)")
    db.publish(options="WITH (publish_generated_columns = stored)")
    assert reads(tidewire(*alone(db)).succeed().events) == [{"id": 1, "a": 2, "b": 4}]


@pytest.mark.since(15, "row filters and column lists")
def test_row_filters_and_column_lists(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE TABLE u (id int PRIMARY KEY, n int); "
           "INSERT INTO t SELECT i, i, 'x' FROM generate_series(1, 10) i; "
           "INSERT INTO u SELECT i, i FROM generate_series(1, 10) i")
    db.publish("TABLE t (id, b) WHERE (id > 8), TABLE u WHERE (id = 1)")
    db.publish("TABLE u WHERE (id = 9)", name="q")
    db.publish("TABLE u", name="all_of_u")
    events = tidewire(*alone(db, "--publication", "p,q")).succeed().events
    assert reads(events, "t") == [{"id": 9, "b": "x"}, {"id": 10, "b": "x"}]
    assert [row["id"] for row in reads(events, "u")] == [1, 9]
    events = tidewire(*alone(db, "--publication", "p,all_of_u", "--table", "public.u")).succeed().events
    assert len(reads(events)) == 10
    db.publish("TABLE t (id, a)", name="other")
    tidewire(*alone(db, "--publication", "p,other")).refuse(3, "TW-PG-COLUMN-LISTS")


@pytest.mark.since(13, "partitioned tables in publications")
@pytest.mark.parametrize("via_root", [False, True])
def test_partitions(db, tidewire, via_root):
    db.sql("""
        CREATE TABLE root (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
        CREATE TABLE one PARTITION OF root FOR VALUES FROM (0) TO (10);
        CREATE TABLE two (v text, gone int, id int NOT NULL);
        ALTER TABLE two DROP COLUMN gone; ALTER TABLE root ATTACH PARTITION two FOR VALUES FROM (10) TO (20);
        CREATE TABLE sub PARTITION OF root FOR VALUES FROM (20) TO (40) PARTITION BY RANGE (id);
        CREATE TABLE three PARTITION OF sub FOR VALUES FROM (20) TO (30);
        INSERT INTO root SELECT i, i::text FROM generate_series(1, 25) i""")
    db.publish("TABLE root", options=f"WITH (publish_via_partition_root = {str(via_root).lower()})")
    events = tidewire(*alone(db)).succeed().events
    check_shape(events)
    tables = {each["table"] for each in events if each["op"] == "read"}
    assert tables == ({"root"} if via_root else {"one", "two", "three"})
    assert sorted(row["id"] for row in reads(events)) == list(range(1, 26))
    assert all(row["v"] == str(row["id"]) for row in reads(events))


def test_some_tables(db, tidewire):
    db.sql("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a VALUES (1); "
           "INSERT INTO b VALUES (2)")
    db.publish()
    run = tidewire(*alone(db, "--table", "public.b")).succeed()
    assert reads(run.events) == [{"id": 2}]
    tidewire(*alone(db, "--table", "public.c")).refuse(3, "TW-PG-TABLE-MISSING")


def test_database_of_another_encoding(server, new_database, tidewire):
    db = new_database(server, "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    db.sql("CREATE TYPE m AS ENUM ('ü'); CREATE TABLE t (id int PRIMARY KEY, a text, b m, c text[])")
    db.sql("SET client_encoding = 'UTF8'; INSERT INTO t VALUES (1, 'é', 'ü', '{ö}')")
    db.publish()
    assert reads(tidewire(*alone(db)).succeed().events) == [{"id": 1, "a": "é", "b": "ü", "c": "{ö}"}]


# ---- Refusals

def test_missing_rights(db, tidewire):
    role = f"reader_{os.getpid()}"
    db.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    db.publish()
    url = db.server.url(db.name, user=role)
    arguments = ["snapshot", url, "--publication", "p"]
    password = {"PGPASSWORD": "pw"}
    try:
        tidewire(*arguments, env=password).refuse(3, "TW-PG-TABLE-PRIVILEGE")
        db.sql(f"GRANT SELECT ON t TO {role}")
        assert reads(tidewire(*arguments, env=password).succeed().events) == [{"id": 1}]
        # Row security would leave rows out without a word.
        db.sql("ALTER TABLE t ENABLE ROW LEVEL SECURITY")
        tidewire(*arguments, env=password).refuse(3, "TW-PG-TABLE-PRIVILEGE")
    finally:
        db.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_publication_missing(db, tidewire):
    tidewire(*alone(db)).refuse(3, "TW-PG-PUBLICATION-MISSING")


def wait_for_a_reader(db) -> None:
    """The server has more than anybody takes."""
    db.server.wait_sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'ClientWrite' "
                       f"AND datname = '{db.name}'", "t", 60)


def test_table_dropped_while_it_is_copied(db, tidewire, tmp_path):
    """The same command goes on with the tables that there are."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a SELECT i, "
           "repeat('x', 1000) FROM generate_series(1, 40000) i")
    db.publish()
    arguments = alone(db, "--workers", 1, "--position", tmp_path / "position")
    run = tidewire(*arguments, read=False)
    wait_for_a_reader(db)  # that is a, the larger one
    db.sql("DROP TABLE b")
    run.resume_reading()
    run.refuse(3, "TW-PG-TABLE-GONE")
    again = tidewire(*arguments).succeed()
    last = again.ops("snapshot")[-1]
    assert (last["stage"], last["tables"], last["rows"]) == ("end", 1, 40_000)
    assert len({row["id"] for row in reads(run.events + again.events)}) == 40_000


def test_table_dropped_while_it_is_planned(db, tidewire, session):
    """It waits behind the lock; then it looks again."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE b (id int PRIMARY KEY)")
    db.publish()
    other = session(db)
    other.run("BEGIN; DROP TABLE b")
    run = tidewire(*alone(db))
    db.server.wait_sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                       f"AND datname = '{db.name}'", "1")
    other.run("COMMIT")
    run.succeed()
    assert reads(run.events) == [{"id": 1}]


def test_unfinished_copy_is_not_streamed_over(db, tidewire, tmp_path):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, repeat('x', 500) FROM "
           "generate_series(1, 20000) i")
    db.publish()
    out = tmp_path / "out"
    run = tidewire(*initial(db, "--sync-interval", "10ms", "--chunk", "64KiB", to=f"file:{out}"))
    run.wait_until(lambda: out.exists() and out.stat().st_size > 100_000, "some of it")
    run.kill9()
    db.wait_active(False)
    tidewire(*db.stream("--until", "now", to=f"file:{out}")).refuse(3, "TW-POSITION-COPY")
    tidewire(*initial(db, "--until", "now", to=f"file:{out}")).succeed()
    check_shape(read_events(out))


# ---- With the stream

def test_joins_the_stream(db, tidewire, tmp_path):
    """Without --create-slot; a second run copies nothing again."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'old' FROM generate_series(1, 1000) i")
    db.publish()
    out = tmp_path / "out"
    tidewire(*initial(db, "--until", "now", to=f"file:{out}")).succeed()
    db.sql("UPDATE t SET v = 'new' WHERE id <= 10; DELETE FROM t WHERE id = 11; INSERT INTO t VALUES (2000, 'x')")
    tidewire(*initial(db, "--until", "now", to=f"file:{out}")).succeed()
    events = read_events(out)
    check_shape(events)
    assert len(reads(events)) == 1000
    assert Replica().apply(events).table("t") == db.rows("t")
    # A snapshot with a slot knows exactly what it holds.
    first = next(each for each in events if each["op"] == "snapshot")
    assert lsn(first["lsn"]) <= lsn(next(each for each in events if each["op"] == "begin")["lsn"])


def test_alone_writes_its_file_once(db, tidewire, tmp_path):
    db.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    db.publish()
    out = tmp_path / "out"
    tidewire(*alone(db, to=f"file:{out}")).succeed()
    size = out.stat().st_size
    again = tidewire(*alone(db, to=f"file:{out}")).succeed()
    assert "complete already" in again.stderr and out.stat().st_size == size
    tidewire(*db.stream(to=f"file:{out}")).refuse(3, "TW-")
    assert not db.slot_exists()


class Writer:
    """Changes rows all the time: values, keys, places; many of them with TOASTed values that stay untouched."""

    DDL = """
        CREATE TABLE item (id int PRIMARY KEY, n int, big text, pad text);
        ALTER TABLE item ALTER big SET STORAGE EXTERNAL, ALTER pad SET STORAGE PLAIN;
        CREATE TABLE small (id int PRIMARY KEY, n int);
        CREATE TABLE log (tx bigint, n int)"""

    def __init__(self, db, rows: int, seed: int):
        self.db, self.rows, self.random = db, rows, random.Random(seed)
        db.sql(f"""{self.DDL};
            INSERT INTO item SELECT i, 0, repeat(md5(i::text), 80), repeat('p', 300) FROM generate_series(1, {rows}) i;
            INSERT INTO small SELECT i, 0 FROM generate_series(1, 20) i;
            INSERT INTO log SELECT txid_current(), i FROM generate_series(1, 100) i""")
        self.stopped = threading.Event()
        self.failed: Exception | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self) -> "Writer":
        self.thread.start()
        return self

    def transaction(self) -> str:
        r = self.random
        low = r.randint(1, self.rows)
        some = f"id BETWEEN {low} AND {low + r.randint(0, 40)}"
        return r.choice([
            # Moves rows to other pages and leaves the large value alone.
            f"UPDATE item SET n = n + 1, pad = repeat('q', {r.randint(1, 300)}) WHERE {some};",
            f"UPDATE item SET n = n + 1 WHERE {some};",
            f"UPDATE item SET n = n + 1 WHERE {some}; ",
            f"BEGIN; SAVEPOINT s; UPDATE item SET n = n + 1, pad = repeat('s', 200) WHERE {some}; RELEASE s; "
            f"UPDATE small SET n = n + 1 WHERE id = {r.randint(1, 20)}; COMMIT;",
            f"DELETE FROM item WHERE id = {low};",
            f"INSERT INTO item SELECT i, 0, repeat(md5(i::text || 'x'), 80), repeat('i', 100) FROM "
            f"generate_series({low}, {low + 3}) i ON CONFLICT DO NOTHING;",
            f"UPDATE item SET big = repeat(md5(n::text || 'y'), 90) WHERE id = {low};",
            f"UPDATE item SET id = id + {10 * self.rows} WHERE id = {low};",
            "VACUUM item;",
            "INSERT INTO log VALUES (txid_current(), 0);",
        ])

    def run(self) -> None:
        command = [each for each in self.db.server.psql(self.db.name) if "ON_ERROR" not in each]
        command.remove("-v")
        while not self.stopped.is_set():
            try:
                psql = subprocess.Popen([*command, "-o", "/dev/null"], stdin=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL,
                                        env={"PATH": os.environ["PATH"], "PGSSLMODE": "disable"})
                while not self.stopped.wait(0.002):
                    psql.stdin.write(self.transaction() + "\n")
                    psql.stdin.flush()
                psql.stdin.close()
                psql.wait(60)
            except (OSError, RuntimeError) as error:
                self.failed = error  # the server is gone for a while: once more
                self.stopped.wait(0.05)

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join(90)


def compare(db, events: list[dict], keyless: bool = True) -> None:
    replica = Replica().apply(events)
    for table in ("item", "small"):
        found, truth = replica.table(table), db.rows(table)
        if found != truth:
            wrong = [(a, b) for a, b in zip(found, truth) if a != b][:2]
            raise AssertionError(f"{table}: {len(found)} rows, {len(truth)} expected; {str(wrong)[:600]}")
    if keyless:
        # Nothing lost, nothing twice, although no key tells rows apart.
        inserted = [each["after"] for each in events if each["op"] in ("read", "insert") and each["table"] == "log"]
        assert sorted(map(str, inserted)) == sorted(map(str, db.rows("log", "tx")))


@pytest.mark.parametrize("workers", [1, 3])
def test_concurrent_writes(db, tidewire, tmp_path, workers):
    writer = Writer(db, 3000, SEED)
    db.publish()
    writer.start()
    out = tmp_path / "out"
    run = tidewire(*initial(db, "--workers", workers, "--chunk", "64KiB", to=f"file:{out}"))
    run.wait_until(lambda: "streaming slot" in run.stderr, "the stream", 60)
    writer.stop()
    db.wait_confirmed(db.now(), 60)
    run.interrupt().succeed()
    events = read_events(out)
    check_shape(events)
    assert not [each for each in events if each.get("stage") in ("resume", "restart")], run.describe()
    compare(db, events)
    # Each row was read once.
    keys = [row["id"] for row in reads(events, "item")]
    assert len(keys) == len(set(keys))


def test_killed_while_it_copies(server, db, tidewire, tmp_path, proxy, record_property):
    """The trap: between two runs rows move to where has been copied, with values that the stream leaves out."""
    record_property("seed", SEED)
    print(f"TIDEWIRE_SEED={SEED}")
    chance = random.Random(SEED)
    writer = Writer(db, 4000, SEED)
    db.publish()
    writer.start()
    out = tmp_path / "out"
    between = proxy(server)
    between.delay(0.01)  # else it is over before anybody can kill it
    arguments = initial(db, "--workers", 2, "--chunk", "128KiB", "--sync-interval", "10ms", to=f"file:{out}",
                        port=between.port)
    position = tmp_path / "out.position"
    for number in range(KILLS):
        run = tidewire(*arguments)
        size = out.stat().st_size if out.exists() else 0
        more = chance.randrange(1, 3_000_000)
        until_true(lambda: run.process.poll() is not None or (out.exists() and out.stat().st_size > size + more)
                   or "streaming slot" in run.stderr or chance.random() < 0.001, "some of it", 60)
        run.kill9()
        if position.exists() and "\ncopy " not in position.read_text():
            break  # complete
        time_of_rest = threading.Event()
        time_of_rest.wait(chance.random() * 0.3)
    run = tidewire(*arguments)
    run.wait_until(lambda: "streaming slot" in run.stderr, "the stream", 90)
    writer.stop()
    db.wait_confirmed(db.now(), 90)
    run.interrupt().succeed()
    events = read_events(out)
    check_shape(events, exact=False)
    compare(db, events, keyless=False)


def slow_copy(db, tidewire, out, between, *more) -> object:
    """A copy through a proxy that takes its time, when it has begun."""
    between.delay(0.01)
    run = tidewire(*initial(db, "--workers", 2, "--chunk", "64KiB", "--sync-interval", "10ms", *more, to=f"file:{out}",
                            port=between.port))
    run.wait_until(lambda: out.exists() and out.stat().st_size > 300_000, "some of it", 30)
    return run


@pytest.mark.parametrize("how", ["cut", "fast", "immediate"])
def test_goes_on_after_breaks(new_server, new_database, tidewire, tmp_path, proxy, how):
    """The same process goes on by itself, with a newer snapshot."""
    own = new_server()
    db = new_database(own)
    writer = Writer(db, 4000, SEED)
    db.publish()
    between = proxy(own)
    writer.start()
    out = tmp_path / "out"
    run = slow_copy(db, tidewire, out, between)
    for _ in range(2):
        if "streaming slot" in run.stderr:
            break
        if how == "cut":
            between.cut_after(200_000)
            accepted = between.accepted
            run.wait_until(lambda: between.accepted > accepted + 2 or "streaming slot" in run.stderr, "another", 60)
        else:
            own.stop(how)
            own.start()
            rounds = run.stderr.count("warning")
            run.wait_until(lambda: run.stderr.count("warning") >= rounds, "the news", 60)
    between.go_on()
    run.wait_until(lambda: "streaming slot" in run.stderr, "the stream", 90)
    writer.stop()
    db.wait_confirmed(db.now(), 90)
    run.interrupt().succeed()
    events = read_events(out)
    check_shape(events)
    assert [each for each in events if each.get("stage") == "resume"], run.describe()
    compare(db, events, keyless=False)


@pytest.mark.since(14, "tables are copied in parts")
@pytest.mark.parametrize("what", ["TRUNCATE item", "ALTER TABLE item ALTER n TYPE bigint", "CLUSTER item USING item_pkey",
                                  "ALTER TABLE item ADD COLUMN extra int DEFAULT 7"])
def test_table_changed_while_it_is_copied(server, db, tidewire, tmp_path, proxy, what):
    """Whatever moves the rows or changes the columns: the table is read again."""
    Writer(db, 3000, SEED)
    db.publish()
    out, between = tmp_path / "out", proxy(server)
    between.delay(0.02)
    arguments = initial(db, "--workers", 2, "--chunk", "64KiB", "--sync-interval", "10ms", to=f"file:{out}",
                        port=between.port)
    run = tidewire(*arguments)
    position = tmp_path / "out.position"
    run.wait_until(lambda: position.exists() and "copy table" in position.read_text(), "some of it")
    run.kill9()
    db.sql(f"{what}; INSERT INTO item (id, n) VALUES (99999, 1)")
    tidewire(*arguments, "--until", "now").succeed(60)
    events = read_events(out)
    check_shape(events)
    assert [each["table"] for each in events if each.get("stage") == "restart" and each["table"] == "item"], \
        "the copy was over before it was killed"
    assert Replica().apply(events).table("item") == db.rows("item")


@pytest.mark.since(13, "max_slot_wal_keep_size")
def test_slot_lost_while_it_copies(new_server, new_database, tidewire):
    own = new_server(max_slot_wal_keep_size="4MB", max_wal_size="32MB", min_wal_size="32MB", checkpoint_timeout="30s")
    db = new_database(own)
    Writer(db, 8000, SEED)
    db.publish()
    run = tidewire(*initial(db, "--workers", 1, to="stdout"), read=False)
    wait_for_a_reader(db)
    db.sql("CREATE TABLE filler (t text)")
    for _ in range(4):
        db.sql("INSERT INTO filler SELECT repeat(md5(i::text), 20) FROM generate_series(1, 30000) i; "
               "SELECT pg_switch_wal(); CHECKPOINT")
    run.wait_stderr("TW-PG-SLOT-LOST", 60)
    run.resume_reading()
    run.refuse(3, "TW-PG-SLOT-LOST")


@pytest.mark.since(13, "max_slot_wal_keep_size")
@pytest.mark.parametrize("copying", [True, False], ids=["copy", "stream"])
def test_warned_before_the_slot_is_lost(new_server, new_database, tidewire, copying):
    """At 50, 70 and 85 per cent, once each, while nobody reads what tidewire writes."""
    own = new_server(max_slot_wal_keep_size="64MB", max_wal_size="256MB", min_wal_size="64MB", checkpoint_timeout="30min")
    db = new_database(own)
    Writer(db, 8000, SEED)
    if copying:
        db.publish()
        run = tidewire(*initial(db, "--workers", 1, to="stdout"), read=False)
        wait_for_a_reader(db)
    else:
        db.publish().create_slot()
        db.sql("UPDATE item SET n = n + 1")
        run = tidewire(*db.stream("--watch-interval", "500ms"), read=False)
    used = (f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) * 100 / (64 << 20) "
            f"FROM pg_replication_slots WHERE slot_name = '{db.slot}'")
    for step in (50, 70, 85):
        while float(own.sql(used)) < step:
            own.sql("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 500000))")
        run.wait_until(lambda: run.stderr.count("TW-PG-WAL-BUDGET") == (50, 70, 85).index(step) + 1, f"{step} %", 60)
    told = [int(each) for each in re.findall(r"TW-PG-WAL-BUDGET.*?, (\d+) % of what the server allows", run.stderr)]
    assert len(told) == 3 and 50 <= told[0] < 70 <= told[1] < 85 <= told[2], run.stderr
    run.resume_reading()


def test_beside_a_running_stream(db, tidewire, tmp_path):
    """One table more: its rows carry a later position, and what the stream has from before is replayed over it."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 100) i")
    db.publish().create_slot()
    out = tmp_path / "out"
    stream = tidewire(*db.stream(to=f"file:{out}"))
    db.sql("UPDATE t SET v = 1 WHERE id <= 50; DELETE FROM t WHERE id = 60")
    copy = tidewire(*alone(db, "--table", "public.t")).succeed()
    db.sql("UPDATE t SET v = 2 WHERE id <= 10; DELETE FROM t WHERE id = 61; INSERT INTO t VALUES (101, 3)")
    db.wait_confirmed(db.now())
    stream.interrupt().succeed()
    changes = read_events(out)
    at = lsn(copy.events[0]["lsn"])
    rows = {each["after"]["id"]: each["after"] for each in copy.ops("read")}
    for each in transactions(changes):
        for change in each.changes if lsn(each.lsn) >= at else []:
            key = (change.get("after") or change["key"])["id"]
            rows.pop(key, None)
            if change["op"] != "delete":
                rows[key] = change["after"]
    assert [rows[key] for key in sorted(rows)] == db.rows("t")
    # Or all of them over it, each leaving alone what is newer.
    assert Replica().apply(copy.events + changes).table("t") == db.rows("t")


@pytest.mark.slow
def test_large_table_in_bounded_memory(db, tidewire):
    """Also when the reader takes its time."""
    rows = 400_000
    db.sql(f"CREATE TABLE t (id int PRIMARY KEY, a text, b text); INSERT INTO t SELECT i, md5(i::text), "
           f"repeat(md5(i::text), 5) FROM generate_series(1, {rows}) i")
    db.publish()
    run = tidewire(*alone(db, "--workers", 4), read=False)
    # All workers have read what they may hold: the server waits for each, to take more or to ask for more.
    workers = 4 if MAJOR >= 14 else 1  # before, a table is not divided
    db.server.wait_sql(f"SELECT count(*) >= {workers + 1} AND bool_and(wait_event_type = 'Client') FROM pg_stat_activity "
                       f"WHERE datname = '{db.name}' AND application_name LIKE 'tidewire%'", "t", 60)
    peak = run.peak_rss()
    run.resume_reading()
    run.wait_until(lambda: len(run.lines) > rows // 2, "half of it", 120)
    peak = max(peak, run.peak_rss())
    run.succeed(120)
    ids = set()
    for line in run.lines:
        if b'"op":"read"' in line:
            at = line.index(b'"after":{"id":') + 14
            ids.add(int(line[at:line.index(b",", at)]))
    assert len(ids) == rows
    assert peak < 64 * 2**20, f"{peak / 2**20:.1f} MiB"


def test_interrupted_behind_a_lock(db, tidewire, session, tmp_path):
    """Ctrl-C is heard at once; the same command goes on."""
    db.ready("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    other = session(db)
    other.run("BEGIN; LOCK TABLE t")
    out = tmp_path / "out"
    run = tidewire(*alone(db, to=f"file:{out}"))
    db.server.wait_sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                       f"AND datname = '{db.name}'", "1")
    run.interrupt()
    assert run.end(5) == 1 and run.error == "TW-SNAPSHOT-STOPPED", run.describe()
    other.run("COMMIT")
    tidewire(*alone(db, to=f"file:{out}")).succeed()
    events = read_events(out)
    check_shape(events)
    assert reads(events) == [{"id": 1}]
