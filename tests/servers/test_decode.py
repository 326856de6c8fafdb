"""A capture of what the server sent, decoded without any server, gives the same lines."""

import re

import pytest
from harness.load import DDL, Load
from harness.oracle import transactions


@pytest.fixture
def captured(db, tidewire, tmp_path):
    """(capture file, the lines that the stream itself wrote)"""
    def make(*arguments):
        db.ready(DDL)
        load = Load(db, 5, pause=0)
        until = tmp_path / "capture"
        run = tidewire(*db.stream("--capture", until, "--until", "40tx", *arguments)).succeed(60)
        load.stop()
        return until, run.lines
    return make


@pytest.mark.parametrize("arguments", [
    [], pytest.param(["--binary"], marks=pytest.mark.since(14, "binary columns")), ["--protocol", "1"]], ids=" ".join)
def test_the_same_lines(captured, tidewire, tmp_path, arguments):
    capture, lines = captured(*arguments)
    run = tidewire("decode", capture).succeed()
    assert len(transactions(run.events)) == 40
    assert run.lines == lines
    tidewire("decode", capture, "--to", f"file:{tmp_path}/again").succeed()
    assert (tmp_path / "again").read_bytes() == b"".join(lines)


@pytest.mark.since(14, "streaming of running transactions")
def test_streamed_transactions(new_server, new_database, tidewire, tmp_path):
    db = new_database(new_server(logical_decoding_work_mem="64kB"))
    db.ready()
    db.sql("BEGIN; INSERT INTO items SELECT i, md5(i::text) FROM generate_series(1, 10000) i; SAVEPOINT a;"
           "INSERT INTO items SELECT i, md5(i::text) FROM generate_series(10001, 15000) i; ROLLBACK TO a; COMMIT")
    capture = tmp_path / "capture"
    run = tidewire(*db.stream("--capture", capture, "--until", "now")).succeed()
    assert len(run.ops("insert")) == 10_000
    assert db.slot_stats("stream_txns") > 0
    assert tidewire("decode", capture).succeed().lines == run.lines


def test_what_is_cut_off_is_counted(captured, tidewire, tmp_path):
    capture, lines = captured()
    whole = capture.read_bytes()
    cut = tmp_path / "cut"
    for size in (len(whole) - 1, len(whole) * 2 // 3, len(whole) // 3):
        cut.write_bytes(whole[:size])
        run = tidewire("decode", cut)
        assert run.end() == 1 and run.error, run.describe()
        assert re.search(r"\d+ bytes?", run.stderr), run.describe()
        complete = run.lines if run.lines[-1:] and run.lines[-1].endswith(b"\n") else run.lines[:-1]
        assert lines[:len(complete)] == complete


def test_what_is_damaged_is_said(captured, tidewire, tmp_path):
    capture, lines = captured()
    damaged = bytearray(capture.read_bytes())
    record = 8
    while record < len(damaged) // 2:
        record += 4 + int.from_bytes(damaged[record:record + 4], "big")
    damaged[record:record + 4] = b"\xff" * 4  # a length that no record has
    (tmp_path / "damaged").write_bytes(damaged)
    run = tidewire("decode", tmp_path / "damaged")
    assert run.end() in (1, 3) and run.error, run.describe()
    assert re.search(r"\b\d+\b", run.stderr), "no offset"


@pytest.mark.parametrize("content", [b"", b"no capture at all\n" * 10, b"\x00" * 1000])
def test_what_is_no_capture(tidewire, tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    run = tidewire("decode", tmp_path / "other")
    assert run.end() in (1, 2, 3) and run.error, run.describe()
    assert run.lines == []


def test_a_file_that_is_not_there(tidewire, tmp_path):
    run = tidewire("decode", tmp_path / "nowhere")
    assert run.end() in (1, 2, 3) and "nowhere" in run.stderr
