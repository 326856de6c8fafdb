"""What the benchmarks write into a database. Each workload: prepare() makes the tables and the publication
`p`, run() writes. Every run writes the same rows, but for pgbench's times and balances."""

import os
import subprocess
import time

from connection import Connection

# pgbench's TPC-B transaction as one statement; what it changes, and in which order, is the same. The short
# one leaves out the tellers and the branches.
TPCB_FUNCTION = """
CREATE FUNCTION tpcb(the_aid int, the_bid int, the_tid int, delta int) RETURNS void
LANGUAGE sql AS $$
  UPDATE pgbench_accounts SET abalance = abalance + delta WHERE aid = the_aid;
  {others}
  INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
    VALUES (the_tid, the_bid, the_aid, delta, CURRENT_TIMESTAMP);
$$"""
TPCB_OTHERS = """
  UPDATE pgbench_tellers SET tbalance = tbalance + delta WHERE tid = the_tid;
  UPDATE pgbench_branches SET bbalance = bbalance + delta WHERE bid = the_bid;"""
TPCB_SCRIPT = r"""
\set aid random(1, 100000 * :scale)
\set bid random(1, 1 * :scale)
\set tid random(1, 10 * :scale)
\set delta random(-5000, 5000)
SELECT tpcb(:aid, :bid, :tid, :delta);
"""
PGBENCH_CLIENTS = 8

WIDE_TABLE = """
CREATE TABLE wide (
  id bigint PRIMARY KEY, small smallint, amount int NOT NULL, total bigint, price numeric(18, 4), ratio real,
  measure double precision, active bool, code char(8), name text, city varchar(60), note text, email text,
  day date, at_time time, updated timestamptz, created timestamp, uid uuid, payload jsonb, blob bytea,
  tags text[], numbers int[])"""

# h(i, salt) spreads a row's number over 63 bits.
WIDE_FUNCTIONS = r"""
CREATE FUNCTION h(i bigint, salt bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS $$ SELECT hashint8extended(i, salt) & x'7fffffffffffffff'::bigint $$;
CREATE PROCEDURE load_wide(first bigint, last bigint, per_transaction int) LANGUAGE plpgsql AS $$
BEGIN
  FOR start IN first .. last BY per_transaction LOOP
    INSERT INTO wide SELECT
      i, CASE WHEN i % 7 = 0 THEN NULL ELSE h(i, 1) % 65536 - 32768 END, h(i, 2) % 2000000000 - 1000000000,
      h(i, 3), CASE WHEN i % 5 = 0 THEN NULL ELSE (h(i, 4) % 1000000000000)::numeric / 10000 END,
      (h(i, 5) % 100000)::real / 32, h(i, 6)::float8 / 9.7e11, h(i, 7) % 2 = 0,
      left(md5(i::text), 4 + (i % 5)::int),
      (ARRAY['O''Brien', 'Zoë Müller', E'two\nlines', 'Jane "JJ" Doe', 'Ana', 'Łukasz Żółć', '山田 太郎',
             E'back\\slash\ttab'])[1 + i % 8] || ' ' || left(md5(h(i, 8)::text), 6),
      CASE WHEN i % 3 = 0 THEN NULL ELSE (ARRAY['København', 'Paris', 'São Paulo', 'Llanfairpwllgwyngyll',
                                                'New York'])[1 + i % 5] END,
      repeat(md5(h(i, 9)::text) || CASE WHEN i % 4 = 0 THEN E' "quoted"\n' ELSE ' plain ' END, (i % 7)::int),
      left(md5(h(i, 10)::text), 9) || '@example.org', DATE '2000-01-01' + (h(i, 11) % 20000)::int,
      CASE WHEN i % 6 = 0 THEN NULL
           ELSE TIME '00:00' + (h(i, 12) % 86400000000) * INTERVAL '1 microsecond' END,
      TIMESTAMPTZ '2020-01-01 00:00Z' + (h(i, 13) % 200000000000000) * INTERVAL '1 microsecond',
      TIMESTAMP '2020-01-01 00:00' + (h(i, 14) % 200000000) * INTERVAL '1 second', md5(h(i, 15)::text)::uuid,
      jsonb_build_object('id', i, 'kind', 'k' || i % 10, 'list', ARRAY[i % 3, i % 5], 'text', 'a "b" \ c'),
      CASE WHEN i % 4 = 1 THEN NULL ELSE decode(left(md5(h(i, 16)::text), 8 + 2 * (i % 12)::int), 'hex') END,
      ARRAY['tag ' || i % 100, 'b', CASE WHEN i % 2 = 0 THEN NULL ELSE 'c,"d"' END],
      ARRAY[i % 1000, h(i, 17) % 100000, i % 7]::int[]
    FROM generate_series(start, least(start + per_transaction - 1, last)) i;
    COMMIT;
  END LOOP;
END $$;"""

