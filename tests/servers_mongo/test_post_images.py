"""Where whole documents of updates come from: looked up, or stored by the server, turned on here or not."""

import signal
import threading
from urllib.parse import quote

import pytest
from conftest import SERVER, VERSION
from postgres import wait_for


def images_on(db) -> dict:
    return {each["name"]: each["options"].get("changeStreamPreAndPostImages", {}).get("enabled", False)
            for each in db.list_collections() if each["type"] == "collection" and not each["name"].startswith("system.")}


def stop(running):
    running.process.send_signal(signal.SIGTERM)
    running.succeed()


def test_off_looks_up_and_marks_what_is_gone(db, stream):
    db.c.insert_many([{"_id": 1}, {"_id": 2}])
    running = stream("--post-images", "off", "--await", "200ms")
    db.c.update_one({"_id": 2}, {"$set": {"n": 2}})
    with db.client.start_session() as session, session.start_transaction():
        db.c.update_one({"_id": 1}, {"$set": {"n": 1}}, session=session)
        db.c.delete_one({"_id": 1}, session=session)
    running.wait_ops("delete", 1)
    there, gone = running.ops("update")
    assert there["after"] == {"_id": 2, "n": 2} and "after_missing" not in there
    assert gone["after"] is None and gone["after_missing"] is True
    assert len(running.ops("delete")) == 1
    assert not any(images_on(db).values())


def test_read_only_lists_every_collection_that_lacks_them(db, server, tidewire):
    db.create_collection("with", changeStreamPreAndPostImages={"enabled": True})
    for name in ("one", "two"):
        db.create_collection(name)
    db.create_collection("view", viewOn="one", pipeline=[])
    db.create_collection("series", timeseries={"timeField": "t"})
    for command in (["stream"], ["snapshot"]):
        refused = tidewire(*command, f"mongodb://{server.host}/{db.name}", "--post-images", "read_only")
        refused.refuse(3, "TW-MONGO-IMAGES-OFF")
        assert f"{db.name}.one, {db.name}.two\n" in refused.stderr
        assert "collMod" in refused.hint
    assert images_on(db) == {"with": True, "one": False, "two": False}


def test_read_only_has_each_state(db, stream):
    db.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
    running = stream("--post-images", "read_only")
    db.c.insert_one({"_id": 1, "n": 0})
    for n in range(1, 4):
        db.c.update_one({"_id": 1}, {"$set": {"n": n}})
    db.c.delete_one({"_id": 1})
    running.wait_ops("delete", 1)
    assert [line["after"]["n"] for line in running.ops("update")] == [1, 2, 3]


def test_read_only_goes_on_with_a_new_collection_that_is_not_updated(db, server, stream):
    db.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
    running = stream("--post-images", "read_only", "--await", "100ms")
    db.new.insert_one({"_id": 1})
    running.wait_ops("insert", 1)
    db.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1},
                            data={"failCommands": ["getMore"], "closeConnection": True})
    running.wait_stderr("warning: ")
    db.new.insert_one({"_id": 2})
    running.wait_ops("insert", 2)
    db.new.update_one({"_id": 2}, {"$set": {"n": 1}})
    running.refuse(3, "TW-MONGO-IMAGE-MISSING")


def test_missing_image_names_its_document_and_the_way_on(db, stream, server, tidewire):
    db.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
    running = stream("--post-images", "read_only")
    db.c.insert_one({"_id": {"k": "seven"}})
    db.command("collMod", "c", changeStreamPreAndPostImages={"enabled": False})
    db.c.update_one({"_id": {"k": "seven"}}, {"$set": {"n": 1}})
    db.command("collMod", "c", changeStreamPreAndPostImages={"enabled": True})
    running.refuse(3, "TW-MONGO-IMAGE-MISSING")
    assert '{"_id":{"k":"seven"}} in ' + f"{db.name}.c" in running.stderr
    # What came before it is there; and where it says, the stream goes on.
    assert len(running.ops("insert")) == 1 and not running.ops("update")
    token = running.hint.split("--start-at ")[1].split()[0]
    db.c.update_one({"_id": {"k": "seven"}}, {"$set": {"n": 2}})
    onward = tidewire("stream", f"mongodb://{server.host}/{db.name}", "--post-images", "read_only", "--start-at", token)
    assert onward.wait_ops("update", 1)[0]["after"]["n"] == 2


