"""tidewire check: publications, tables and the slot: each prerequisite missing and there, with the fix it names."""

import time

import pytest

from harness import MAJOR

ODD_SQL = '"we""ird.na\nme"'


def items(db, more: str = ""):
    db.sql(f"CREATE TABLE items (id int PRIMARY KEY, note text); {more}")
    return db


# The publication

def test_publication(db, check):
    report = check(items(db))
    assert report.exit == 3 and report.status("PUBLICATION") == "fail"
    db.sql(report.fixes("PUBLICATION")[0])
    check(db).is_ready()


def test_publication_of_wanted_tables(db, check):
    items(db, f"CREATE TABLE {ODD_SQL} (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)")
    wanted = ["--table", "items", "--table", '"we""ird.na\nme"']
    db.sql(check(db, *wanted).fixes("PUBLICATION")[0])
    assert db.sql("SELECT count(*) FROM pg_publication_tables") == "2"
    check(db, *wanted).is_ready()


def test_actions(db, check):
    items(db).publish(options="WITH (publish = 'insert, update')")
    report = check(db)
    assert report.status("PUBLICATION-ACTIONS") == "fail" and "delete, truncate" in report["PUBLICATION-ACTIONS"]["found"]
    db.sql(report.fixes("PUBLICATION-ACTIONS")[0])
    check(db).is_ready()


def test_published_tables(db, check):
    items(db, "CREATE TABLE more (id int PRIMARY KEY)").sql("CREATE PUBLICATION p")
    assert check(db).status("PUBLICATION-TABLES") == "fail"
    db.sql("ALTER PUBLICATION p ADD TABLE items")
    found = check(db).is_ready()["PUBLICATION-TABLES"]
    assert found["status"] == "ok" and found["objects"] == ["public.more"]
    report = check(db, "--table", "public.more", "--table", "items", "--table", "No.Such")
    assert report.status("PUBLICATION-TABLES") == "fail"
    assert set(report["PUBLICATION-TABLES"]["objects"]) == {"public.more", "No.Such"}
    db.sql(report.fixes("PUBLICATION-TABLES")[0])
    check(db, "--table", "public.more", "--table", "items").is_ready()


@pytest.mark.since(15, "row filters and column lists")
def test_row_filter(db, check):
    items(db).publish("TABLE items WHERE (id > 10)")
    report = check(db)
    assert report.exit == 0 and report.status("ROW-FILTER") == "warn" and "id > 10" in report["ROW-FILTER"]["found"]
    db.sql("ALTER PUBLICATION p SET TABLE items")
    assert check(db).status("ROW-FILTER") == "ok"


@pytest.mark.since(15, "row filters and column lists")
def test_column_lists(db, check):
    items(db).publish("TABLE items (note)")
    report = check(db)
    assert report.status("COLUMN-LIST") == "fail" and report.exit == 3
    db.sql("ALTER PUBLICATION p SET TABLE items (id)")
    assert check(db).status("COLUMN-LIST") == "warn"
    db.sql("CREATE PUBLICATION q FOR TABLE items")
    db.publication = "p,q"
    assert check(db).status("COLUMN-LIST") == "fail", "different lists for one table"
    db.sql("ALTER PUBLICATION p SET TABLE items; ALTER TABLE items REPLICA IDENTITY FULL")
    assert check(db).status("COLUMN-LIST") == "ok"
    db.sql("ALTER PUBLICATION p SET TABLE items (id, note)")
    db.publication = "p"
    assert check(db).status("COLUMN-LIST") == "fail", "no list will do with FULL"


@pytest.mark.since(12, "generated columns")
def test_generated_columns(db, check):
    items(db, "CREATE TABLE g (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)").publish()
    report = check(db)
    assert report.status("GENERATED-COLUMNS") == "warn" and report["GENERATED-COLUMNS"]["objects"] == ["public.g"]
    if MAJOR >= 18:
        db.sql(report.fixes("GENERATED-COLUMNS")[0])
    else:
        db.sql("ALTER TABLE g DROP COLUMN twice")
    assert check(db).is_ready().status("GENERATED-COLUMNS") == "ok"


@pytest.mark.since(18, "generated columns in a publication")
@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_generated_columns_in_the_identity(db, check, kind):
    items(db, f"""CREATE TABLE g (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) {kind});
                  ALTER TABLE g REPLICA IDENTITY FULL""").publish()
    report = check(db)
    assert report.status("GENERATED-IDENTITY") == "fail"
    with pytest.raises(Exception):
        db.sql("INSERT INTO g VALUES (1); UPDATE g SET id = 2")
    db.sql(report.fixes("GENERATED-IDENTITY")[0])
    assert check(db).status("GENERATED-IDENTITY") == ("ok" if kind == "STORED" else "fail")
    db.sql("ALTER TABLE g REPLICA IDENTITY DEFAULT")
    assert check(db).status("GENERATED-IDENTITY") == "ok"


def partitioned(db):
    db.sql("""CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
              CREATE TABLE low PARTITION OF root FOR VALUES FROM (0) TO (10)""")
    return db


def test_partitions(db, check):
    partitioned(items(db)).publish()
    assert check(db).is_ready().status("PARTITIONS") == "ok"
    report = check(db, "--table", "root")
    assert report.status("PUBLICATION-TABLES") == "ok", report.describe()
    assert report.status("PARTITIONS") == "warn" and report.exit == 0
    if MAJOR < 13:
        return
    db.sql(report.fixes("PARTITIONS")[0])
    assert check(db, "--table", "root").status("PARTITIONS") == "ok"
    db.sql("CREATE PUBLICATION q FOR ALL TABLES")
    db.publication = "p,q"
    assert check(db).status("PARTITIONS") == "warn", "one under the root's name, one not"


