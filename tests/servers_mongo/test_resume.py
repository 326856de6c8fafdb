"""Where a stream goes on: after its own end, a kill, a cursor that is gone, an election."""

import random
import signal
import threading
import time

import pytest
from conftest import SERVER
from oplog import forget, forgetful
from postgres import wait_for


def ids(lines) -> list:
    return [line["key"]["_id"] for line in lines]


def lines_of(path) -> list:
    import json
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_file_sink_goes_on_where_it_was(db, server, tidewire, tmp_path):
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{server.host}/{db.name}", "--to", f"file:{to}"]
    first = tidewire(*arguments)
    first.wait_stderr("streaming ")
    db.c.insert_many([{"_id": n} for n in range(100)])
    first.wait_until(lambda: to.read_text().count("\n") >= 101, "all lines")  # and create
    first.process.send_signal(signal.SIGTERM)
    first.succeed()
    db.c.insert_many([{"_id": n} for n in range(100, 200)])
    tidewire(*arguments, "--until", "now").succeed()
    assert ids(line for line in lines_of(to) if line["op"] == "insert") == list(range(200))


def test_killed_again_and_again_nothing_is_lost_or_twice(db, server, tidewire, tmp_path):
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{server.host}/{db.name}", "--to", f"file:{to}", "--sync-interval", "10ms"]
    begin = tidewire(*arguments)
    begin.wait_stderr("streaming ")
    stop = threading.Event()
    written = []

    def write():
        while not stop.is_set():
            first = len(written)
            db.c.insert_many([{"_id": first + n, "text": "x" * random.randrange(300)} for n in range(20)])
            written.extend(range(first, first + 20))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for kill in range(6):
            running = tidewire(*arguments) if kill else begin
            before = to.stat().st_size if to.exists() else 0
            running.wait_until(lambda: to.stat().st_size > before + 2000 * (kill + 1), "lines")
            running.process.kill()
            running.process.wait()
    finally:
        stop.set()
        writer.join()
    tidewire(*arguments, "--until", "now").succeed(60)
    assert ids(line for line in lines_of(to) if line["op"] == "insert") == written


def test_killed_server_and_killed_stream_go_on(new_server, tidewire, tmp_path):
    """The server is killed while it is written to, and the stream with it every other time."""
    import pymongo.errors
    server = new_server(options=SERVER.DURABLE).initiate()
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{server.host}/db", "--to", f"file:{to}", "--sync-interval", "10ms"]
    running = tidewire(*arguments)
    running.wait_stderr("streaming ")
    acknowledged = []

    def write(first):
        with server.client(retryWrites=False) as client:
            try:
                for n in range(first, first + 100_000):
                    client.db.get_collection("c", write_concern=pymongo.WriteConcern("majority", j=True)).insert_one({"_id": n})
                    acknowledged.append(n)
            except pymongo.errors.PyMongoError:
                return
    for kill in range(4):
        before = len(acknowledged)
        writer = threading.Thread(target=write, args=(kill * 100_000,))
        writer.start()
        wait_for(lambda: len(acknowledged) > before + 50, 30, "writes")
        server.kill9()
        if kill % 2:
            running.process.kill()
            running.process.wait()
        server.start()
        writer.join()
        wait_for(server.is_primary, 30, "the server to be primary again")
        if kill % 2:
            running = tidewire(*arguments)
            running.wait_stderr("streaming ")
    running.process.send_signal(signal.SIGTERM)
    running.succeed()
    tidewire(*arguments, "--until", "now").succeed()
    seen = ids(line for line in lines_of(to) if line["op"] == "insert")
    with server.client() as client:
        assert seen == sorted(each["_id"] for each in client.db.c.find())
    assert set(acknowledged) <= set(seen) and len(seen) > 200


def test_idle_stream_moves_its_position(db, server, tidewire, tmp_path):
    position = tmp_path / "position"
    running = tidewire("stream", f"mongodb://{server.host}/{db.name}", "--position", position, "--await", "100ms")
    running.wait_stderr("streaming ")
    seen = running.wait_until(lambda: position.exists() and "8" in position.read_text() and position.read_text(), "a position")
    db.client["elsewhere"].c.insert_one({})
    running.wait_until(lambda: position.read_text() != seen, "the position to move without a line of its own")
    assert not running.events