# Bodies of hexadecimal digits, out of line and uncompressed.
TOAST_TABLES = """
CREATE TABLE doc (id int PRIMARY KEY, title text, body text, n int NOT NULL DEFAULT 0);
CREATE TABLE doc_full (id int PRIMARY KEY, title text, body text, n int NOT NULL DEFAULT 0);
CREATE TABLE doc_index (id int PRIMARY KEY, slug text NOT NULL, body text, n int NOT NULL DEFAULT 0);
CREATE TABLE log_parent (id serial PRIMARY KEY, line text);
CREATE TABLE log_child (id serial PRIMARY KEY, parent int REFERENCES log_parent, line text);
CREATE UNIQUE INDEX doc_slug ON doc_index (slug);
ALTER TABLE doc_full REPLICA IDENTITY FULL;
ALTER TABLE doc_index REPLICA IDENTITY USING INDEX doc_slug;
ALTER TABLE doc ALTER body SET STORAGE EXTERNAL;
ALTER TABLE doc_full ALTER body SET STORAGE EXTERNAL;
ALTER TABLE doc_index ALTER body SET STORAGE EXTERNAL;
CREATE FUNCTION body(i bigint, bytes int) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT left(string_agg(md5(i || '/' || k), ''), bytes) FROM generate_series(0, bytes / 32) k $$;"""

STREAMED_TABLE = """
CREATE TABLE big (id bigint PRIMARY KEY, part text, note text, amount numeric(12, 2), at timestamptz)"""


class Narrow:
    """pgbench's TPC-B: three updates and an insert a transaction; the short one: an update and an insert."""

    def __init__(self, transactions: int, short: bool = False, scale: int = 10):
        self.transactions, self.short, self.scale = transactions, short, scale

    def pgbench(self, port: int, *arguments: object, script: str = "") -> None:
        command = ["pgbench", "-h", "127.0.0.1", "-p", port, "-U", "postgres", *arguments, "postgres"]
        done = subprocess.run([str(each) for each in command], input=script, text=True, capture_output=True,
                              env=os.environ | {"PGSSLMODE": "disable"})
        if done.returncode:
            raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")

    def prepare(self, port: int) -> None:
        self.pgbench(port, "-i", "-q", "-s", self.scale)
        database = Connection(port)
        database.query(TPCB_FUNCTION.format(others="" if self.short else TPCB_OTHERS))
        database.query("CREATE PUBLICATION p FOR TABLE pgbench_accounts, pgbench_tellers, pgbench_branches,"
                       " pgbench_history")
        database.close()

    def run(self, port: int) -> None:
        self.pgbench(port, "-n", "-c", PGBENCH_CLIENTS, "-t", self.transactions // PGBENCH_CLIENTS,
                     "-M", "prepared", "--random-seed=1", f"--define=scale={self.scale}", "-f", "-",
                     script=TPCB_SCRIPT)


class Wide:
    """Rows of 22 columns of mixed types, inserted 1000 a transaction."""

    def __init__(self, rows: int):
        self.rows = rows

    def prepare(self, port: int) -> None:
        database = Connection(port)
        database.query(f"{WIDE_TABLE}; {WIDE_FUNCTIONS} CREATE PUBLICATION p FOR TABLE wide")
        database.close()

    def run(self, port: int) -> None:
        database = Connection(port)
        database.query(f"CALL load_wide(1, {self.rows}, 1000)")
        database.close()


