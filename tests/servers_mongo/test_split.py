"""Events over 16 MB, which servers from 6.0.9 on send in fragments: against 6.0.27, or the second implementation."""

import signal

import pytest
from conftest import SECOND, SERVER, VERSION, WHY_NOT


@pytest.fixture(scope="module")
def splitting(scratch):
    if WHY_NOT:
        pytest.skip(WHY_NOT)
    version = VERSION if SECOND else "6.0.27"
    try:
        server = SERVER(scratch / "splitting", version)
    except Exception as error:
        pytest.skip(f"NOT RUN: no server {version}: {error}")
    server.start().initiate()
    yield server
    server.stop()


def test_large_events_are_whole_and_the_position_is_never_between_fragments(splitting, tidewire, tmp_path):
    import json
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{splitting.host}/db", "--to", f"file:{to}", "--full-document", "required",
                 "--before-image", "required"]
    with splitting.client() as client:
        c = client.db.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
        running = tidewire(*arguments)
        running.wait_stderr("streaming ")
        text = "x" * 12_000_000
        c.insert_one({"_id": 1, "text": text, "n": 0})
        for n in range(1, 5):
            c.update_one({"_id": 1}, {"$set": {"n": n}})
        running.wait_until(lambda: to.exists() and to.read_bytes().count(b"\n") >= 2, "two lines")
        running.process.kill()  # wherever it is in the fragments
        running.process.wait()
        c.update_one({"_id": 1}, {"$set": {"n": 5, "text": text[1:]}})
        c.delete_one({"_id": 1})
    tidewire(*arguments, "--until", "now").succeed(60)
    lines = [json.loads(line) for line in to.read_text().splitlines()]
    lines = [line for line in lines if line["op"] != "create"]
    assert [line["op"] for line in lines] == ["insert"] + ["update"] * 5 + ["delete"]
    for n, line in enumerate(lines[1:6], 1):
        assert line["before"] == {"_id": 1, "text": text, "n": n - 1}
        assert line["after"] == {"_id": 1, "text": text if n < 5 else text[1:], "n": n}
        assert line["updated"]["n"] == n
    assert lines[6]["before"] == {"_id": 1, "text": text[1:], "n": 5}
    assert len({line["pos"] for line in lines}) == len(lines)


def test_captured_fragments_decode_to_the_same_lines(splitting, tidewire, tmp_path):
    with splitting.client() as client:
        c = client.other.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
        c.insert_one({"_id": 1, "text": "x" * 10_000_000})
        running = tidewire("stream", f"mongodb://{splitting.host}/other?compressors=snappy", "--full-document", "required",
                           "--before-image", "required", "--capture", tmp_path / "capture")
        running.wait_stderr("streaming ")
        c.update_one({"_id": 1}, {"$set": {"n": 1}})
        running.wait_ops("update", 1)
    running.process.send_signal(signal.SIGTERM)
    running.succeed()
    assert (tmp_path / "capture").read_bytes().find(b"splitEvent") != -1
    assert tidewire("decode", tmp_path / "capture").succeed().lines == running.lines
