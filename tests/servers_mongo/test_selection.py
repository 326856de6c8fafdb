"""Which member of a set is read from: by tags and by how far it lags behind, and what becomes of it when that member is killed."""

import signal

import pymongo
import pytest
from conftest import VERSION
from postgres import wait_for

PLACES = ("east", "west", "north")


@pytest.fixture(scope="module")
def placed(scratch):
    """Three members in three places, two of which have fast disks."""
    import mongod
    members = {each: mongod.Mongod(scratch / each, VERSION).start() for each in PLACES}
    first, *others = members.values()
    first.initiate(*others, tags=tuple({"dc": each, "disk": "slow" if each == "north" else "fast"} for each in PLACES))
    wait_for(lambda: all(each.is_readable() for each in members.values()), 30, "three members")
    yield members
    for each in members.values():
        each.kill9()


def places_of(members) -> tuple[str, list[str]]:
    """Of the primary, and of the secondaries."""
    primary = wait_for(lambda: next((place for place, each in members.items() if each.is_primary()), None), 30, "a primary")
    return primary, [each for each in members if each != primary]


def url(members, *tags, mode="secondary", **more) -> str:
    options = {"replicaSet": "rs0", "readPreference": mode, "appName": "chosen"} | more
    given = [f"{name}={value}" for name, value in options.items()] + [f"readPreferenceTags={each}" for each in tags]
    return f"mongodb://{','.join(each.host for each in members.values())}/db?" + "&".join(given)


def cursors_at(member, name: str = "chosen") -> list:
    """Of the streams of that appName, by what the member itself says."""
    with member.client() as direct:
        return [each for each in direct.admin.aggregate([{"$currentOp": {"allUsers": True, "idleCursors": True}}])
                if each.get("appName") == name and "cursor" in each]


def wait_place(run, members, skip: int = 0) -> str:
    """Where it says that it reads from, the `skip`+1st time."""
    import re
    said = run.wait_until(lambda: re.findall(r"streaming db from 127.0.0.1:(\d+)", run.stderr)[skip:], "where it reads from")
    return next(place for place, each in members.items() if each.port == int(said[0]))


def stop(run):
    run.process.send_signal(signal.SIGTERM)
    run.succeed()


def test_tags_choose_the_member(placed, tidewire):
    primary, secondaries = places_of(placed)
    one, other = secondaries
    for name, (tags, mode, wanted) in enumerate([
            ([f"dc:{one}"], "secondary", one), ([f"dc:{other}"], "secondary", other), ([f"dc:{other}"], "secondaryPreferred", other),
            ([f"dc:{primary}"], "nearest", primary), ([f"dc:{one}"], "nearest", one),
            # The first set that anybody has; two tags are both wanted.
            (["dc:nowhere", f"dc:{other}"], "secondary", other), ([f"dc:{other}", f"dc:{one}"], "secondary", other),
            ([f"dc:{one},disk:" + ("slow" if one == "north" else "fast")], "secondary", one),
            # Of the mode that only prefers secondaries the primary is what is left, whatever its tags.
            ([f"dc:{primary}"], "secondaryPreferred", primary)]):
        run = tidewire("stream", url(placed, *tags, mode=mode, appName=f"chosen{name}"), "--await", "100ms")
        assert wait_place(run, placed) == wanted, (tags, mode)
        with placed[primary].client() as client:
            client.db.c.insert_one({"tags": tags})
        # It begins as of a time that its member knows: what was written just before may come too.
        run.wait_until(lambda: run.ops("insert") and run.ops("insert")[-1]["after"]["tags"] == tags, "the document")
        assert wait_for(lambda: [place for place, each in placed.items() if cursors_at(each, f"chosen{name}")], 10, "its cursor") == [wanted]
        stop(run)
    # Without any that matches: an empty set takes what there is.
    run = tidewire("stream", url(placed, "dc:nowhere", ""), "--await", "100ms")
    assert wait_place(run, placed) in secondaries
    stop(run)


