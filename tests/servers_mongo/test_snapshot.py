"""Copies of what collections hold, alone and before a stream, compared document by document with the source."""

import json
import random
import signal
import threading

import bson
import pytest
from bson import json_util
from conftest import VERSION
from oplog import forget, forgetful
from postgres import wait_for

CANONICAL = json_util.JSONOptions(json_mode=json_util.JSONMode.CANONICAL)


def canonical(document) -> str:
    return json.dumps(json.loads(json_util.dumps(document, json_options=CANONICAL)))


def lines_of(path) -> list:
    return [json.loads(line) for line in path.read_text().splitlines()]


def time_of(line) -> tuple:
    return line["cluster_time"]["t"], line["cluster_time"]["i"]


def replayed(lines) -> dict:
    """What the lines come to by the rule of docs/envelope.md: a change does not touch a document that was read as of its
    time or a later one."""
    tables: dict = {}  # name -> key -> (as of when it was read, the document)

    def rows(line, prefix=""):
        return tables.setdefault((line[prefix + "schema"], line[prefix + "table"]), {})
    for line in lines:
        op = line["op"]
        if op == "snapshot":
            if line["stage"] == "gone":
                rows(line).clear()
        elif op == "read":
            rows(line)[json.dumps(line["key"])] = (time_of(line), line["after"])
        elif op in ("insert", "replace", "update", "delete"):
            key = json.dumps(line["key"])
            read_at = rows(line).get(key, ((0, 0),))[0]
            if read_at >= time_of(line):
                continue
            if op == "delete":
                rows(line).pop(key, None)
            elif line["after"] is not None:
                rows(line)[key] = (read_at, line["after"])
        elif op in ("drop", "rename"):
            moved = {key: row for key, row in rows(line).items() if row[0] < time_of(line)}
            for key in moved:
                del rows(line)[key]
            if op == "rename":
                to = rows(line, "to_")
                for key in [key for key, row in to.items() if row[0] < time_of(line)]:
                    del to[key]
                for key, row in moved.items():
                    to.setdefault(key, row)
    return {name: {key: json.dumps(row[1]) for key, row in each.items()} for name, each in tables.items() if each}


def source(db) -> dict:
    return {(db.name, each["name"]): rows for each in db.list_collections()
            if each["type"] == "collection" and not each["name"].startswith("system.")
            if (rows := {canonical({"_id": document["_id"]}): canonical(document) for document in db[each["name"]].find()})}


def stop(running):
    running.process.send_signal(signal.SIGTERM)
    running.succeed()


MIXED = [bson.MinKey(), None, 1, 2.5, bson.Int64(1 << 60), bson.Decimal128("3.5"), float("-inf"), float("nan"), -7, "", "a", "a\0b", "é☃",
         {"a": 1}, {"a": {"b": [1, 2]}}, {}, bson.Binary(b""), bson.Binary(b"\x00\xff", 0x80), bson.Binary(bytes(16), 4),
         bson.ObjectId("000102030405060708090a0b"), bson.ObjectId(), True, False, bson.DatetimeMS(-1), bson.DatetimeMS(1 << 60),
         bson.Timestamp(4, 5), bson.Code("f"), bson.MaxKey()]


@pytest.mark.parametrize("chunk", [None, 1, 100], ids=str)
def test_mixed_ids(db, server, tidewire, chunk):
    db.c.insert_many([{"_id": each, "n": n} for n, each in enumerate(MIXED)])
    options = ["--chunk", chunk] if chunk else []
    run = tidewire("snapshot", f"mongodb://{server.host}/{db.name}", "--canonical", *options).succeed()
    assert [json.dumps(line["after"]) for line in run.ops("read")] == [canonical(each) for each in db.c.find().sort("_id", 1)]
    assert [line["stage"] for line in run.ops("snapshot")] == ["begin", "begin", "end", "end"]
    assert run.ops("snapshot")[-1]["rows"] == len(MIXED) and run.ops("snapshot")[-1]["consistent_from"]


@pytest.mark.parametrize("options", [
    {"collation": {"locale": "en", "strength": 2}}, {"clusteredIndex": {"key": {"_id": 1}, "unique": True}}], ids=str)
