"""What no server that can be had here says: sharded clusters, load balancers, versions to come, deposed primaries."""

import json
import signal
import time

import pytest
from scripted import MONGOS, Clock, Scripted, member

LABEL = {"errorLabels": ["ResumableChangeStreamError"]}


@pytest.fixture
def scripted():
    made = []

    def make(*arguments, **options):
        made.append(Scripted(*arguments, **options))
        return made[-1]
    yield make
    for each in made:
        each.close()


def ids(run) -> list:
    return [line["key"]["_id"] for line in run.ops("insert")]


def stop(run):
    run.process.send_signal(signal.SIGTERM)
    run.succeed()


def test_mongos(scripted, tidewire, tmp_path):
    mongos = scripted(MONGOS, [[], [1, 2], [], [3]])
    position = tmp_path / "position"
    arguments = ["stream", f"mongodb://{mongos.host}/db", "--position", position, "--sync-interval", "5ms"]
    run = tidewire(*arguments, "--until", "3tx").succeed()
    assert ids(run) == [1, 2, 3]
    assert "identity.cluster sharded\n" in position.read_text() and f"position {mongos.tokens[3]}" in position.read_text()
    # It hears of the newest time that was told with every command, signed as it was, and of the session.
    times = [each["$clusterTime"]["clusterTime"] for each in mongos.commands if "$clusterTime" in each]
    assert times == sorted(set(times)) and len(times) == len(mongos.commands) - 2  # hello, and the first that was answered
    assert all(each["$clusterTime"]["signature"]["keyId"] == 7 for each in mongos.commands if "$clusterTime" in each)
    assert not [each for each in mongos.commands if "$readPreference" in each]
    sessions = {bytes(each["lsid"]["id"]) for each in mongos.sent("aggregate") + mongos.sent("getMore") + mongos.sent("killCursors")}
    assert sessions == {bytes(each["id"]) for each in mongos.sent("endSessions")[0]["endSessions"]} and len(sessions) == 1
    # It is not asked what it is: that is for members of a set.
    assert len(mongos.sent("hello")) == 1
    # Nothing comes, and the place moves: a high-water mark is good to go on from.
    idle = tidewire(*arguments, "--await", "100ms")
    idle.wait_until(lambda: "2B0429296E1404" in position.read_text(), "the mark to be stored")
    stop(idle)
    stored = next(line for line in position.read_text().splitlines() if line.startswith("position ")).split()[1]
    again = tidewire(*arguments, "--until", "now").succeed()
    assert mongos.sent("aggregate")[-1]["pipeline"][0]["$changeStream"]["startAfter"] == {"_data": stored}
    assert not again.events
    seen = json.loads(b"".join(tidewire("status", f"mongodb://{mongos.host}/db", "--position", position, "--json").succeed().lines))
    assert seen["oplog"] is None and seen["server"]["set"] is None and seen["lag_s"] >= 0
    # A set is another source.
    alone = scripted(member(["127.0.0.1:1"]))
    tidewire("stream", f"mongodb://{alone.host}/db?directConnection=true", "--position", position).refuse(3, "TW-POSITION-FOREIGN")


@pytest.mark.parametrize("error", [
    {"code": 10107, "codeName": "NotWritablePrimary"} | LABEL, {"code": 11602, "codeName": "InterruptedDueToReplStateChange"} | LABEL,
    {"code": 133, "codeName": "FailedToSatisfyReadPreference"} | LABEL, {"code": 43, "codeName": "CursorNotFound"},
    {"code": 63, "codeName": "StaleShardVersion"} | LABEL, {"code": 9999999} | LABEL, None], ids=str)
def test_failures_in_the_middle_lead_to_a_new_cursor(scripted, tidewire, error):
    server = scripted(MONGOS, [[1], error, [2]])
    run = tidewire("stream", f"mongodb://{server.host}/db")
    run.wait_ops("insert", 2)
    stop(run)
    assert ids(run) == [1, 2] and "warning: " in run.stderr
    first, second = server.sent("aggregate")
    assert "startAtOperationTime" in first["pipeline"][0]["$changeStream"]
    assert second["pipeline"][0]["$changeStream"]["startAfter"] == {"_data": server.tokens[1]}
    # The session is the same, and what else shapes the events.
    assert first["lsid"] == second["lsid"]
    for each in first, second:
        each["pipeline"][0]["$changeStream"] = {name: value for name, value in each["pipeline"][0]["$changeStream"].items()
                                                if not name.startswith("start")}
    assert first["pipeline"] == second["pipeline"]


