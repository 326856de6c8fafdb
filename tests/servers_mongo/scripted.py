"""A server of MongoDB's protocol that says what a test wants: what can't be had as a program (a mongos, what is behind a load
balancer, versions to come, a primary that was deposed and does not know it)."""

import contextlib
import socket
import struct
import threading

import bson
from bson.timestamp import Timestamp


def token(second: int, increment: int = 1) -> str:
    """A high-water mark, as servers make them."""
    return f"82{second:08X}{increment:08X}2B0429296E1404"


class Clock:
    """The cluster's time, which goes on with every command."""

    def __init__(self, now: int = 1_700_000_000):
        self.now = now
        self.lock = threading.Lock()

    def next(self) -> int:
        with self.lock:
            self.now += 1
            return self.now


class Scripted:
    """`hello`: what it says of itself. `batches`: what getMores are answered with, one after the other: the _ids of documents
    that were inserted, an error, or None (the connection is closed); after them nothing comes."""

    def __init__(self, hello: dict, batches=(), clock: Clock | None = None):
        self.hello, self.batches, self.clock = hello, list(batches), clock or Clock()
        self.tokens: dict[int, str] = {}  # of the events that were sent
        self.commands: list[dict] = []
        self.version = [6, 0, 5, 0]
        self.waits = True
        self.lock = threading.Lock()
        self.collections: dict[str, list[int]] = {}  # and the _ids in them
        self.find_errors: list[dict | None] = []  # None: one that works
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.cursors = 0
        self.closed = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self.closed.set()
        self.listening.close()

    def accept(self) -> None:
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer, peer.makefile("rb") as incoming:
            while True:
                head = incoming.read(16)
                if len(head) < 16:
                    return
                length, request, _, code = struct.unpack("<iiii", head)
                body = incoming.read(length - 16)
                assert code == 2013 and body[4] == 0
                command = bson.decode(body[5:])
                self.commands.append(command)
                reply = self.answer(command)
                if reply is None:
                    return
                whole = struct.pack("<iB", 0, 0) + bson.encode(reply)
                peer.sendall(struct.pack("<iiii", 16 + len(whole), 1, request, 2013) + whole)

    def answer(self, command: dict):
        name = next(iter(command))
        now = self.clock.next()
        times = {"operationTime": Timestamp(now, 1), "$clusterTime": {
            "clusterTime": Timestamp(now, 1), "signature": {"hash": bytes(20), "keyId": 7}}}
        if name == "hello":
            return {"ok": 1, "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000, "minWireVersion": 0,
                    "maxWireVersion": 17, "logicalSessionTimeoutMinutes": 30} | self.hello
        if name == "buildInfo":
            return {"ok": 1, "versionArray": self.version} | times
        if name == "aggregate":
            self.cursors += 1
            return {"ok": 1, "cursor": {"firstBatch": [], "id": 40 + self.cursors, "ns": "db.$cmd.aggregate", "postBatchResumeToken":
                                        {"_data": token(now)}}} | times
        if name == "getMore":
            what = self.batches.pop(0) if self.batches else []
            if what is None:
                return None
            if isinstance(what, dict):
                return {"ok": 0, "errmsg": "scripted"} | what | times
            if not what and self.waits:
                self.closed.wait(command["maxTimeMS"] / 1000)
            events = [self.event(number) for number in what]
            last = events[-1]["_id"] if events else {"_data": token(self.clock.next())}
            return {"ok": 1, "cursor": {"nextBatch": events, "id": command["getMore"], "ns": "db.$cmd.aggregate",
                                        "postBatchResumeToken": last}} | times
        if name == "listCollections":
            listed = [{"name": each, "type": "collection", "options": {}, "info": {"uuid": bson.Binary(bytes([n]) * 16, 4)}}
                      for n, each in enumerate(self.collections)]
            return {"ok": 1, "cursor": {"firstBatch": listed, "id": 0, "ns": "db.$cmd.listCollections"}} | times
        if name == "find":
            return self.find(command, now) | times
        return {"ok": 1} | times

    def find(self, command: dict, now: int) -> dict:
        with self.lock:
            error = self.find_errors.pop(0) if self.find_errors else None
        if error:
            return {"ok": 0, "errmsg": "scripted"} | error
        after = command["filter"]["$expr"]["$gt"][1]["$literal"] if "filter" in command else 0
        batch = [{"_id": each} for each in self.collections[command["find"]] if each > after][:2]
        return {"ok": 1, "cursor": {"firstBatch": batch, "id": 0, "ns": f"db.{command['find']}", "atClusterTime": Timestamp(now, 1)}}

    def event(self, number: int) -> dict:
        second = self.clock.next()
        self.tokens[number] = token(second)[:18] + "2B022C0100296E5A1004"
        return {"_id": {"_data": self.tokens[number]}, "operationType": "insert", "clusterTime": Timestamp(second, 1),
                "fullDocument": {"_id": number}, "ns": {"db": "db", "coll": "c"}, "documentKey": {"_id": number}}

    def sent(self, name: str) -> list[dict]:
        return [each for each in list(self.commands) if next(iter(each)) == name]


MONGOS = {"isWritablePrimary": True, "msg": "isdbgrid"}


def member(hosts: list[str], election: int = 1, primary: bool = True, **more) -> dict:
    """Of a set of that many hosts."""
    return {"isWritablePrimary": primary, "secondary": not primary, "setName": "rs", "setVersion": 1, "hosts": hosts} | (
        {"electionId": bson.ObjectId(f"7fffffff{election:016x}")} if primary else {}) | more