def test_ids_in_another_order(db, server, tidewire, options):
    """As a collation has them; and where there is no index but the collection itself."""
    c = db.create_collection("c", **options)
    c.insert_many([{"_id": each} for each in MIXED + ["A0", "b", "C", "d", "É", "é1", {"k": "B"}, {"k": "a"}] if each is not None])
    run = tidewire("snapshot", f"mongodb://{server.host}/{db.name}", "--canonical", "--chunk", 1).succeed()
    assert [json.dumps(line["after"]) for line in run.ops("read")] == [canonical(each) for each in c.find().sort("_id", 1)]


def test_random_ids_in_small_chunks(db, server, tidewire):
    """More than the first chunk of a thousand, and of every type."""
    import pymongo
    rng = random.Random(7)
    make = [lambda: rng.randrange(-10**6, 10**6), lambda: rng.uniform(-1e6, 1e6), lambda: bson.Int64(rng.randrange(1 << 62)),
            lambda: "".join(rng.choices("ab\0é", k=rng.randrange(9))), lambda: {"k": rng.random()}, bson.ObjectId,
            lambda: bson.Binary(rng.randbytes(rng.randrange(20)), rng.choice([0, 5, 0x80])),
            lambda: bson.DatetimeMS(rng.randrange(-1 << 50, 1 << 50)), lambda: bson.Decimal128(str(rng.randrange(10**9)) + ".25")]
    db.c.bulk_write([pymongo.UpdateOne({"_id": {"$eq": rng.choice(make)()}}, {"$set": {"n": n}}, upsert=True) for n in range(4000)])
    run = tidewire("snapshot", f"mongodb://{server.host}/{db.name}", "--canonical", "--chunk", 3000).succeed()
    assert [json.dumps(line["after"]) for line in run.ops("read")] == [canonical(each) for each in db.c.find().sort("_id", 1)]


def test_empty_ones_and_what_is_left_out_by_name(db, server, tidewire):
    db.create_collection("empty")
    db.create_collection("capped", capped=True, size=100_000)
    db.capped.insert_many([{"_id": n} for n in range(10)])
    db.create_collection("view", viewOn="capped", pipeline=[])
    db.create_collection("series", timeseries={"timeField": "t"})
    db.create_collection("with space.and dot")["x"].insert_one({"_id": 1})
    run = tidewire("snapshot", f"mongodb://{server.host}/{db.name}").succeed()
    for name in ("view (a view)", "series (a time series)"):
        assert f"warning: {db.name}.{name} is left out of the copy" in run.stderr
    ends = {line.get("table"): line["rows"] for line in run.ops("snapshot") if line["stage"] == "end"}
    assert ends == {"empty": 0, "capped": 10, "with space.and dot": 0, "with space.and dot.x": 1, None: 11}
    assert not [line for line in run.ops("read") if line["table"] in ("view", "series")]


def test_chosen_collections_and_unknown_ones(db, server, tidewire):
    db.a.insert_one({"_id": 1})
    db.b.insert_one({"_id": 2})
    url = f"mongodb://{server.host}/{db.name}"
    run = tidewire("snapshot", url, "--table", f"{db.name}.b").succeed()
    assert [(line["table"], line["key"]) for line in run.ops("read")] == [("b", {"_id": 2})]
    only = tidewire("stream", url, "--snapshot", "only").succeed()
    assert sorted((line["table"], line["key"]["_id"]) for line in only.ops("read")) == [("a", 1), ("b", 2)]
    tidewire("stream", url, "--snapshot", "initial", "--start-at", "@1.1").refuse(2, "TW-USAGE-OPTION")
    tidewire("snapshot", url, "--table", f"{db.name}.c").refuse(2, "TW-USAGE-OPTION")


