"""Tables that change, come and go while they are followed; what of partitions, filters and identities arrives."""

import pytest
from harness import MAJOR
from harness.oracle import State, transactions
from postgres import binaries


def follow(db, tidewire, sql: str, *arguments):
    db.sql(sql)
    run = tidewire(*db.stream("--until", "now", *arguments)).succeed(60)
    transactions(run.events)
    return run


def shown(run) -> list:
    """Every change and schema line, in order: what a reader sees."""
    lines = []
    for event in run.events:
        if event["op"] == "schema":
            lines.append(("schema", event["table"], tuple(each["name"] for each in event["columns"])))
        elif event["op"] in ("insert", "update", "delete"):
            lines.append((event["op"], event["table"]))
    return lines


def test_a_schema_line_stands_where_the_change_happened(db, tidewire):
    db.ready("CREATE TABLE t (id int PRIMARY KEY, a text)")
    run = follow(db, tidewire, """
        INSERT INTO t VALUES (1, 'x');
        BEGIN; INSERT INTO t VALUES (2, 'y'); ALTER TABLE t ADD b int; INSERT INTO t VALUES (3, 'z', 1);
        ALTER TABLE t DROP a; INSERT INTO t VALUES (4, 2); COMMIT;
        ALTER TABLE t RENAME b TO c; INSERT INTO t VALUES (5, 3);
        ALTER TABLE t ALTER c TYPE text; INSERT INTO t VALUES (6, 'four')""")
    assert shown(run) == [
        ("schema", "t", ("id", "a")), ("insert", "t"), ("insert", "t"),
        ("schema", "t", ("id", "a", "b")), ("insert", "t"),
        ("schema", "t", ("id", "b")), ("insert", "t"),
        ("schema", "t", ("id", "c")), ("insert", "t"),
        ("schema", "t", ("id", "c")), ("insert", "t")]
    types = [each["columns"][-1]["type_oid"] for each in run.ops("schema")[-2:]]
    assert types == [23, 25]
    assert [each["after"] for each in run.ops("insert")[-3:]] == [{"id": 4, "b": 2}, {"id": 5, "c": 3},
                                                                 {"id": 6, "c": "four"}]


def test_renamed_dropped_and_made_again(db, tidewire):
    db.ready("CREATE TABLE t (id int PRIMARY KEY); CREATE SCHEMA other")
    run = follow(db, tidewire, """
        INSERT INTO t VALUES (1); ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (2);
        ALTER TABLE u SET SCHEMA other; INSERT INTO other.u VALUES (3);
        DROP TABLE other.u; CREATE TABLE t (id int PRIMARY KEY, more text); INSERT INTO t VALUES (4, 'x')""")
    first, renamed, moved, again = run.ops("schema")
    assert first["oid"] == renamed["oid"] == moved["oid"] != again["oid"]
    assert [(each["schema"], each["table"]) for each in run.ops("schema")] == [
        ("public", "t"), ("public", "u"), ("other", "u"), ("public", "t")]
    assert [(each["schema"], each["table"]) for each in run.ops("insert")] == [
        ("public", "t"), ("public", "u"), ("other", "u"), ("public", "t")]


def test_replica_identity_changes(db, tidewire):
    db.ready("CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int); CREATE UNIQUE INDEX t_a ON t (a)")
    run = follow(db, tidewire, """
        INSERT INTO t VALUES (1, 1, 1);
        UPDATE t SET a = 2;
        ALTER TABLE t REPLICA IDENTITY FULL; UPDATE t SET a = 3;
        ALTER TABLE t REPLICA IDENTITY USING INDEX t_a; UPDATE t SET a = 4;
        ALTER TABLE t REPLICA IDENTITY NOTHING; INSERT INTO t VALUES (2, 5, 2);
        ALTER TABLE t REPLICA IDENTITY DEFAULT; DELETE FROM t WHERE id = 1""")
    assert [each["identity"] for each in run.ops("schema")] == ["default", "full", "index", "nothing", "default"]
    first, full, by_index = run.ops("update")
    assert "key" not in first and "before" not in first
    assert full["before"] == {"id": 1, "a": 2, "b": 1} and by_index["key"] == {"a": 3}
    assert run.ops("delete")[0]["key"] == {"id": 1}