def test_tags_that_nobody_has(placed, tidewire):
    primary, (one, _) = places_of(placed)
    wrong_disk = "fast" if one == "north" else "slow"
    for tags in ["dc:nowhere"], [f"dc:{one},disk:{wrong_disk}"], [f"dc:{primary}"]:
        run = tidewire("stream", url(placed, *tags, serverSelectionTimeoutMS=1000))
        run.refuse(1, "^TW-MONGO-NO-HOST$")
    tidewire("stream", url(placed, f"dc:{one}", mode="primary")).refuse(2, "TW-USAGE-CONNECTION-STRING")


def test_the_next_tags_when_the_member_is_killed(new_server, tidewire):
    members = {each: new_server() for each in PLACES}
    first, *others = members.values()
    first.initiate(*others, tags=tuple({"dc": each} for each in PLACES))
    wait_for(lambda: all(each.is_readable() for each in members.values()), 30, "three members")
    primary, (one, other) = places_of(members)
    run = tidewire("stream", url(members, f"dc:{one}", f"dc:{other}"), "--await", "100ms")
    assert wait_place(run, members) == one
    written = 0

    def write(count):
        nonlocal written
        with pymongo.MongoClient(members[primary].host, replicaSet="rs0", w="majority") as client:
            for written in range(written + 1, written + count + 1):
                client.db.c.insert_one({"_id": written})
    write(50)
    run.wait_ops("insert", 50)
    members[one].kill9()
    write(50)
    assert wait_place(run, members, skip=1) == other
    run.wait_ops("insert", 100)
    # It stays there, though the member that would be wanted first is there again.
    members[one].start()
    wait_for(lambda: members[one].is_readable(), 30, "the member to be back")
    write(50)
    run.wait_ops("insert", 150)
    assert [place for place, each in members.items() if cursors_at(each)] == [other]
    # And it goes back when it has to.
    members[other].kill9()
    write(50)
    assert wait_place(run, members, skip=2) == one
    run.wait_ops("insert", 200)
    stop(run)
    assert [line["key"]["_id"] for line in run.ops("insert")] == list(range(1, 201))


@pytest.mark.skipif(VERSION == "6.0.5", reason="a staleness below 90 seconds is refused: this takes that long")
def test_member_that_lags_behind(new_server, tidewire):
    members = {each: new_server() for each in PLACES}
    first, *others = members.values()
    first.initiate(*others, tags=tuple({"dc": each} for each in PLACES))
    wait_for(lambda: all(each.is_readable() for each in members.values()), 30, "three members")
    primary, (late, current) = places_of(members)
    with members[late].client() as direct:
        direct.admin.command("configureFailPoint", "rsSyncApplyStop", mode="alwaysOn")

    def lag() -> float:
        def written(member):
            with member.client() as direct:
                return direct.admin.command("hello")["lastWrite"]["lastWriteDate"]
        return (written(members[primary]) - written(members[late])).total_seconds()
    # heartbeatFrequencyMS, 10 seconds, counts as lag.
    wait_for(lambda: lag() > 81, 150, "the member to lag behind")
    by_age = tidewire("stream", url(members, f"dc:{late}", f"dc:{current}", maxStalenessSeconds=90), "--await", "100ms")
    assert wait_place(by_age, members) == current
    stop(by_age)
    tidewire("stream", url(members, f"dc:{late}", maxStalenessSeconds=90, serverSelectionTimeoutMS=1000)).refuse(1, "^TW-MONGO-NO-HOST$")
    # One that does not ask gets it; and one that asks for less.
    for more in {}, {"maxStalenessSeconds": 3600}:
        run = tidewire("stream", url(members, f"dc:{late}", **more), "--await", "100ms")
        assert wait_place(run, members) == late
        run.process.kill()
        run.process.wait()