def test_all_databases(db, server, tidewire):
    db.c.insert_one({"_id": 1})
    other = db.client[db.name + "_2"]
    other.c.insert_one({"_id": 2})
    run = tidewire("snapshot", f"mongodb://{server.host}/").succeed()
    assert {(db.name, 1), (other.name, 2)} <= {(line["schema"], line["key"]["_id"]) for line in run.ops("read")
                                               if line["schema"].startswith(db.name)}
    assert not {"admin", "config", "local"} & {line["schema"] for line in run.ops("read")}
    db.client.drop_database(other.name)


def test_large_documents_and_ids(db, server, tidewire, tmp_path):
    # One fills a message: two are over 16 MB. Larger ones are more than the server's small cache always takes.
    for n in range(4):
        db.c.insert_one({"_id": n, "text": chr(97 + n) * 9_000_000})
    db.d.insert_many([{"_id": chr(97 + n) * 100_000, "n": n} for n in range(20)])
    running = tidewire("snapshot", f"mongodb://{server.host}/{db.name}", "--to", f"file:{tmp_path}/out", "--chunk", 1)
    running.succeed(60)
    lines = [line for line in lines_of(tmp_path / "out") if line["op"] == "read"]
    assert [len(line["after"]["text"]) for line in lines if line["table"] == "c"] == [9_000_000] * 4
    assert [line["after"]["n"] for line in lines if line["table"] == "d"] == list(range(20))
    assert (tmp_path / "out.position").stat().st_size < 10_000


class Writers:
    """Inserts, updates, replaces and deletes at random until the end of the block. `lossy`: a write that an election cuts off may
    be there or not."""

    def __init__(self, db, names, ids=400, threads=2, lossy=False):
        self.stop = threading.Event()
        self.lossy = lossy
        self.db, self.names, self.ids, self.count = db, names, ids, 0
        self.threads = [threading.Thread(target=self.write, args=(n,)) for n in range(threads)]

    def write(self, seed):
        from pymongo.errors import AutoReconnect, WriteConcernError
        rng = random.Random(seed)
        while not self.stop.is_set():
            try:
                self.write_one(rng)
            except (AutoReconnect, WriteConcernError):
                if not self.lossy:
                    raise
            self.count += 1

    def write_one(self, rng):
        c = self.db[rng.choice(self.names)]
        which = {"_id": rng.choice([rng.randrange(self.ids), f"s{rng.randrange(self.ids)}"])}
        choice = rng.random()
        if choice < 0.2:
            c.delete_one(which)
        elif choice < 0.4:
            c.replace_one(which, {"r": rng.random(), "list": [rng.random() for _ in range(5)]}, upsert=True)
        elif choice < 0.6:
            c.update_one(which, [{"$set": {"list": {"$slice": [{"$ifNull": ["$list", []]}, 2]}}}])
        else:
            c.update_one(which, {"$set": {"u": rng.random()}, "$push": {"list": rng.random()}}, upsert=True)

    def __enter__(self):
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for each in self.threads:
            each.join()


def filled(db, names, count=3000):
    db.create_collection("the end")  # for caught_up: what is new is held back until its images are on
    for name in names:
        db[name].insert_many([{"_id": each, "pad": "x" * 100} for n in range(count) for each in (n, f"s{n}")])


def caught_up(db, to):
    """The stream has passed everything that was written until now."""
    db["the end"].insert_one({"_id": "end"})
    wait_for(lambda: f'"op":"insert","schema":"{db.name}","table":"the end"' in to.read_text()[-100_000:], 60, "the last write")


@pytest.mark.parametrize("images, workers", [("auto_configure", 1), ("auto_configure", 4), ("off", 4)])
def test_under_writes_then_the_stream(db, server, tidewire, tmp_path, images, workers):
    names = ["a", "b", "c"]
    filled(db, names)
    to = tmp_path / "out"
    with Writers(db, names) as writers:
        running = tidewire("stream", f"mongodb://{server.host}/{db.name}", "--snapshot", "initial", "--canonical", "--to",
                           f"file:{to}", "--post-images", images, "--chunk", "10000", "--workers", workers)
        running.wait_stderr("copied ", 60)
        copied = writers.count
        wait_for(lambda: writers.count > copied + 300, 30, "more writes")
    caught_up(db, to)
    stop(running)
    lines = lines_of(to)
    assert replayed(lines) == source(db)
    ops = [line["op"] for line in lines]
    assert ops.count("read") >= 6000 and ops.index("insert") > ops.index("read")
    # From where the copy says, the state is that of the source; the stream begins before that.
    end = next(line for line in lines if line["op"] == "snapshot" and line["stage"] == "end" and "table" not in line)
    assert max(time_of(line) for line in lines if line["op"] == "read") == tuple(end["consistent_from"].values())