class Toast:
    """Updates that leave large values alone, under every replica identity, deletes and truncates."""

    def __init__(self, documents: int):
        self.documents = documents

    def prepare(self, port: int) -> None:
        database = Connection(port)
        database.query(TOAST_TABLES)
        database.query("CREATE PUBLICATION p FOR TABLE doc, doc_full, doc_index, log_parent, log_child")
        database.close()

    def run(self, port: int) -> None:
        database = Connection(port)
        n, few = self.documents, self.documents // 4
        tables = (("doc", "title", n), ("doc_full", "title", few), ("doc_index", "slug", n))
        for table, column, rows in tables:
            database.query(f"INSERT INTO {table} (id, {column}, body) SELECT i, '{column} ' || i,"
                           f" body(i, 2500 + i % 3000) FROM generate_series(1, {rows}) i")
        for turn in range(20):  # the body stays: unchanged
            database.query(f"UPDATE doc SET n = n + 1, title = title || {turn}")
            database.query(f"UPDATE doc_index SET n = n + 1 WHERE id % 2 = {turn % 2}")
            # These send the old key, and the whole old row.
            database.query(f"UPDATE doc_index SET slug = slug || '.' WHERE id % 7 = {turn % 7}")
            database.query(f"UPDATE doc_full SET n = n + 1 WHERE id % 5 = {turn % 5}")
            database.query("INSERT INTO log_parent (line)"
                           f" SELECT 'line ' || i FROM generate_series(1, {few}) i")
            database.query("TRUNCATE log_parent RESTART IDENTITY CASCADE" if turn % 2
                           else "TRUNCATE log_child")
        database.query(f"UPDATE doc SET body = body(-id, 2500), title = NULL WHERE id <= {few}")
        database.query("UPDATE doc SET id = -id WHERE id % 10 = 0")  # sends the old key
        for table in ("doc", "doc_full", "doc_index"):
            database.query(f"DELETE FROM {table} WHERE id % 2 = 0")
        database.query("TRUNCATE doc_full, doc_index")
        database.close()


class Streamed:
    """Transactions that run at the same time and are too large for the server's memory, with savepoints
    rolled back; three are committed and one is not. A walsender must be following with a small
    logical_decoding_work_mem: what is rolled back before it was read is never sent."""

    def __init__(self, rows: int, rows_a_turn: int = 10000):
        self.turns, self.rows_a_turn = rows // rows_a_turn, rows_a_turn

    def prepare(self, port: int) -> None:
        database = Connection(port)
        database.query(f"{STREAMED_TABLE}; CREATE PUBLICATION p FOR TABLE big")
        database.close()

    def run(self, port: int) -> None:
        observer = Connection(port)
        sessions = [Connection(port) for _ in range(4)]
        for session in sessions:
            session.query("BEGIN")
        for turn in range(self.turns):
            for number, session in enumerate(sessions):
                if number == 3 and turn % 4:
                    continue
                rolled_back = turn % 8 == 5
                if rolled_back:
                    session.query("SAVEPOINT s")
                self.insert(session, number, turn)
                if rolled_back:
                    wait_until_sent(observer)
                    session.query("ROLLBACK TO s")
                elif turn % 8 == 6:
                    first = number * 10**9 + (turn - 2) * self.rows_a_turn
                    session.query("UPDATE big SET amount = amount + 1"
                                  f" WHERE id BETWEEN {first} AND {first + 500}")
                    session.query(f"DELETE FROM big WHERE id BETWEEN {first + 501} AND {first + 600}")
        for session in (sessions[1], sessions[0], sessions[2]):
            session.query("COMMIT")
        wait_until_sent(observer)
        sessions[3].query("ROLLBACK")
        for session in (observer, *sessions):
            session.close()

    def insert(self, session: Connection, number: int, turn: int) -> None:
        first = number * 10**9 + turn * self.rows_a_turn
        session.query(f"INSERT INTO big SELECT i, 'transaction {number}',"
                      f" 'turn {turn}, ' || left(md5(i::text), 12), (i % 100000)::numeric / 100,"
                      " '2026-01-01 00:00Z'::timestamptz + i % 86400 * interval '1 second'"
                      f" FROM generate_series({first}, {first + self.rows_a_turn - 1}) i")


def wait_until_sent(database: Connection, deadline_s: float = 60) -> None:
    """Until every walsender has read all the WAL there is now."""
    until = flush_wal(database)
    end = time.monotonic() + deadline_s
    while database.value(f"SELECT bool_and(sent_lsn >= '{until}') FROM pg_stat_replication") != "t":
        if time.monotonic() > end:
            raise RuntimeError(f"no walsender got to {until} within {deadline_s:g} s")
        time.sleep(0.01)


def flush_wal(database: Connection) -> str:
    """Walsenders read flushed WAL only, and synchronous_commit=off leaves some behind. Returns its end."""
    return database.value("SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'flush', '')")