def test_killed_cursor_is_no_end(db, server, stream):
    running = stream("--await", "2s")
    db.c.insert_one({"_id": 1})
    running.wait_ops("insert", 1)

    def cursors():
        return [each["cursor"]["cursorId"] for each in db.client.admin.aggregate(
                    [{"$currentOp": {"idleCursors": True, "allUsers": True}}])
                if each.get("cursor", {}).get("originatingCommand", {}).get("$db") == db.name]
    found = wait_for(cursors, 10, "the cursor")
    db.command("killCursors", "$cmd.aggregate", cursors=found)
    running.wait_stderr("TW-MONGO-CURSOR-GONE|TW-MONGO-UNAVAILABLE")
    db.c.insert_one({"_id": 2})
    assert ids(running.wait_ops("insert", 2)) == [1, 2]


@pytest.mark.parametrize("failure", [
    {"errorCode": 11602, "errorLabels": ["ResumableChangeStreamError"]}, {"closeConnection": True},
    {"errorCode": 10107, "errorLabels": ["ResumableChangeStreamError"]}], ids=str)
def test_resumable_failures_of_get_more(db, server, stream, failure):
    running = stream("--await", "100ms")
    db.c.insert_one({"_id": 1})
    running.wait_ops("insert", 1)
    db.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1},
                            data={"failCommands": ["getMore"], "appName": "tidewire-none", **failure})
    db.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1},
                            data={"failCommands": ["getMore"], **failure})
    running.wait_stderr("warning: ")
    db.c.insert_one({"_id": 2})
    assert ids(running.wait_ops("insert", 2)) == [1, 2]


@pytest.mark.parametrize("code, expected", [(286, "TW-MONGO-HISTORY-LOST"), (280, "TW-MONGO-TOKEN"),
                                            (13, "TW-MONGO-PRIVILEGE"), (96, "TW-MONGO-ERROR")])
def test_fatal_failures_of_get_more_end_it(db, server, stream, code, expected):
    running = stream("--await", "100ms")
    db.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1},
                            data={"failCommands": ["getMore"], "errorCode": code})
    running.refuse(3, f"^{expected}$")


def test_position_of_a_lost_history_is_refused_and_not_skipped(new_server, tidewire, tmp_path):
    server = forgetful(new_server)
    arguments = ["stream", f"mongodb://{server.host}/db", "--position", tmp_path / "position"]
    with server.client() as client:
        running = tidewire(*arguments)
        running.wait_stderr("streaming ")
        client.db.c.insert_one({"_id": 1})
        running.wait_ops("insert", 1)
        running.process.send_signal(signal.SIGTERM)
        running.succeed()
        forget(client)
    refused = tidewire(*arguments)
    refused.refuse(3, "TW-MONGO-HISTORY-LOST|TW-MONGO-TOKEN")
    assert not refused.events
    # And it stays so: nothing was stored that would skip the gap.
    tidewire(*arguments).refuse(3, "TW-MONGO-HISTORY-LOST|TW-MONGO-TOKEN")


def test_another_database_or_other_options_do_not_take_the_position(db, server, tidewire, tmp_path):
    position = tmp_path / "position"
    tidewire("stream", f"mongodb://{server.host}/{db.name}", "--position", position, "--until", "now").succeed()
    tidewire("stream", f"mongodb://{server.host}/other", "--position", position).refuse(3, "TW-POSITION-FOREIGN")
    tidewire("stream", f"mongodb://{server.host}/{db.name}", "--position", position, "--full-document",
             "required").refuse(3, "TW-POSITION-FOREIGN")
    tidewire("stream", f"mongodb://{server.host}/{db.name}", "--position", position, "--until", "now").succeed()


