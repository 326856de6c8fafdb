"""What a stream of lines must look like, and what database state follows from it."""

from dataclasses import dataclass, field
from pathlib import Path

from .program import parse

ENDS = ("commit", "prepare")
CHANGES = ("insert", "update", "delete", "truncate", "message")


def lsn(text: str) -> int:
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def read_events(path: Path) -> list[dict]:
    data = path.read_bytes()
    assert not data or data.endswith(b"\n"), f"{path} ends in half a line: {data[-80:]!r}"
    return [parse(line) for line in data.splitlines()]


@dataclass
class Transaction:
    lsn: str
    xid: int
    ts: str
    end: dict = field(default_factory=dict)
    changes: list[dict] = field(default_factory=list)
    gid: str | None = None

    def ops(self) -> list[str]:
        return [change["op"] for change in self.changes]


def transactions(events: list[dict], complete: bool = True) -> list[Transaction]:
    """The complete transactions, after checking every rule of docs/envelope.md about lines and their order.

    Empty ones are left out: servers before 15 announce also what touched no published table.
    """
    done: list[Transaction] = []
    now: Transaction | None = None
    described: set[tuple[str, str]] = set()
    for event in events:
        assert event["v"] == 1, event
        op = event["op"]
        if op == "begin":
            assert now is None, f"begin inside a transaction: {event}"
            now = Transaction(event["lsn"], event["xid"], event["ts"], gid=event.get("gid"))
        elif op in ENDS:
            assert now, f"{op} outside a transaction: {event}"
            assert (event["lsn"], event["xid"], event["ts"]) == (now.lsn, now.xid, now.ts), event
            assert event["changes"] == len(now.changes), event
            assert lsn(event["end_lsn"]) > lsn(event["lsn"]), event
            if done:
                assert lsn(done[-1].lsn) < lsn(now.lsn), f"not in commit order: {done[-1].lsn}, {now.lsn}"
            now.end = event
            done.append(now)
            now = None
        elif op == "schema":
            described.add((event["schema"], event["table"]))
        elif op == "message" and not event["transactional"]:
            assert now is None, f"inside a transaction: {event}"
        elif op in CHANGES:
            assert now, f"{op} outside a transaction: {event}"
            now.changes.append(event)
            assert (event["lsn"], event["xid"]) == (now.lsn, now.xid), event
            assert event["seq"] == len(now.changes), event
            if "table" in event:
                assert (event["schema"], event["table"]) in described, f"no schema line before {event}"
        else:
            assert op in ("origin", "commit_prepared", "rollback_prepared"), event
    assert now is None or not complete, f"transaction {now.xid} has no end"
    return [each for each in done if each.changes]


class State:
    """Tables as the changes leave them: name → {key values → row}."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple, dict]] = {}
        self.keys: dict[str, list[str]] = {}

    def apply(self, events: list[dict]) -> "State":
        for event in events:
            if event["op"] == "schema":
                self.keys[event["table"]] = [each["name"] for each in event["columns"] if each["key"]]
            elif event["op"] == "truncate":
                for table in event["tables"]:
                    self.tables.get(table["table"], {}).clear()
            elif event["op"] in ("insert", "update", "delete"):
                self._row(event)
        return self

    def _row(self, event: dict) -> None:
        rows = self.tables.setdefault(event["table"], {})
        keys = self.keys[event["table"]]

        def key_of(row: dict) -> tuple:
            return tuple(row[name] for name in keys)
        old = event.get("key") or event.get("before")
        after = event.get("after")
        if event["op"] == "insert":
            assert key_of(after) not in rows, f"inserted twice: {event}"
            rows[key_of(after)] = after
            return
        known = rows.pop(key_of(old or after), None)
        assert known is not None, f"{event['op']} of a row that is not there: {event}"
        if event["op"] == "update":
            kept = {name: known[name] for name in event.get("unchanged", [])}
            rows[key_of(after)] = after | kept

    def rows(self, table: str) -> list[dict]:
        return [row for _, row in sorted(self.tables.get(table, {}).items())]


def journal(events: list[dict], table: str = "journal") -> list[int]:
    """The ids inserted into a table, in the order of the lines."""
    return [event["after"]["id"] for event in events if event["op"] == "insert" and event["table"] == table]


def assert_same_ids(found: list[int], expected: list[int]) -> None:
    if sorted(found) == sorted(expected):
        return
    once = set(found)
    lost = sorted(set(expected) - once)
    extra = sorted(once - set(expected))
    twice = sorted({each for each in found if found.count(each) > 1}) if len(found) < 20_000 else "?"
    raise AssertionError(f"{len(found)} found, {len(expected)} expected; lost {lost[:20]} ({len(lost)}), "
                         f"twice {twice[:20]} ({len(found) - len(once)}), unexpected {extra[:20]}")