@pytest.mark.parametrize("error, code", [
    ({"code": 280, "codeName": "ChangeStreamFatalError"}, "TW-MONGO-TOKEN"),
    ({"code": 280, "errorLabels": ["NonResumableChangeStreamError"]}, "TW-MONGO-TOKEN"),
    ({"code": 286, "codeName": "ChangeStreamHistoryLost"}, "TW-MONGO-HISTORY-LOST"),
    ({"code": 9999999}, "TW-MONGO-ERROR")], ids=str)
def test_what_ends_it(scripted, tidewire, error, code):
    server = scripted(MONGOS, [[1], error])
    run = tidewire("stream", f"mongodb://{server.host}/db")
    run.refuse(3, f"^{code}$")
    assert ids(run) == [1] and len(server.sent("aggregate")) == 1


def test_load_balancer(scripted, tidewire):
    import bson
    behind = scripted(MONGOS | {"serviceId": bson.ObjectId()}, [[1]])
    run = tidewire("stream", f"mongodb://{behind.host}/db?loadBalanced=true", "--until", "1tx").succeed()
    assert ids(run) == [1]
    assert all(each["loadBalanced"] is True for each in behind.sent("hello"))
    alone = scripted(MONGOS)
    tidewire("stream", f"mongodb://{alone.host}/db?loadBalanced=true").refuse(3, "TW-MONGO-NOT-LOAD-BALANCED")
    assert len(alone.commands) == 1
    tidewire("stream", f"mongodb://{behind.host}/db?loadBalanced=true&replicaSet=rs").refuse(2, "TW-USAGE-CONNECTION-STRING")


def test_wire_versions(scripted, tidewire):
    # 8.2 says 27; whatever comes later still speaks what is old.
    later = scripted(MONGOS | {"maxWireVersion": 40}, [[1]])
    later.version = [10, 1, 0, 0]
    run = tidewire("stream", f"mongodb://{later.host}/db", "--until", "1tx").succeed()
    assert ids(run) == [1] and "MongoDB 10.1.0" in run.stderr
    assert later.sent("aggregate")[0]["pipeline"][-1] == {"$changeStreamSplitLargeEvent": {}}
    tidewire("stream", f"mongodb://{scripted(MONGOS | {'minWireVersion': 28, 'maxWireVersion': 40}).host}/db").refuse(3, "TW-MONGO-VERSION")
    tidewire("stream", f"mongodb://{scripted(MONGOS | {'maxWireVersion': 13}).host}/db").refuse(3, "TW-MONGO-VERSION")


def two_members(scripted, batches_a=(), batches_b=()):
    """In the order in which they are asked."""
    clock = Clock()
    a, b = sorted((scripted({}, clock=clock), scripted({}, clock=clock)), key=lambda each: (len(each.host), each.host))
    a.batches, b.batches = list(batches_a), list(batches_b)
    return a, b, [a.host, b.host]


def test_a_stream_leaves_a_member_that_is_no_longer_primary(scripted, tidewire):
    a, b, hosts = two_members(scripted)
    a.hello, b.hello = member(hosts, 1), member(hosts, primary=False)
    a.batches, b.batches = [[1]], [[2]]
    run = tidewire("stream", f"mongodb://{a.host}/db?replicaSet=rs&heartbeatFrequencyMS=500", "--await", "50ms")
    run.wait_ops("insert", 1)
    assert not b.sent("aggregate")
    # Its cursor lives on, and it says nothing by itself.
    b.hello = member(hosts, 2)
    a.hello = member(hosts, primary=False)
    run.wait_ops("insert", 2)
    run.wait_stderr("warning: TW-MONGO-NOT-PRIMARY")
    stop(run)
    assert ids(run) == [1, 2]
    assert b.sent("aggregate")[0]["pipeline"][0]["$changeStream"]["startAfter"]["_data"] >= a.tokens[1]
    # Only the first hello of a connection tells who we are.
    assert ["client" in each for each in a.sent("hello")][:2] == [True, False]


def test_a_stale_primary_is_left_alone(scripted, tidewire):
    a, b, hosts = two_members(scripted)
    # b is the newer one; a does not know it yet.
    a.hello, b.hello = member(hosts, 1), member(hosts, 2)
    b.batches = [[1], None, [2]]
    run = tidewire("stream", f"mongodb://{a.host},{b.host}/db?replicaSet=rs&heartbeatFrequencyMS=500", "--await", "50ms")
    # It begins with a, which is the first that calls itself primary; then that goes.
    run.wait_stderr(f"streaming db from {a.host}")
    a.batches = [None]
    a.hello = member(hosts, primary=False)
    run.wait_ops("insert", 1)
    # Back again with its old election, while b is away for a moment.
    a.hello = member(hosts, 1)
    run.wait_ops("insert", 2)
    stop(run)
    assert ids(run) == [1, 2]
    assert len(a.sent("aggregate")) == 1, "a deposed primary was read from"