def test_expired_image_is_refused_by_name(new_server, tidewire, tmp_path):
    from pymongo.read_concern import ReadConcern
    server = new_server(options=("--setParameter", "expiredChangeStreamPreImageRemovalJobSleepSecs=1")).initiate()
    arguments = ["stream", f"mongodb://{server.host}/shop", "--post-images", "read_only", "--position", tmp_path / "p"]
    with server.client() as client:
        db = client.shop
        db.create_collection("c", changeStreamPreAndPostImages={"enabled": True})
        tidewire(*arguments, "--until", "now").succeed()
        db.c.insert_one({"_id": 1})
        db.c.update_one({"_id": 1}, {"$set": {"n": 1}})
        client.admin.command("setClusterParameter", {"changeStreamOptions": {"preAndPostImages": {"expireAfterSeconds": 1}}})
        # As the change stream sees it.
        images = client.config.get_collection("system.preimages", read_concern=ReadConcern("majority"))
        wait_for(lambda: not images.find_one(), 60, "the image to expire")
        refused = tidewire(*arguments)
        refused.refuse(3, "TW-MONGO-IMAGE-MISSING")
        assert '{"_id":1} in shop.c' in refused.stderr and "expireAfterSeconds" in refused.hint


def test_auto_configure_turns_them_on_also_for_new_and_renamed_ones(db, stream):
    db.create_collection("old")
    db.create_collection("view", viewOn="old", pipeline=[])
    db.create_collection("series", timeseries={"timeField": "t"})
    running = stream("--post-images", "auto_configure", "--await", "200ms")
    assert images_on(db) == {"old": True}
    db.old.insert_one({"_id": 1})
    db.old.update_one({"_id": 1}, {"$set": {"n": 1}})
    db.new.insert_one({"_id": 1})
    wait_for(lambda: images_on(db).get("new"), 10, "the new collection's images")
    db.new.rename("renamed")
    db.create_collection("quick")
    db.quick.rename("quicker")
    wait_for(lambda: images_on(db).get("quicker"), 10, "the renamed collection's images")
    for n in (1, 2):
        db.renamed.update_one({"_id": 1}, {"$set": {"n": n}}, upsert=True)
        db.quicker.update_one({"_id": 1}, {"$set": {"n": n}}, upsert=True)
    db.command("collMod", "renamed", changeStreamPreAndPostImages={"enabled": False})
    wait_for(lambda: images_on(db).get("renamed"), 10, "them to be turned on again")
    db.renamed.update_one({"_id": 1}, {"$set": {"n": 3}})
    lines = running.wait_ops("update", 5)
    assert [(line["table"], line["after"]["n"]) for line in lines] == [
        ("old", 1), ("renamed", 1), ("renamed", 2), ("quicker", 2), ("renamed", 3)]
    stop(running)