def test_step_downs_and_kills_of_a_set_of_three(new_server, tidewire, tmp_path):
    members = [new_server() for _ in range(3)]
    members[0].initiate(*members[1:])
    import pymongo
    seeds = ",".join(each.host for each in members)
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{seeds}/db?replicaSet=rs0", "--to", f"file:{to}", "--sync-interval", "20ms"]
    running = tidewire(*arguments)
    running.wait_stderr("streaming ")
    client = pymongo.MongoClient(f"mongodb://{seeds}/?replicaSet=rs0", w="majority")
    written = []

    def write(count):
        for _ in range(count):
            client.db.c.insert_one({"_id": len(written)})
            written.append(len(written))
    write(50)
    client.admin.command("replSetStepDown", 5, secondaryCatchUpPeriodSecs=5)
    write(50)
    primary = next(each for each in members if each.is_primary())
    primary.kill9()
    write(50)
    primary.start()
    write(20)
    running.wait_until(lambda: to.read_text().count('"op":"insert"') >= len(written), "all lines", 60)
    assert ids(line for line in lines_of(to) if line["op"] == "insert") == written
    running.process.send_signal(signal.SIGTERM)
    running.succeed()
    client.close()


def test_a_step_down_moves_the_stream_to_the_new_primary(new_server, tidewire):
    """Its cursor would live on at the member that was primary."""
    import pymongo
    members = [new_server() for _ in range(3)]
    members[0].initiate(*members[1:])
    seeds = ",".join(each.host for each in members)
    running = tidewire("stream", f"mongodb://{seeds}/db?replicaSet=rs0&heartbeatFrequencyMS=500", "--await", "100ms")
    old = int(running.wait_stderr(r"streaming db from 127.0.0.1:(\d+)").group(1))
    with pymongo.MongoClient(f"mongodb://{seeds}/?replicaSet=rs0", w="majority") as client:
        client.db.c.insert_one({"_id": 1})
        running.wait_ops("insert", 1)
        client.admin.command("replSetStepDown", 60, secondaryCatchUpPeriodSecs=5)
        client.db.c.insert_one({"_id": 2})
        running.wait_ops("insert", 2)
        new = wait_for(lambda: next((each.port for each in members if each.is_primary()), None), 30, "a primary")
        assert new != old
        running.wait_stderr(f"streaming db from 127.0.0.1:{new}")
        client.db.c.insert_one({"_id": 3})
        running.wait_ops("insert", 3)
    running.process.send_signal(signal.SIGTERM)
    running.succeed()
    assert ids(running.ops("insert")) == [1, 2, 3]


def test_secondary_is_read_from_when_it_is_asked_for(new_server, tidewire):
    members = [new_server() for _ in range(3)]
    members[0].initiate(*members[1:])
    seeds = ",".join(each.host for each in members)
    running = tidewire("stream", f"mongodb://{seeds}/db?replicaSet=rs0&readPreference=secondary")
    host = running.wait_stderr(r"streaming db from 127.0.0.1:(\d+)").group(1)
    primary = wait_for(lambda: next((each for each in members if each.is_primary()), None), 20, "a primary")
    assert int(host) != primary.port
    with primary.client() as client:
        client.db.c.insert_one({"_id": 1})
    running.wait_ops("insert", 1)


def test_unreachable_members_and_a_wrong_set_are_told(server, tidewire):
    begin = time.monotonic()
    tidewire("stream", f"mongodb://{server.host},127.0.0.1:1/db?replicaSet=other&serverSelectionTimeoutMS=1500"
             ).refuse(1, "TW-MONGO-NO-HOST")
    assert time.monotonic() - begin < 15
    alone = tidewire("stream", f"mongodb://127.0.0.1:1,{server.host}/db?serverSelectionTimeoutMS=5000", "--until", "now")
    alone.succeed()
    direct = tidewire("stream", f"mongodb://{server.host}/db?directConnection=true", "--until", "now")
    direct.succeed()


def test_standalone_server_is_refused(new_server, tidewire):
    server = new_server(name="")
    tidewire("stream", f"mongodb://{server.host}/db").refuse(3, "TW-MONGO-NOT-REPLICA-SET")