def test_an_unreachable_member_and_a_silent_one(scripted, tidewire):
    import socket
    server = scripted({}, [[1], None, [2]])
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        hosts = [f"127.0.0.1:{silent.getsockname()[1]}", "127.0.0.1:1", server.host]
        server.hello = member(hosts)
        begin = time.monotonic()
        run = tidewire("stream", f"mongodb://{','.join(hosts)}/db?replicaSet=rs&connectTimeoutMS=3000", "--until", "2tx").succeed()
        passed = time.monotonic() - begin
        assert ids(run) == [1, 2]
        # It may have been waited for once; whoever was silent is asked last from then on.
        assert len(server.sent("hello")) == 2 and passed < 5, passed


def test_a_server_that_does_not_wait_is_not_asked_all_the_time(scripted, tidewire):
    """As compatible servers do."""
    server = scripted(MONGOS, [[] for _ in range(4)] + [[1]])
    server.waits = False
    run = tidewire("stream", f"mongodb://{server.host}/db")
    begin = time.monotonic()
    run.wait_ops("insert", 1)
    passed = time.monotonic() - begin
    asked = len(server.sent("getMore"))
    assert passed > 0.3 and asked <= 5 + 2 * passed / 0.1, (passed, asked)
    stop(run)


def test_status_of_a_server_that_looks_for_the_next_event(scripted, tidewire, tmp_path):
    server = scripted(MONGOS, [[1]])
    position = tmp_path / "position"
    tidewire("stream", f"mongodb://{server.host}/db", "--position", position, "--until", "1tx").succeed()
    server.batches = [None]
    run = tidewire("status", f"mongodb://{server.host}/db", "--position", position, "--json")
    run.refuse(1, "TW-NET-CLOSED")
    seen = json.loads(b"".join(run.lines))
    assert seen["refused"] is None and seen["lag_s"] > 0
    server.batches = [{"code": 286}]
    run = tidewire("status", f"mongodb://{server.host}/db", "--position", position, "--json")
    run.refuse(3, "TW-MONGO-HISTORY-LOST")
    assert json.loads(b"".join(run.lines))["refused"] == "TW-MONGO-HISTORY-LOST"


@pytest.mark.parametrize("workers", [1, 3])
def test_the_copy_of_a_sharded_cluster(scripted, tidewire, tmp_path, workers):
    """Errors without a label: a shard that elects."""
    mongos = scripted(MONGOS)
    mongos.collections = {name: list(range(1, 8)) for name in "abcd"}
    mongos.find_errors = [None, None, {"code": 133, "codeName": "FailedToSatisfyReadPreference"}, None, {"code": 189}, None, None,
                          {"code": 13388, "codeName": "StaleConfig"}]
    position = tmp_path / "out.position"
    run = tidewire("stream", f"mongodb://{mongos.host}/db", "--snapshot", "initial", "--to", f"file:{tmp_path}/out", "--workers", workers)
    run.wait_stderr("copied ")
    mongos.batches = [[9]]
    run.wait_until(lambda: '"op":"insert"' in (tmp_path / "out").read_text(), "the stream")
    stop(run)
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    reads = [(line["table"], line["key"]["_id"]) for line in lines if line["op"] == "read"]
    assert sorted(reads) == [(name, n) for name in "abcd" for n in range(1, 8)]
    assert [n for name, n in reads if name == "c"] == list(range(1, 8))
    # Two workers may meet an error in the same round.
    assert (run.stderr.count("warning: TW-MONGO-") == 3 if workers == 1 else "warning: TW-MONGO-" in run.stderr)
    assert "identity.cluster sharded\n" in position.read_text()
    assert all(each["readConcern"]["level"] == "snapshot" and each["collectionUUID"].subtype == 4 for each in mongos.sent("find"))
    marks = [line for line in lines if line["op"] == "snapshot"]
    assert marks[-1]["stage"] == "end" and marks[-1]["rows"] == 28 and marks[-1]["tables"] == 4
    newest = max(line["cluster_time"]["t"] for line in lines if line["op"] == "read")
    assert marks[-1]["consistent_from"] == {"t": newest, "i": 1}
    # The stream begins where the copy says, which is before all that was read.
    assert mongos.sent("aggregate")[-1]["pipeline"][0]["$changeStream"]["startAfter"]["_data"] == marks[0]["pos"]
