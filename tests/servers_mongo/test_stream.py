"""Change streams of a real server against what pymongo's own stream of the same events says."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import bson
import pytest
from bson import json_util
from conftest import VERSION
from harness import BINARY
from harness.program import clean_environment

CANONICAL = json_util.JSONOptions(json_mode=json_util.JSONMode.CANONICAL)


def canonical(document) -> dict:
    return json.loads(json_util.dumps(document, json_options=CANONICAL))


ALL_TYPES = {
    "_id": 1, "double": 1.5, "nan": float("inf"), "text": "h\0é☃", "document": {"a": {"b": [1, {}, []]}},
    "binary": bson.Binary(b"\x00\xff", 0x80), "uuid": bson.Binary(bytes(16), 4), "old": bson.Binary(b"abc", 2),
    "id": bson.ObjectId("000102030405060708090a0b"), "bool": True, "null": None,
    "date": bson.DatetimeMS(-1), "late": bson.DatetimeMS(1 << 60), "regex": bson.Regex("^a", "im"),
    "code": bson.Code("f"), "scoped": bson.Code("g", {"x": 1}), "int": -5, "long": bson.Int64(7),
    "timestamp": bson.Timestamp(4, 5), "decimal": bson.Decimal128("-1.20E+5"), "min": bson.MinKey(), "max": bson.MaxKey(),
    "ref": bson.DBRef("c", 1),
}


def test_each_operation_as_the_driver_sees_it(db, stream):
    running = stream("--canonical", "--full-document", "whenAvailable", "--before-image", "whenAvailable")
    # Tokens also tell the pipeline: ours has this stage where the server knows it.
    pipeline = [] if VERSION == "6.0.5" else [{"$changeStreamSplitLargeEvent": {}}]
    with db.watch(pipeline, full_document="whenAvailable", full_document_before_change="whenAvailable",
                  show_expanded_events=True) as oracle:
        c = db.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
        c.insert_one(ALL_TYPES)
        c.update_one({"_id": 1}, {"$set": {"document.a.b.0": 2, "new": 1}, "$unset": {"text": 1}})
        c.update_one({"_id": 1}, [{"$set": {"l": [1, 2, 3]}}])
        c.update_one({"_id": 1}, [{"$set": {"l": [1]}}])
        c.replace_one({"_id": 1}, {"x": 1})
        c.create_index("x")
        c.delete_one({"_id": 1})
        c.drop_index("x_1")
        db.command("collMod", "c", changeStreamPreAndPostImages={"enabled": False})
        c.rename("d")
        db.d.drop()
        wanted = []
        while not wanted or wanted[-1]["operationType"] != "drop":
            wanted.append(oracle.next())
    lines = running.wait_until(lambda: len(running.events) >= len(wanted) and running.events, "all events")
    assert [line["op"] for line in lines] == [event["operationType"] for event in wanted]
    for line, event in zip(lines, wanted):
        update = event.get("updateDescription", {})
        expected = {
            "v": 1, "op": event["operationType"], "schema": event["ns"]["db"], "table": event["ns"]["coll"],
            "pos": event["_id"]["_data"], "cluster_time": {"t": event["clusterTime"].time, "i": event["clusterTime"].inc},
            "key": event.get("documentKey"), "before": event.get("fullDocumentBeforeChange", ...),
            "after": event.get("fullDocument", ...), "updated": update.get("updatedFields"),
            "removed": update.get("removedFields"), "truncated": update.get("truncatedArrays"),
            "paths": update.get("disambiguatedPaths"), "to_schema": event.get("to", {}).get("db"),
            "to_table": event.get("to", {}).get("coll"), "details": event.get("operationDescription"),
            "details_before": event.get("stateBeforeChange"), "collection_uuid": event.get("collectionUUID"),
        }
        shown = {name: canonical(value) if name not in ("v", "cluster_time") else value
                 for name, value in expected.items()
                 if value is not ... and (value is not None or name in ("before", "after"))}
        assert {name: value for name, value in line.items() if name != "ts"} == shown
    assert {"create", "insert", "update", "replace", "createIndexes", "delete", "rename", "drop"} <= \
        {line["op"] for line in lines}
    running.process.send_signal(signal.SIGTERM)
    running.succeed()


def test_post_images_are_each_their_own_state(db, stream):
    c = db.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
    running = stream("--full-document", "required")
    c.insert_one({"_id": 1, "n": 0})
    for n in range(1, 4):
        c.update_one({"_id": 1}, {"$set": {"n": n}})
    c.delete_one({"_id": 1})
    running.wait_ops("delete", 1)
    assert [line["after"]["n"] for line in running.ops("update")] == [1, 2, 3]


@pytest.mark.parametrize("option", ["--full-document", "--before-image"])
def test_missing_image_is_refused_with_its_own_code(db, server, tidewire, tmp_path, option):
    """And what came before it is there, although the server fails the whole batch with it."""
    db.create_collection("c")
    arguments = ["stream", f"mongodb://{server.host}/{db.name}", option, "required", "--position", tmp_path / "position"]
    tidewire(*arguments, "--until", "now").succeed()
    with db.client.start_session() as session, session.start_transaction():
        db.c.insert_many([{"_id": n} for n in range(5)], session=session)
    db.c.update_one({"_id": 1}, {"$set": {"n": 1}})
    refused = tidewire(*arguments).refuse(3, "TW-MONGO-IMAGE-MISSING")
    assert len(refused.ops("insert")) == 5
    # They are not written again.
    assert not tidewire(*arguments).refuse(3, "TW-MONGO-IMAGE-MISSING").ops("insert")


def test_looked_up_document_that_is_gone_is_null_and_no_deletion(db, stream):
    db.c.insert_one({"_id": 1})
    running = stream("--full-document", "updateLookup", "--await", "200ms")
    with db.client.start_session() as session, session.start_transaction():
        db.c.update_one({"_id": 1}, {"$set": {"n": 1}}, session=session)
        db.c.delete_one({"_id": 1}, session=session)
    running.wait_ops("delete", 1)
    assert [line["after"] for line in running.ops("update")] == [None]


def test_changes_of_a_transaction_share_their_id(db, stream):
    db.create_collection("c")
    running = stream()
    for first in (1, 11):
        with db.client.start_session() as session, session.start_transaction():
            db.c.insert_many([{"_id": first + n} for n in range(3)], session=session)
    db.c.insert_one({"_id": 100})
    lines = running.wait_ops("insert", 7)
    ids = [line.get("xid") for line in lines]
    assert ids[0] == ids[1] == ids[2] != ids[3] == ids[4] == ids[5] and ids[6] is None
    with db.client.start_session() as session, session.start_transaction():
        db.c.insert_one({"_id": 200}, session=session)
        session.abort_transaction()
    db.c.insert_one({"_id": 201})
    assert [line["key"]["_id"] for line in running.wait_ops("insert", 8)][-1] == 201


def test_whole_cluster(server, db, tidewire):
    running = tidewire("stream", f"mongodb://{server.host}/")
    running.wait_stderr("streaming all databases")
    db.c.insert_one({"_id": 1})
    db.client[db.name + "_2"].c.insert_one({"_id": 2})
    running.wait_until(lambda: {line["schema"] for line in running.ops("insert")} >= {db.name, db.name + "_2"},
                       "inserts of both databases")
    db.client.drop_database(db.name + "_2")
    running.wait_ops("dropDatabase", 1)


def test_dropped_database_gives_invalidate_and_the_stream_goes_on(db, stream):
    running = stream()
    db.c.insert_one({"_id": 1})
    db.client.drop_database(db.name)
    running.wait_ops("invalidate", 1)
    db.c.insert_one({"_id": 2})
    assert [line["key"]["_id"] for line in running.wait_ops("insert", 2)] == [1, 2]


def test_until_now_reads_what_is_there_and_ends(db, server, tidewire):
    db.c.insert_one({"_id": 0})
    position = db.client.admin.command("hello")["lastWrite"]["majorityOpTime"]["ts"]
    db.c.insert_many([{"_id": n} for n in range(1, 500)])
    run = tidewire("stream", f"mongodb://{server.host}/{db.name}", "--until", "now", "--start-at",
                   f"@{position.time}.{position.inc + 1}").succeed()
    assert [line["key"]["_id"] for line in run.ops("insert")] == list(range(1, 500))


def test_until_a_number_of_events(db, server, tidewire):
    running = tidewire("stream", f"mongodb://{server.host}/{db.name}", "--until", "5tx")
    running.wait_stderr("streaming ")
    db.create_collection("c")
    db.c.insert_many([{"_id": n} for n in range(50)])
    running.succeed()
    assert len(running.events) == 5


@pytest.mark.parametrize("compressors", ["snappy", "zlib", "zstd", "zstd,snappy&zlibCompressionLevel=1"])
def test_compressed(db, stream, compressors):
    running = stream(query=f"compressors={compressors}")
    db.c.insert_many([{"_id": n, "text": "the same " * 50} for n in range(300)])
    lines = running.wait_ops("insert", 300)
    assert [line["key"]["_id"] for line in lines] == list(range(300))
    assert lines[299]["after"]["text"] == "the same " * 50


def test_large_documents(db, stream):
    running = stream()
    texts = [chr(97 + n) * 15_900_000 for n in range(3)]
    for n, text in enumerate(texts):
        db.c.insert_one({"_id": n, "text": text})
    lines = running.wait_ops("insert", 3, 60)
    assert [line["after"]["text"] for line in lines] == texts


@pytest.mark.skipif(VERSION != "6.0.5", reason="servers from 6.0.9 on split such an event: test_split.py")
def test_event_over_the_limit_is_refused_with_its_own_code(db, stream):
    c = db.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
    c.insert_one({"_id": 1, "text": "x" * 9_000_000})
    running = stream("--full-document", "whenAvailable", "--before-image", "whenAvailable")
    c.update_one({"_id": 1}, {"$set": {"n": 1}})
    running.refuse(3, "TW-MONGO-EVENT-TOO-LARGE")


def test_capture_decodes_to_the_same_lines(db, stream, tidewire, tmp_path):
    running = stream("--capture", tmp_path / "capture", query="compressors=zstd")
    db.c.insert_many([{"_id": n, "text": "x" * n} for n in range(200)])
    db.c.update_one({"_id": 7}, {"$set": {"n": 1}})
    running.wait_ops("update", 1)
    running.process.send_signal(signal.SIGTERM)
    running.succeed()
    # What was asked for with this compressor came compressed.
    assert (tmp_path / "capture").read_bytes()[12:16] == (2012).to_bytes(4, "little")
    decoded = tidewire("decode", tmp_path / "capture").succeed()
    assert decoded.lines == running.lines


def test_progress_is_shown_on_a_terminal(db, server, tmp_path):
    master, slave = pty.openpty()
    run = subprocess.Popen([BINARY, "stream", f"mongodb://{server.host}/{db.name}", "--to", f"file:{tmp_path}/lines",
                            "--position", tmp_path / "position"], stdout=subprocess.DEVNULL, stderr=slave,
                           env=clean_environment({"TERM": "xterm"}))
    os.close(slave)
    said, written = b"", False
    deadline = time.monotonic() + 30
    try:
        # Of the collection and the three documents; the time is that of the last change, to the second.
        while not re.search(rb"\r\x1b\[K\d+ rows/s  .*/s  4 changes  at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", said):
            assert time.monotonic() < deadline, said
            if select.select([master], [], [], 0.1)[0]:
                said += os.read(master, 4096)
            if not written and b"streaming" in said:
                db.c.insert_many([{"_id": number} for number in range(3)])
                written = True
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == 0
    finally:
        run.kill()
        run.wait()
        os.close(master)
