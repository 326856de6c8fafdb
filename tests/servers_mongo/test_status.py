"""tidewire status: the position file and the oplog, seen from beside a stream."""

import json
import signal

from checking import guarded, root, url
from conftest import SERVER, VERSION
from oplog import forget, forgetful
from postgres import wait_for


def report(run) -> dict:
    return json.loads(b"".join(run.lines))


def text_of(run) -> str:
    return b"".join(run.lines).decode()


def test_of_a_running_stream_and_one_that_is_down(db, server, tidewire, tmp_path):
    where = f"mongodb://{server.host}/{db.name}"
    position = ["--position", f"{tmp_path}/out.position"]
    running = tidewire("stream", where, "--to", f"file:{tmp_path}/out", "--await", "100ms", "--sync-interval", "5ms")
    running.wait_stderr("streaming ")
    db.c.insert_many([{"_id": 1}, {"_id": 2}])
    wait_for(lambda: report(tidewire("status", where, *position, "--json").succeed())["position"]["changes"] == 3, 30, "all")
    seen = report(tidewire("status", where, *position, "--json").succeed())
    assert seen["v"] == 1 and seen["refused"] is None and seen["position"]["in_use"] and not seen["position"]["copying"]
    assert seen["server"]["kind"] == "MongoDB" and seen["server"]["version"] == server.says
    assert seen["server"]["set"] == server.name and seen["server"]["host"] == server.host and seen["server"]["at"].startswith("@")
    assert seen["oplog"]["window_s"] >= 0
    assert 0 <= seen["lag_s"] < 30 and 0 <= seen["left_s"] <= seen["oplog"]["window_s"] + 1
    running.process.send_signal(signal.SIGTERM)
    running.succeed()
    before = report(tidewire("status", where, *position, "--json").succeed())
    assert not before["position"]["in_use"]
    # The server's time goes on by itself, every ten seconds, or with what is written.
    stopped = report(tidewire("status", where, "--json").succeed())["server"]["at"]

    def later():
        db.client["elsewhere"].c.insert_one({})
        seen = report(tidewire("status", where, *position, "--json").succeed())
        return seen["server"]["at"] > stopped and seen["lag_s"] > before["lag_s"] + 1
    wait_for(later, 30, "the lag to grow", 0.2)
    text = text_of(tidewire("status", where, *position).succeed())
    assert ", not in use" in text and " behind the server" in text
    # What tests before this one wrote may have cut the oplog.
    assert ("nothing was dropped yet" in text) == seen["oplog"]["never_cut"] != ("before it would fall out of the oplog" in text)
    # The options that shape the events are those of the position.
    other = ["--position", f"{tmp_path}/images"]
    tidewire("stream", where, *other, "--post-images", "auto_configure", "--no-expanded-events").refuse(2, "TW-USAGE-OPTION")
    tidewire("stream", where, *other, "--post-images", "auto_configure", "--before-image", "required", "--until", "now").succeed()
    tidewire("status", where, *other).succeed()


def test_a_copy_that_is_not_complete(db, server, tidewire, tmp_path):
    db.c.insert_many([{"_id": n, "text": "x" * 1000} for n in range(2000)])
    where = f"mongodb://{server.host}/{db.name}"
    running = tidewire("snapshot", where, "--to", f"file:{tmp_path}/out", "--chunk", "10000")
    running.wait_until(lambda: (tmp_path / "out.position").exists(), "the beginning")
    running.process.kill()
    running.process.wait()
    run = tidewire("status", where, "--position", f"{tmp_path}/out.position", "--json").succeed()
    assert report(run)["position"]["copying"]
    assert "copy           not complete" in text_of(tidewire("status", "--position", f"{tmp_path}/out.position").succeed())


def test_refusals(db, server, tidewire, tmp_path):
    where = f"mongodb://{server.host}/{db.name}"
    position = ["--position", f"{tmp_path}/position"]
    tidewire("status", where, *position).refuse(3, "TW-POSITION-MISSING")
    tidewire("stream", where, *position, "--until", "now").succeed()
    tidewire("status", where, *position).succeed()
    foreign = tidewire("status", f"mongodb://{server.host}/other", *position, "--json")
    foreign.refuse(3, "TW-POSITION-FOREIGN")
    assert report(foreign)["refused"] == "TW-POSITION-FOREIGN"
    tidewire("status", where, "--slot", "x").refuse(2, "TW-USAGE-OPTION")
    tidewire("status", "mongodb://127.0.0.1:1/db?serverSelectionTimeoutMS=500").refuse(1, "TW-NET-|TW-MONGO-NO-HOST")


def test_standalone_server_is_refused(new_server, tidewire):
    tidewire("status", f"mongodb://{new_server(name='').host}/db").refuse(3, "TW-MONGO-NOT-REPLICA-SET")


def test_a_reader_without_more_rights(scratch, tidewire, tmp_path):
    server = guarded(SERVER(scratch / "status-guarded", VERSION))
    try:
        with root(server) as client:
            client.admin.command("createUser", "reader", pwd="x", roles=[{"role": "read", "db": "shop"}])
        position = ["--position", f"{tmp_path}/position"]
        tidewire("stream", url(server, "reader"), *position, "--until", "now").succeed()
        run = tidewire("status", url(server, "reader"), *position, "--json").succeed()
        # The oplog is not theirs to see; whether the position is in it is told all the same.
        seen = report(run)
        assert seen["oplog"] is None and seen["left_s"] is None and seen["lag_s"] >= 0 and seen["refused"] is None
        assert "oplog          not known: not authorized" in text_of(tidewire("status", url(server, "reader"), *position).succeed())
        tidewire("status", url(server, "reader", "wrong"), *position).refuse(3, "TW-AUTH-PASSWORD")
    finally:
        server.stop()


def test_lost_history(new_server, tidewire, tmp_path):
    server = forgetful(new_server)
    where = f"mongodb://{server.host}/db"
    position = ["--position", f"{tmp_path}/position"]
    with server.client() as client:
        tidewire("stream", where, *position, "--until", "now").succeed()
        forget(client)
    run = tidewire("status", where, *position, "--json")
    run.refuse(3, "TW-MONGO-HISTORY-LOST|TW-MONGO-TOKEN")
    seen = report(run)
    assert seen["refused"] in ("TW-MONGO-HISTORY-LOST", "TW-MONGO-TOKEN") and seen["left_s"] <= 0
    shown = tidewire("status", where, *position)
    shown.refuse(3, "TW-MONGO-HISTORY-LOST|TW-MONGO-TOKEN")
    assert "lag" not in text_of(shown)