@pytest.mark.parametrize("workers", [1, 4])
def test_killed_again_and_again_it_goes_on(db, server, tidewire, tmp_path, workers):
    names = ["a", "b", "c", "d", "e"]
    filled(db, names)
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{server.host}/{db.name}", "--snapshot", "initial", "--canonical", "--to", f"file:{to}",
                 "--post-images", "auto_configure", "--chunk", "3000", "--sync-interval", "5ms", "--workers", workers]
    position = to.with_name("out.position")
    with Writers(db, names):
        for kill in range(6):
            running = tidewire(*arguments)
            before = position.read_text() if position.exists() else ""
            running.wait_until(lambda: position.exists() and position.read_text() != before and
                               "copy collection" in position.read_text(), "progress")
            running.process.kill()
            running.process.wait()
            assert "copy times" in position.read_text(), "the copy was complete too early for this test"
        # Without --snapshot initial it is refused, and a copy that stands alone is another one.
        tidewire("stream", f"mongodb://{server.host}/{db.name}", "--to", f"file:{to}", "--post-images",
                 "auto_configure").refuse(3, "TW-POSITION-COPY")
        tidewire("snapshot", f"mongodb://{server.host}/{db.name}", "--to", f"file:{to}").refuse(3, "TW-POSITION-FOREIGN")
        running = tidewire(*arguments)
        running.wait_stderr("copied ", 60)
    caught_up(db, to)
    stop(running)
    lines = lines_of(to)
    assert replayed(lines) == source(db)
    # What was read is not read again.
    reads = [json.dumps([line["table"], line["key"]]) for line in lines if line["op"] == "read"]
    assert len(reads) == len(set(reads))
    assert [line["stage"] for line in lines if line["op"] == "snapshot"].count("resume") >= 6
    # And afterwards it is a stream like any other.
    db.a.insert_one({"_id": "later"})
    tidewire(*arguments, "--until", "now").succeed()
    assert replayed(lines_of(to)) == source(db)


def test_snapshot_alone_stopped_and_killed(db, server, tidewire, tmp_path):
    filled(db, ["a", "b"])
    to = tmp_path / "out"
    arguments = ["snapshot", f"mongodb://{server.host}/{db.name}?appName=slow", "--to", f"file:{to}", "--chunk", "2000"]
    slow_finds(db, 50)
    position = to.with_name("out.position")
    for how in (signal.SIGTERM, signal.SIGKILL):
        running = tidewire(*arguments)
        before = position.read_text() if position.exists() else ""
        running.wait_until(lambda: position.exists() and position.read_text() != before and
                           "copy collection" in position.read_text(), "progress")
        running.process.send_signal(how)
        if how == signal.SIGTERM:
            running.refuse(1, "TW-SNAPSHOT-STOPPED")
        else:
            running.process.wait()
    slow_finds(db, 0)
    tidewire(*arguments).succeed()
    again = tidewire(*arguments).succeed()
    assert "complete already" in again.stderr
    lines = lines_of(to)
    reads = [(line["table"], str(line["key"]["_id"])) for line in lines if line["op"] == "read"]
    assert len(reads) == len(set(reads)) == 12_000
    assert lines[-1]["stage"] == "end" and lines[-1]["rows"] == 12_000