# The tables

def test_replica_identity(db, check):
    items(db, f"""CREATE TABLE bare (note text);
                  CREATE TABLE {ODD_SQL} (id int PRIMARY KEY); ALTER TABLE {ODD_SQL} REPLICA IDENTITY NOTHING""").publish()
    report = check(db)
    assert report.status("REPLICA-IDENTITY") == "fail" and report["REPLICA-IDENTITY"]["object_count"] == 2
    with pytest.raises(Exception):
        db.sql("INSERT INTO bare VALUES ('x'); UPDATE bare SET note = 'y'")
    for fix in report.fixes("REPLICA-IDENTITY"):
        db.sql(fix)
    check(db).is_ready()


def test_replica_identity_of_inserts_only(db, check):
    db.sql("CREATE TABLE bare (note text)")
    db.publish(options="WITH (publish = 'insert, truncate')")
    assert check(db).status("REPLICA-IDENTITY") == "ok"


def test_replica_identity_of_an_index_that_is_gone(db, check):
    items(db, """CREATE TABLE t (id int NOT NULL); CREATE UNIQUE INDEX t_id ON t (id);
                 ALTER TABLE t REPLICA IDENTITY USING INDEX t_id""").publish()
    check(db).is_ready()
    db.sql("DROP INDEX t_id")
    assert check(db).status("REPLICA-IDENTITY") == "fail"


def test_table_kinds(db, check):
    items(db, "CREATE UNLOGGED TABLE u (id int PRIMARY KEY); CREATE VIEW v AS SELECT 1").publish()
    report = check(db)
    assert report.exit == 0 and report.status("TABLE-KIND") == "warn" and report["TABLE-KIND"]["objects"] == ["public.u"]
    assert check(db, "--table", "v").status("TABLE-KIND") == "fail"
    assert check(db, "--table", "items").status("TABLE-KIND") == "ok"
    db.sql("ALTER TABLE u SET LOGGED")
    assert check(db).status("TABLE-KIND") == "ok"


def test_foreign_table(db, check):
    items(db, """CREATE FOREIGN DATA WRAPPER none; CREATE SERVER elsewhere FOREIGN DATA WRAPPER none;
                 CREATE FOREIGN TABLE f (id int) SERVER elsewhere""").publish()
    assert check(db).status("TABLE-KIND") == "warn"


def test_ten_thousand_tables(db, check, role):
    """Findings name the first few and how many there are; one statement for all of them."""
    reader = role()
    db.sql("""DO $$ BEGIN FOR i IN 1..10000 LOOP
                  EXECUTE format('CREATE TABLE t%s (note text)', i); IF i % 1000 = 0 THEN COMMIT; END IF;
              END LOOP; END $$""")
    db.publish()
    began = time.monotonic()
    report = check(db, user=reader)
    took = time.monotonic() - began
    assert report["REPLICA-IDENTITY"]["object_count"] == report["SELECT"]["object_count"] == 10000
    assert len(report["SELECT"]["objects"]) == 5 and len(report.text) < 40_000
    assert took < 5, f"{took:.1f} s"
    assert len(report.fixes("REPLICA-IDENTITY")) == len(report.fixes("SELECT")) == 1
    db.sql(report.fixes("SELECT")[0])
    assert check(db, user=reader).status("SELECT") == "ok"


# The slot

def test_slot(db, check, new_database, server):
    items(db).publish().create_slot()
    assert "pgoutput, not in use" in check(db).is_ready()["SLOT"]["found"]
    other = items(new_database(server)).publish()
    other.slot = db.slot
    assert check(other).status("SLOT") == "fail", "another database's"
    db.sql(f"SELECT pg_drop_replication_slot('{db.slot}')")
    db.sql(f"SELECT pg_create_physical_replication_slot('{db.slot}')")
    assert check(db).status("SLOT") == "fail", "physical"


def test_slot_of_another_plugin(db, check):
    items(db).publish().create_slot("test_decoding")
    assert check(db).status("SLOT") == "fail"


def test_slot_in_use(db, check, tidewire):
    items(db).publish().create_slot()
    tidewire(*db.stream())
    db.wait_active()
    assert check(db).status("SLOT") == "warn"


@pytest.mark.since(13, "max_slot_wal_keep_size")
def test_slot_that_is_about_to_be_lost_and_then_is(new_server, new_database, check):
    server = new_server(max_slot_wal_keep_size="48MB", min_wal_size="32MB", max_wal_size="32MB")
    db = items(new_database(server)).publish().create_slot()
    assert check(db).status("SLOT-WAL") == "ok"

    def push(until: str) -> None:
        for number in range(100):
            db.sql("INSERT INTO items (id) SELECT coalesce(max(id), 0) + 1 FROM items; SELECT pg_switch_wal()")
            db.server.sql("CHECKPOINT")
            report = check(db)
            if report.status(until) != "ok":
                return report
        raise AssertionError(f"{until} stays ok\n{report.describe()}")
    assert push("SLOT-WAL").status("SLOT-WAL") == "warn"
    report = push("SLOT")
    assert report.status("SLOT") == "fail" and "lost" in report["SLOT"]["found"]