def test_in_and_out_of_the_publication(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
    db.publish("TABLE t").create_slot()
    run = follow(db, tidewire, f"""
        INSERT INTO t VALUES (1); INSERT INTO u VALUES (1);
        ALTER PUBLICATION {db.publication} ADD TABLE u; INSERT INTO u VALUES (2);
        ALTER PUBLICATION {db.publication} DROP TABLE t; INSERT INTO t VALUES (2); INSERT INTO u VALUES (3);
        ALTER PUBLICATION {db.publication} ADD TABLE t; INSERT INTO t VALUES (3)""")
    assert [(each["table"], each["after"]["id"]) for each in run.ops("insert")] == [
        ("t", 1), ("u", 2), ("u", 3), ("t", 3)]


@pytest.mark.parametrize("arguments", [[], pytest.param(["--binary"], marks=pytest.mark.since(14, "binary values"))],
                         ids=["text", "binary"])
def test_oids_that_need_all_32_bits(new_server, new_database, tidewire, arguments):
    """A table, its columns' types and a value beyond 2^31."""
    own = new_server()
    reset = binaries(MAJOR) / "pg_resetwal"
    if not reset.exists():
        pytest.skip(f"Postgres {MAJOR} here has no pg_resetwal")
    own.stop()
    own.run(reset, "-o", "3000000000", "-D", own.data)
    own.start()
    db = new_database(own)
    db.ready("CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, m mood, ms mood[], o oid)")
    run = follow(db, tidewire, "INSERT INTO t VALUES (1, 'sad', '{sad}', 4294967295)", *arguments)
    schema = run.ops("schema")[0]
    assert schema["oid"] > 3_000_000_000
    assert [each["type_oid"] > 3_000_000_000 for each in schema["columns"]] == [False, True, True, False]
    assert run.ops("insert")[0]["after"] == {"id": 1, "m": "sad", "ms": "{sad}", "o": 4294967295}


def test_rewrites_lose_and_invent_nothing(db, tidewire):
    db.ready("CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE TABLE unseen (id int)")
    db.sql("CREATE MATERIALIZED VIEW m AS SELECT id FROM t")
    db.sql("INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y')")
    db.sql("VACUUM FULL t")
    run = follow(db, tidewire, """
        UPDATE t SET a = 3 WHERE id = 1; CLUSTER t USING t_pkey; ALTER TABLE t ALTER a TYPE bigint;
        UPDATE t SET a = 5000000000 WHERE id = 2; REFRESH MATERIALIZED VIEW m;
        ALTER TABLE t ADD c int DEFAULT 7, ADD d timestamptz DEFAULT clock_timestamp();
        DELETE FROM t WHERE id = 1""")
    assert [each["op"] for each in run.ops("insert", "update", "delete")] == ["insert", "insert", "update", "update",
                                                                             "delete"]
    assert {each["table"] for each in run.ops("insert", "update", "delete")} == {"t"}
    assert run.ops("update")[1]["after"]["a"] == 5000000000


def test_old_rows_that_lack_a_new_column(db, tidewire):
    """A default that was added without writing the rows belongs to the old row as well; a dropped column to none."""
    db.ready("CREATE TABLE t (id int, gone text, a int); ALTER TABLE t REPLICA IDENTITY FULL")
    run = follow(db, tidewire, """
        INSERT INTO t VALUES (1, 'x', 1); ALTER TABLE t DROP gone, ADD b text DEFAULT 'd'; UPDATE t SET a = 2""")
    update, = run.ops("update")
    assert update["before"] == {"id": 1, "a": 1, "b": "d"} and update["after"] == {"id": 1, "a": 2, "b": "d"}


def test_temporary_and_unlogged_tables_are_not_there(db, tidewire):
    db.ready("CREATE TABLE t (id int PRIMARY KEY); CREATE UNLOGGED TABLE quick (id int PRIMARY KEY)")
    run = follow(db, tidewire, """
        CREATE TEMP TABLE mine (id int PRIMARY KEY); INSERT INTO mine VALUES (1); INSERT INTO quick VALUES (1);
        INSERT INTO t VALUES (1)""")
    assert [each["table"] for each in run.ops("insert")] == ["t"]


def test_names_that_differ_in_case_only(db, tidewire):
    db.ready('CREATE TABLE t (id int PRIMARY KEY, name text, "Name" text, "NAME" text); CREATE TABLE "T" (id int PRIMARY KEY)')
    run = follow(db, tidewire, """INSERT INTO t VALUES (1, 'a', 'b', 'c'); INSERT INTO "T" VALUES (2)""")
    assert run.ops("insert")[0]["after"] == {"id": 1, "name": "a", "Name": "b", "NAME": "c"}
    assert run.ops("insert")[1]["table"] == "T"


@pytest.mark.since(12, "generated columns")
def test_generated_columns(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED)")
    db.publish().create_slot()
    if MAJOR >= 18:
        db.publish("TABLE t", "with_generated", "WITH (publish_generated_columns = stored)")
    run = follow(db, tidewire, "INSERT INTO t VALUES (1, 4)")
    assert run.ops("insert")[0]["after"] == {"id": 1, "a": 4}
    if MAJOR >= 18:
        db.publication = "with_generated"
        run = follow(db, tidewire, "INSERT INTO t VALUES (2, 5)")
        assert run.ops("insert")[-1]["after"] == {"id": 2, "a": 5, "twice": 10}


# Truncate

def test_truncate_of_several_tables(db, tidewire):
    db.ready("CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)")
    run = follow(db, tidewire, "INSERT INTO b VALUES (1); TRUNCATE b, a RESTART IDENTITY; INSERT INTO b VALUES (1)")
    truncate, = run.ops("truncate")
    assert sorted(each["table"] for each in truncate["tables"]) == ["a", "b"]
    assert truncate["restart_identity"] and not truncate["cascade"]
    assert State().apply(run.events).rows("b") == [{"id": 1}]


def test_truncate_that_is_not_published(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.publish(options="WITH (publish = 'insert, update, delete')").create_slot()
    run = follow(db, tidewire, "INSERT INTO t VALUES (1); TRUNCATE t")
    assert not run.ops("truncate") and len(run.ops("insert")) == 1


# Partitions

PARTITIONS = """
    CREATE TABLE part (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
    CREATE TABLE low PARTITION OF part FOR VALUES FROM (0) TO (10);
    CREATE TABLE high PARTITION OF part FOR VALUES FROM (10) TO (100) PARTITION BY RANGE (id);
    CREATE TABLE high_one PARTITION OF high FOR VALUES FROM (10) TO (20);"""


@pytest.mark.since(13, "partitioned tables in publications")
@pytest.mark.parametrize("as_root", [False, True])
def test_partitions(db, tidewire, as_root):
    db.sql(PARTITIONS + "CREATE TABLE later (id int PRIMARY KEY, n int)")
    db.publish("TABLE part", options=f"WITH (publish_via_partition_root = {as_root})").create_slot()
    run = follow(db, tidewire, """
        INSERT INTO part VALUES (1, 1), (11, 1);
        UPDATE part SET n = 2 WHERE id = 1;
        UPDATE part SET id = 12 WHERE id = 1;
        INSERT INTO later VALUES (25, 25);
        ALTER TABLE high ATTACH PARTITION later FOR VALUES FROM (20) TO (30);
        INSERT INTO part VALUES (21, 1);
        ALTER TABLE high DETACH PARTITION later; INSERT INTO later VALUES (26, 1)""")
    moved = ["insert", "insert", "update", "delete", "insert", "insert"]
    tables = ["part"] * 6 if as_root else ["low", "high_one", "low", "low", "high_one", "later"]
    # Servers before 15 keep in mind that the table was not published when its row of before came by: what it gets as a
    # partition is not sent on that connection (seen in pg_logical_slot_peek_binary_changes() too).
    known = 6 if MAJOR >= 15 else 5
    assert [each["op"] for each in run.ops("insert", "update", "delete")] == moved[:known]
    assert [each["table"] for each in run.ops("insert", "update", "delete")] == tables[:known]


@pytest.mark.since(13, "partitioned tables in publications")
@pytest.mark.parametrize("as_root", [False, True])
def test_truncate_of_partitions(db, tidewire, as_root):
    """As root a leaf's own truncate is not published by any server: check warns of it."""
    db.sql(PARTITIONS)
    db.publish("TABLE part", options=f"WITH (publish_via_partition_root = {as_root})").create_slot()
    run = follow(db, tidewire, "INSERT INTO part VALUES (1, 1), (11, 1); TRUNCATE low; TRUNCATE part")
    truncated = [sorted(each["table"] for each in line["tables"]) for line in run.ops("truncate")]
    assert truncated == ([["part"]] if as_root else [["low"], ["high_one", "low"]])


# What a publication leaves out

@pytest.mark.since(15, "row filters")
def test_row_filter(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, n int); ALTER TABLE t REPLICA IDENTITY FULL")
    db.publish("TABLE t WHERE (n > 10)").create_slot()
    run = follow(db, tidewire, """
        INSERT INTO t VALUES (1, 5), (2, 15), (3, 20);
        UPDATE t SET n = 11 WHERE id = 1; UPDATE t SET n = 9 WHERE id = 2; UPDATE t SET n = 21 WHERE id = 3;
        DELETE FROM t""")
    assert [(each["op"], (each.get("after") or each.get("before"))["id"])
            for each in run.ops("insert", "update", "delete")] == [
        ("insert", 2), ("insert", 3), ("insert", 1), ("delete", 2), ("update", 3), ("delete", 3), ("delete", 1)] or \
        sorted((each["op"], (each.get("after") or each.get("before"))["id"])
               for each in run.ops("insert", "update", "delete")) == [
            ("delete", 1), ("delete", 2), ("delete", 3), ("insert", 1), ("insert", 2), ("insert", 3), ("update", 3)]


@pytest.mark.since(15, "column lists")
def test_column_list(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, secret text)")
    db.publish("TABLE t (id, a)").create_slot()
    run = follow(db, tidewire, "INSERT INTO t VALUES (1, 2, 'x'); UPDATE t SET secret = 'y'; UPDATE t SET a = 3")
    assert [each["name"] for each in run.ops("schema")[0]["columns"]] == ["id", "a"]
    assert [each["after"] for each in run.ops("update")] == [{"id": 1, "a": 2}, {"id": 1, "a": 3}]


@pytest.mark.since(15, "column lists")
def test_two_publications_with_different_column_lists(db, tidewire):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, b int)")
    db.publish("TABLE t (id, a)").publish("TABLE t (id, b)", "q").create_slot()
    db.sql("INSERT INTO t VALUES (1, 2, 3)")
    db.publication = "p,q"
    run = tidewire(*db.stream("--until", "now"))
    run.refuse(3, "TW-PG-")
    assert "column list" in run.stderr