def test_several_workers_read_several_collections_at_once(db, server, tidewire, tmp_path):
    names = ["a", "b", "c", "d", "e", "f"]
    filled(db, names, 400)
    to = tmp_path / "out"
    arguments = ["snapshot", f"mongodb://{server.host}/{db.name}?appName=slow", "--to", f"file:{to}", "--chunk", "2000", "--workers", 4]
    position = to.with_name("out.position")
    slow_finds(db, 30)
    try:
        running = tidewire(*arguments)
        running.wait_until(lambda: position.exists() and position.read_text().count(" open ") == 4, "four to be begun")
        # Each of them has a connection of its own, and there are no more.
        clients = {each["client"] for each in db.client.admin.aggregate([{"$currentOp": {"allUsers": True, "idleConnections": True}}])
                   if each.get("appName") == "slow"}
        assert len(clients) == 4
        running.process.kill()
        running.process.wait()
        # Fewer or more may go on with them.
        running = tidewire(*arguments[:-1], 2)
        running.wait_until(lambda: position.read_text().count(" done ") >= 4, "four to be complete")
        running.process.send_signal(signal.SIGTERM)
        running.refuse(1, "TW-SNAPSHOT-STOPPED")
    finally:
        slow_finds(db, 0)
    tidewire(*arguments).succeed()
    lines = lines_of(to)
    reads = [(line["table"], str(line["key"]["_id"])) for line in lines if line["op"] == "read"]
    assert len(reads) == len(set(reads)) == 4800
    marks = [(line["stage"], line.get("table")) for line in lines if line["op"] == "snapshot"]
    for name in names:
        assert marks.count(("begin", name)) == marks.count(("end", name)) == 1
        first = next(i for i, line in enumerate(lines) if line.get("table") == name)
        assert lines[first]["stage"] == "begin"


def slow_finds(db, ms):
    """Those of a client with ?appName=slow."""
    db.client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn" if ms else "off", data={
        "failCommands": ["find"], "blockConnection": True, "blockTimeMS": ms or 1, "appName": "slow"})


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("what", ["dropped", "dropped and made again", "renamed", "renamed onto another"])
def test_changed_in_the_middle(db, server, tidewire, tmp_path, what, workers):
    filled(db, ["a", "b", "c"], 500)
    to = tmp_path / "out"
    slow_finds(db, 50)
    try:
        running = tidewire("stream", f"mongodb://{server.host}/{db.name}?appName=slow", "--snapshot", "initial", "--canonical", "--to",
                           f"file:{to}", "--chunk", "2000", "--sync-interval", "5ms", "--workers", workers)
        running.wait_until(lambda: to.exists() and '"op":"read"' in to.read_text() and '"table":"b"' in to.read_text(),
                           "b to be read")
        if what.startswith("dropped"):
            db.b.drop()
        if what == "dropped and made again":
            db.b.insert_many([{"_id": n, "new": True} for n in range(50)])
        if what == "renamed":
            db.b.rename("d")
        if what == "renamed onto another":
            db.b.rename("a", dropTarget=True)
    finally:
        slow_finds(db, 0)
    running.wait_stderr("copied ", 60)
    caught_up(db, to)
    stop(running)
    lines = lines_of(to)
    gone = [line["table"] for line in lines if line["op"] == "snapshot" and line["stage"] == "gone"]
    # Of two that are read at the same time either may be told of first.
    assert "b" in gone and set(gone) <= ({"a", "b"} if what == "renamed onto another" else {"b"})
    assert replayed(lines) == source(db)


def test_connection_cut_in_the_middle(db, server, tidewire, tmp_path):
    filled(db, ["a", "b"])
    to = tmp_path / "out"
    db.client.admin.command("configureFailPoint", "failCommand", mode={"skip": 3, "times": 3}, data={
        "failCommands": ["find"], "closeConnection": True})
    try:
        run = tidewire("snapshot", f"mongodb://{server.host}/{db.name}", "--to", f"file:{to}", "--chunk", "5000", "--workers", 3).succeed()
    finally:
        slow_finds(db, 0)
    assert "warning: " in run.stderr
    reads = [(line["table"], str(line["key"]["_id"])) for line in lines_of(to) if line["op"] == "read"]
    assert len(reads) == len(set(reads)) == 12_000