def test_updates_before_a_new_collections_images_are_marked_and_so_they_are_again(db, server, tidewire, tmp_path):
    """No position is kept between a collection's beginning and its images: who goes on comes to the same lines."""
    to = tmp_path / "out"
    arguments = ["stream", f"mongodb://{server.host}/{db.name}", "--post-images", "auto_configure", "--to", f"file:{to}",
                 "--sync-interval", "10ms"]
    tidewire(*arguments, "--until", "now").succeed()
    db.c.insert_one({"_id": 1})
    db.c.update_one({"_id": 1}, {"$set": {"n": 1}})
    position = to.with_name("out.position").read_text()
    # The server refuses the collMod for now.
    db.client.admin.command("configureFailPoint", "failCommand", mode={"times": 20},
                            data={"failCommands": ["collMod"], "errorCode": 189})
    failing = tidewire(*arguments)
    failing.wait_stderr("warning: |error: ")
    failing.process.kill()
    failing.process.wait()
    db.client.admin.command("configureFailPoint", "failCommand", mode="off")
    assert to.with_name("out.position").read_text() == position
    running = tidewire(*arguments)
    running.wait_stderr("streaming ")
    db.c.update_one({"_id": 1}, {"$set": {"n": 2}})
    running.wait_until(lambda: '"n":2' in to.read_text(), "the second update")
    stop(running)
    import json
    updates = [line for line in map(json.loads, to.read_text().splitlines()) if line["op"] == "update"]
    assert [(line["after"], line.get("after_missing")) for line in updates] == [(None, True), ({"_id": 1, "n": 2}, None)]
    assert updates[0]["updated"] == {"n": 1}


def test_under_writes_every_new_collection_gets_them(db, stream):
    running = stream("--post-images", "auto_configure", "--await", "200ms")

    def write(name):
        for n in range(200):
            db[name].update_one({"_id": 1}, {"$set": {"n": n}}, upsert=True)
    writers = [threading.Thread(target=write, args=(f"c{n}",)) for n in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    lines = running.wait_ops("update", 4 * 199, 60)
    for name in ("c0", "c1", "c2", "c3"):
        mine = [line for line in lines if line["table"] == name]
        assert [line["updated"]["n"] for line in mine] == list(range(1, 200))
        # Without an image only at the beginning, and then marked.
        first = next((at for at, line in enumerate(mine) if line["after"]), len(mine))
        assert all(line["after_missing"] for line in mine[:first])
        assert [line["after"]["n"] for line in mine[first:]] == list(range(1 + first, 200))
    assert all(images_on(db).values())


def test_modes_that_contradict_other_options(server, tidewire):
    url = f"mongodb://{server.host}/db"
    assert tidewire("stream", url, "--post-images", "off", "--full-document", "required").end() == 2
    tidewire("stream", url, "--post-images", "auto_configure", "--no-expanded-events").refuse(2, "TW-USAGE-OPTION")
    tidewire("stream", url + "?readPreference=secondary", "--post-images", "auto_configure").refuse(2, "TW-USAGE-OPTION")
    assert tidewire("stream", url, "--post-images", "sometimes").end() == 2


@pytest.fixture(scope="module")
def guarded(scratch):
    key = scratch / "images_keyfile"
    key.write_text("a" * 64)
    key.chmod(0o400)
    server = SERVER(scratch / "images_guarded", VERSION).start().initiate()
    with server.client() as client:
        client.shop.create_collection("c")
        client.shop.command("createUser", "reader", pwd="x", roles=["read"])
        client.shop.command("createUser", "owner", pwd="x", roles=["read", "dbAdmin"])
    server.stop()
    server.options = ("--auth", "--keyFile", str(key))
    server.start()
    yield server
    server.stop()


def test_lacking_privilege_names_collection_and_grant(guarded, tidewire):
    def url(user):
        return f"mongodb://{quote(user)}:x@{guarded.host}/shop?authSource=shop"
    refused = tidewire("stream", url("reader"), "--post-images", "auto_configure")
    refused.refuse(3, "TW-MONGO-PRIVILEGE")
    assert "shop.c" in refused.stderr and 'collMod on {db: "shop", collection: "c"}' in refused.hint
    tidewire("stream", url("owner"), "--post-images", "auto_configure", "--until", "now").succeed()
    # Who may read may copy.
    tidewire("snapshot", url("reader")).succeed()
    # The images are on now: nothing more is needed.
    for mode in ("auto_configure", "read_only"):
        tidewire("stream", url("reader"), "--post-images", mode, "--until", "now").succeed()
