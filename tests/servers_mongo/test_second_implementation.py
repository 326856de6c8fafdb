"""What the second implementation does otherwise than mongod (second.py), as far as it can be held to: what it says of
itself, images read one by one, every operation, kills under writes compared with the source, and the copy refused."""

import json
import signal

import pytest
from checking import MongoReport
from conftest import SECOND
from test_snapshot import Writers, canonical, lines_of, replayed, source

pytestmark = pytest.mark.skipif(not SECOND, reason="of the second implementation")


def stop(running):
    running.process.send_signal(signal.SIGTERM)
    running.succeed()


def test_what_it_says_of_itself(server, db, tidewire):
    report = MongoReport(tidewire("check", f"mongodb://{server.host}/{db.name}", "--json")).is_ready()
    assert report["VERSION"]["found"] == server.says == "8.2.11" and report["FCV"]["found"] == "8.2"


def test_each_operation_as_the_driver_sees_it(db, stream):
    """One after the other: what is looked up is then what it was."""
    running = stream("--canonical", "--full-document", "whenAvailable", "--before-image", "whenAvailable")
    with db.watch([{"$changeStreamSplitLargeEvent": {}}], full_document="whenAvailable",
                  full_document_before_change="whenAvailable", show_expanded_events=True) as oracle:
        steps = [
            lambda: db.create_collection("c", changeStreamPreAndPostImages={"enabled": True}),
            lambda: db.c.insert_one({"_id": 1, "text": "h\0é☃", "a": {"b": [1, {}, []]}, "l": [1, 2, 3]}),
            lambda: db.c.update_one({"_id": 1}, {"$set": {"a.b.0": 2, "new": 1}, "$unset": {"text": 1}}),
            lambda: db.c.update_one({"_id": 1}, [{"$set": {"l": [1]}}]),
            lambda: db.c.replace_one({"_id": 1}, {"x": 1}),
            lambda: db.c.create_index("x"),
            lambda: db.c.delete_one({"_id": 1}),
            lambda: db.c.drop_index("x_1"),
            lambda: db.command("collMod", "c", changeStreamPreAndPostImages={"enabled": False}),
            lambda: db.c.rename("d"),
            lambda: db.d.drop(),
        ]
        for number, step in enumerate(steps, 1):
            step()
            event = oracle.next()
            line = running.wait_until(lambda: len(running.events) >= number and running.events[number - 1], "the event")
            update = event.get("updateDescription", {})
            expected = {
                "op": event["operationType"], "table": event["ns"]["coll"], "pos": event["_id"]["_data"],
                "key": event.get("documentKey"), "before": event.get("fullDocumentBeforeChange", ...),
                "after": event.get("fullDocument", ...), "updated": update.get("updatedFields"),
                "removed": update.get("removedFields"), "truncated": update.get("truncatedArrays"),
                "details": event.get("operationDescription"), "to_table": event.get("to", {}).get("coll")}
            for name, value in expected.items():
                if value is ... or value is None and name not in ("before", "after"):
                    assert name not in line, (name, line)
                else:
                    assert json.dumps(line[name]) == canonical(value), (name, line)
    assert [line["op"] for line in running.events] == [
        "create", "insert", "update", "update", "replace", "createIndexes", "delete", "dropIndexes", "modify", "rename", "drop"]
    assert running.events[2]["before"]["text"] == "h\0é☃" and "text" not in running.events[2]["after"]
    stop(running)


def test_killed_under_writes_it_comes_to_what_the_source_has(db, server, tidewire, tmp_path):
    names = ["a", "b", "c"]
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{server.host}/{db.name}?compressors=zstd", "--canonical", "--to", f"file:{to}", "--sync-interval",
                 "10ms", "--full-document", "updateLookup"]
    running = tidewire(*arguments)
    running.wait_stderr("streaming ")
    with Writers(db, names, ids=60) as writers:
        for _ in range(4):
            before = writers.count
            running.wait_until(lambda: writers.count > before + 200, "writes")
            running.process.kill()
            running.process.wait()
            running = tidewire(*arguments)
            running.wait_stderr("streaming ")
    stop(running)
    tidewire(*arguments, "--until", "now").succeed()
    lines = lines_of(to)
    assert replayed(lines) == source(db)
    assert {"insert", "update", "replace", "delete"} <= {line["op"] for line in lines}
    positions = [line["pos"] for line in lines]
    assert len(set(positions)) == len(positions), "an event came twice"


def test_the_copy_is_refused_and_says_why(db, server, tidewire):
    db.c.insert_many([{"_id": n} for n in range(10)])
    refused = tidewire("snapshot", f"mongodb://{server.host}/{db.name}").refuse(3, "TW-MONGO-OPTION-VERSION")
    assert "collectionUUID" in refused.stderr and not refused.ops("read")


def test_status_without_a_lag(db, server, tidewire, tmp_path):
    """Its tokens tell no time. That the place is known to the server is seen all the same."""
    where, position = f"mongodb://{server.host}/{db.name}", ["--position", tmp_path / "position"]
    db.c.insert_one({"_id": 1})
    tidewire("stream", where, *position, "--until", "now").succeed()
    seen = json.loads(b"".join(tidewire("status", where, *position, "--json").succeed().lines))
    assert seen["refused"] is None and seen["lag_s"] is None and seen["server"]["version"] == server.says
    assert seen["oplog"]["window_s"] >= 0 and seen["server"]["at"].startswith("@")