def test_step_down_in_the_middle(new_server, tidewire, tmp_path):
    import pymongo
    members = [new_server() for _ in range(3)]
    members[0].initiate(*members[1:])
    seeds = ",".join(each.host for each in members)
    to = tmp_path / "out"
    with pymongo.MongoClient(f"mongodb://{seeds}/?replicaSet=rs0", w="majority") as client:
        filled(client.db, ["a", "b"], 1000)
        for each in members:
            with each.client() as direct:
                slow_finds(direct.db, 30)
        with Writers(client.db, ["a", "b"]):
            running = tidewire("stream", f"mongodb://{seeds}/db?replicaSet=rs0&appName=slow", "--snapshot", "initial", "--canonical",
                               "--post-images", "auto_configure", "--to", f"file:{to}", "--chunk", "10000", "--workers", 4)
            running.wait_until(lambda: to.exists() and '"table":"b"' in to.read_text(), "b to be read")
            client.admin.command("replSetStepDown", 5, secondaryCatchUpPeriodSecs=5)
            running.wait_stderr("warning: ")
            for each in members:
                with each.client() as direct:
                    slow_finds(direct.db, 0)
            running.wait_stderr("copied ", 60)
        caught_up(client.db, to)
        stop(running)
        lines = lines_of(to)
        assert "resume" in [line["stage"] for line in lines if line["op"] == "snapshot"]
        assert replayed(lines) == source(client.db)


def reads_from(member) -> bool:
    with member.client() as direct:
        return any(each.get("appName") == "slow" and "find" in each.get("command", {})
                   for each in direct.admin.aggregate([{"$currentOp": {"allUsers": True}}]))


@pytest.mark.parametrize("read_from, victim", [("primary", "primary"), ("primary", "secondary"), ("secondary", "primary"),
                                               ("secondary", "the one that is read from")])
def test_member_killed_in_the_middle(new_server, tidewire, tmp_path, read_from, victim):
    import pymongo
    members = [new_server() for _ in range(3)]
    members[0].initiate(*members[1:])
    wait_for(lambda: all(each.is_readable() for each in members), 30, "three members")
    seeds = ",".join(each.host for each in members)
    to = tmp_path / "out"
    with pymongo.MongoClient(f"mongodb://{seeds}/?replicaSet=rs0", w="majority") as client:
        # All three have it: a copy is of what its member has.
        filled(client.get_database("db", write_concern=pymongo.WriteConcern(3)), ["a", "b"], 1000)
        for each in members:
            with each.client() as direct:
                slow_finds(direct.db, 100)
        with Writers(client.db, ["a", "b"], lossy=True) as writers:
            running = tidewire("stream", f"mongodb://{seeds}/db?replicaSet=rs0&appName=slow&readPreference={read_from}", "--snapshot",
                               "initial", "--canonical", "--post-images", "auto_configure" if read_from == "primary" else "off", "--to",
                               f"file:{to}", "--chunk", "10000", "--workers", 4)
            running.wait_until(lambda: to.exists() and '"table":"a"' in to.read_text() and '"table":"b"' in to.read_text(), "both to be read")
            if victim == "the one that is read from":
                killed = running.wait_until(lambda: next((each for each in members if reads_from(each)), None), "a find")
                assert not killed.is_primary()
            else:
                killed = next(each for each in members if each.is_primary() == (victim == "primary"))
            killed.kill9()
            assert "copied " not in running.stderr
            count = writers.count
            wait_for(lambda: writers.count > count + 100, 60, "writes to the others")
            for each in members:
                if each is not killed:
                    with each.client() as direct:
                        slow_finds(direct.db, 0)
            running.wait_stderr("copied ", 60)
        caught_up(client.db, to)
        stop(running)
        lines = lines_of(to)
        if victim in (read_from, "the one that is read from"):
            assert "warning: " in running.stderr and "resume" in [line["stage"] for line in lines if line["op"] == "snapshot"]
        reads = [json.dumps([line["table"], line["key"]]) for line in lines if line["op"] == "read"]
        assert len(reads) == len(set(reads))
        assert replayed(lines) == source(client.db)


