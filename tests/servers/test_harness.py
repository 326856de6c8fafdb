"""The harness itself, without tidewire: a test that can't fail would prove nothing about the program."""

import socket
import subprocess
import threading

import pytest
from harness.oracle import State, assert_same_ids, transactions
from harness.program import until_true

BEGIN = {"v": 1, "op": "begin", "lsn": "0/10", "xid": 7, "ts": "t"}
SCHEMA = {"v": 1, "op": "schema", "schema": "public", "table": "a", "columns": [{"name": "id", "key": True}]}
ROW = {"v": 1, "op": "insert", "schema": "public", "table": "a", "lsn": "0/10", "xid": 7, "seq": 1,
       "after": {"id": 1, "x": "y"}}
COMMIT = BEGIN | {"op": "commit", "end_lsn": "0/20", "changes": 1}


def test_oracle_accepts_and_applies():
    events = [SCHEMA, BEGIN, ROW, COMMIT]
    assert transactions(events)[0].ops() == ["insert"]
    update = ROW | {"op": "update", "after": {"id": 1}, "unchanged": ["x"]}
    assert State().apply([*events, update]).rows("a") == [{"id": 1, "x": "y"}]


@pytest.mark.parametrize("events", [
    [BEGIN, ROW, COMMIT],  # no schema
    [SCHEMA, ROW, COMMIT],
    [SCHEMA, BEGIN, ROW],
    [SCHEMA, BEGIN, BEGIN],
    [SCHEMA, BEGIN, COMMIT],  # a change too few
    [SCHEMA, BEGIN, ROW, ROW, COMMIT | {"changes": 2}],  # the same sequence number
    [SCHEMA, BEGIN, ROW, COMMIT, BEGIN, ROW, COMMIT],  # the same transaction twice
])
def test_oracle_objects(events):
    with pytest.raises(AssertionError):
        transactions(events)


def test_same_ids_names_what_is_wrong():
    with pytest.raises(AssertionError, match=r"lost \[3\].*twice \[2\]"):
        assert_same_ids([1, 2, 2], [1, 2, 3])


def psql(port: int, command: str) -> subprocess.CompletedProcess:
    return subprocess.run(["psql", "-X", "-A", "-t", "-U", "postgres", "-c", command,
                           f"host=127.0.0.1 port={port} dbname=postgres sslmode=disable connect_timeout=5"],
                          capture_output=True, text=True)


def test_proxy_passes_cuts_and_refuses(server, proxy):
    between = proxy(server)
    assert psql(between.port, "SELECT 42").stdout == "42\n"
    between.cut_after(100_000)
    assert psql(between.port, "SELECT repeat('x', 1000000)").returncode != 0
    between.refuse()
    assert psql(between.port, "SELECT 42").returncode != 0
    between.go_on()
    assert psql(between.port, "SELECT length(repeat('x', 1000000))").stdout == "1000000\n"


def test_proxy_stalls(server, proxy):
    between = proxy(server)
    between.stall()
    answers = []
    asker = threading.Thread(target=lambda: answers.append(psql(between.port, "SELECT 42").stdout))
    asker.start()
    until_true(lambda: between.accepted, "the proxy to be reached")
    asker.join(0.3)
    assert not answers
    between.go_on()
    asker.join(10)
    assert answers == ["42\n"]


def test_sessions_hold_transactions(db, session):
    db.sql("CREATE TABLE t (i int)")
    first = session(db)
    first.run("BEGIN; INSERT INTO t VALUES (1)")
    assert db.sql("SELECT count(*) FROM t") == "0"
    assert first.run("SELECT count(*) FROM t") == ["1"]
    first.run("COMMIT")
    assert db.sql("SELECT count(*) FROM t") == "1"


def test_server_restarts_and_dies(new_server):
    own = new_server()
    own.sql("CREATE TABLE t AS SELECT 1 AS i")
    own.restart("immediate")
    own.kill9()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", own.port), 1)
    own.start()
    assert own.sql("SELECT i FROM t") == "1"
    own.set(wal_sender_timeout="2s")
    assert own.sql("SHOW wal_sender_timeout") == "2s"
