"""Files without a server: dumps and wire messages, whole, cut and damaged. pymongo's bson writes them."""

import gzip
import json
import struct

import pytest


def dump(documents) -> bytes:
    import bson
    return b"".join(bson.encode(each) for each in documents)


def message(body, request: int = 1, opcode: int = 2013) -> bytes:
    import bson
    content = struct.pack("<I", 0) + b"\0" + bson.encode(body)
    return struct.pack("<iiii", 16 + len(content), request, 0, opcode) + content


def reply(*events) -> bytes:
    return message({"cursor": {"nextBatch": list(events), "id": 1, "ns": "db.$cmd.aggregate"}, "ok": 1.0})


def event(number: int, **fields) -> dict:
    return {"_id": {"_data": f"82{number:08X}"}, "operationType": "insert", "ns": {"db": "db", "coll": "c"},
            "documentKey": {"_id": number}, "fullDocument": {"_id": number}} | fields


@pytest.fixture
def decode(tidewire, tmp_path):
    def run(content: bytes, *options):
        file = tmp_path / "file"
        file.write_bytes(content)
        return tidewire("decode", file, *options)
    return run


def test_dump(decode):
    documents = [{"_id": n, "text": "é" * n, "list": [n, {"a": None}]} for n in range(1000)]
    run = decode(dump(documents))
    assert run.end() == 0, run.describe()
    assert [json.loads(line) for line in run.lines] == documents
    assert "1000 documents" in run.stderr
    run = decode(dump(documents[:2]), "--as", "envelope", "--canonical").succeed()
    assert run.events[1] == {"v": 1, "op": "read", "key": {"_id": {"$numberInt": "1"}}, "after": {
        "_id": {"$numberInt": "1"}, "text": "é", "list": [{"$numberInt": "1"}, {"a": None}]}}


def test_every_cut_of_a_dump_is_told_with_its_bytes(decode):
    whole = dump([{"_id": 1}, {"_id": 2, "a": "x"}])
    first = len(dump([{"_id": 1}]))
    for size in (first + 1, first + 4, first + 5, len(whole) - 1):
        run = decode(whole[:size], "--format", "bson").refuse(1, "TW-CAPTURE-CUT")
        assert len(run.lines) == 1
        assert f"{size - first} bytes from offset {first} on are lost" in run.stderr


def test_damaged_document_is_left_out_and_the_rest_is_read(decode):
    good = [{"_id": n, "text": "some text"} for n in range(3)]
    broken = bytearray(dump([good[1]]))
    broken[4] = 0x77  # no type
    run = decode(dump(good[:1]) + bytes(broken) + dump(good[2:])).refuse(3, "TW-CAPTURE-DAMAGED")
    assert [json.loads(line)["_id"] for line in run.lines] == [0, 2]
    assert f"{len(broken)} bytes are lost" in run.stderr


def test_length_that_can_not_be_right_loses_the_rest(decode):
    before, after = dump([{"_id": 1}]), dump([{"_id": 2}] * 100_000)
    run = decode(before + b"\x04\0\0\0" + after).refuse(3, "TW-CAPTURE-DAMAGED")
    assert len(run.lines) == 1
    assert f"{4 + len(after)} bytes are lost" in run.stderr


def test_wire_messages(decode):
    content = message({"aggregate": 1}) + reply(event(1), event(2)) + message({"ok": 1.0}) + reply(event(3))
    run = decode(content).succeed()
    assert [line["key"]["_id"] for line in run.events] == [1, 2, 3]
    assert "4 messages, 3 change events" in run.stderr
    lines = [json.loads(line) for line in decode(content, "--as", "documents").succeed().lines]
    assert [line["opcode"] for line in lines] == ["OP_MSG"] * 4
    assert lines[0]["body"] == {"aggregate": 1}


def test_split_event_is_put_together_across_messages(decode):
    first = {"_id": {"_data": "8201"}, "splitEvent": {"fragment": 1, "of": 2}, "operationType": "update"}
    last = {"_id": {"_data": "8202"}, "splitEvent": {"fragment": 2, "of": 2}, "fullDocument": {"a": 1}}
    run = decode(reply(event(1), first) + reply(last, event(2))).succeed()
    assert [line["pos"] for line in run.events] == ["8200000001", "8202", "8200000002"]
    assert run.events[1]["after"] == {"a": 1}
    decode(reply(first)).refuse(3, "TW-CAPTURE-DAMAGED")


def test_damaged_event_is_left_out_and_the_others_are_read(decode):
    content = bytearray(reply(event(1), event(2, fullDocument=5), event(3)))
    run = decode(bytes(content)).refuse(3, "TW-CAPTURE-DAMAGED")
    assert [line["key"]["_id"] for line in run.events] == [1, 3]


def test_text_that_is_not_utf8_is_kept_as_hex(decode):
    content = dump([{"a": "xyz"}]).replace(b"xyz", b"x\xffz")
    assert [json.loads(line) for line in decode(content).succeed().lines] == [{"a": {"hex": "78ff7a"}}]


@pytest.mark.parametrize("content", [gzip.compress(b"x" * 100), b"\x6d\xe2\x99\x81" + b"x" * 100], ids=["gzip", "archive"])
def test_what_is_packed_is_named(decode, content):
    decode(content).refuse(3, "TW-CAPTURE-KIND")


def test_the_option_overrides_the_first_bytes(decode):
    decode(dump([{"_id": 1}]), "--format", "mongo-wire").refuse(3, "TW-CAPTURE-DAMAGED")
    decode(dump([{"_id": 1}]), "--format", "postgres").refuse(3, "TW-CAPTURE-DAMAGED")
    assert decode(b"", "--format", "bson").succeed().lines == []