def test_going_on_at_a_member_that_lags_behind_the_beginning(new_server, tidewire, tmp_path):
    """It does not know yet what there was when the copy began, and the stream does not tell of it either."""
    import pymongo
    members = [new_server() for _ in range(3)]
    members[0].initiate(*members[1:], tags=tuple({"n": str(n)} for n in range(3)))
    wait_for(lambda: all(each.is_readable() for each in members), 30, "three members")
    first, late = (n for n, each in enumerate(members) if not each.is_primary())
    seeds = ",".join(each.host for each in members)
    to = tmp_path / "out"
    with members[late].client() as direct, pymongo.MongoClient(f"mongodb://{seeds}/?replicaSet=rs0", w="majority") as client:
        direct.admin.command("configureFailPoint", "rsSyncApplyStop", mode="alwaysOn")
        filled(client.db, ["a", "b"], 1000)
        with members[first].client() as reader:
            slow_finds(reader.db, 100)
        running = tidewire("stream", f"mongodb://{seeds}/db?replicaSet=rs0&appName=slow&readPreference=secondary&readPreferenceTags=n:{first}"
                           f"&readPreferenceTags=n:{late}", "--snapshot", "initial", "--canonical", "--post-images", "off", "--to",
                           f"file:{to}", "--chunk", "10000")
        running.wait_until(lambda: to.exists() and '"table":"a"' in to.read_text() and '"table":"b"' in to.read_text(), "both to be read")
        members[first].kill9()
        running.wait_stderr(f"TW-MONGO-UNAVAILABLE: 127.0.0.1:{members[late].port} lags behind")
        assert "copied " not in running.stderr
        direct.admin.command("configureFailPoint", "rsSyncApplyStop", mode="off")
        running.wait_stderr("copied 4000 documents of 3 collections", 60)
        caught_up(client.db, to)
        stop(running)
        lines = lines_of(to)
        assert "gone" not in [line["stage"] for line in lines if line["op"] == "snapshot"]
        assert replayed(lines) == source(client.db)


def test_position_lost_during_the_copy_is_told(new_server, tidewire, tmp_path):
    server = forgetful(new_server)
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{server.host}/db?appName=slow", "--snapshot", "initial", "--to", f"file:{to}"]
    with server.client() as client:
        filled(client.db, ["a", "b"], 1000)
        slow_finds(client.db, 1000)
        running = tidewire(*arguments, "--chunk", "1000", "--sync-interval", "5ms")
        running.wait_stderr("copying ")
        forget(client)
        slow_finds(client.db, 0)
        running.refuse(3, "TW-MONGO-HISTORY-LOST|TW-MONGO-TOKEN", 60)
        assert "end" not in [line["stage"] for line in lines_of(to) if line["op"] == "snapshot" and "table" not in line]
        # And before going on.
        tidewire(*arguments).refuse(3, "TW-MONGO-HISTORY-LOST|TW-MONGO-TOKEN")


def test_progress_on_a_terminal(db, server, tmp_path):
    import os
    import pty
    import subprocess
    from harness import BINARY
    filled(db, ["a"], 2000)
    slow_finds(db, 700)
    ours, theirs = pty.openpty()
    running = subprocess.Popen([BINARY, "snapshot", f"mongodb://{server.host}/{db.name}?appName=slow", "--to", f"file:{tmp_path}/out",
                                "--chunk", "100000"], stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while b" left" not in shown:
            shown += os.read(ours, 10_000)
    finally:
        slow_finds(db, 0)
        running.kill()
        running.wait()
        os.close(ours)
    import re
    assert re.search(rb"copy  [01]/2 collections  \d+ documents  [\d.]+ kB  \d+ documents/s  [\d.]+ k?B/s  \d+ %  ", shown), shown


@pytest.mark.skipif(VERSION == "6.0.5", reason="once is enough")
def test_memory_is_bounded(db, server, tidewire, tmp_path):
    db.c.insert_many([{"_id": n, "text": "x" * 1_000_000} for n in range(200)])
    running = tidewire("stream", f"mongodb://{server.host}/{db.name}", "--snapshot", "initial", "--to", f"file:{tmp_path}/out")
    running.wait_stderr("copied ", 120)
    assert running.peak_rss() < 150_000_000
    stop(running)
