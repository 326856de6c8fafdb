"""tidewire's lines, applied to tables in memory: what comes out must be what SELECT says."""

import json
import subprocess
from pathlib import Path

from . import BINARY


class Decoded:
    """One run of tidewire decode."""

    def __init__(self, *arguments: object):
        done = subprocess.run([BINARY, "decode", *map(str, arguments)], capture_output=True)
        self.code = done.returncode
        self.stderr = done.stderr.decode(errors="replace")
        self.raw = done.stdout
        self.lines = [json.loads(line, parse_float=str) for line in done.stdout.splitlines()] if "--list" not in arguments else []

    def good(self) -> "Decoded":
        assert self.code == 0, self.stderr
        return self

    def ops(self, *names: str) -> list[dict]:
        return [each for each in self.lines if each["op"] in names]

    def transactions(self) -> list[list[dict]]:
        """Checks on the way that lines stand as they must."""
        found, current = [], None
        for line in self.lines:
            if line["op"] == "begin":
                assert current is None, line
                current = [line]
            elif line["op"] in ("commit", "rollback"):
                assert current is not None, line
                current.append(line)
                changes = [each for each in current if "seq" in each]
                assert [each["seq"] for each in changes] == list(range(1, len(changes) + 1))
                assert line["op"] == "rollback" or line["changes"] == len(changes)
                assert len({(each.get("gtid"), each.get("pos"), each["ts"]) for each in current if each["op"] != "schema"}) == 1
                found.append(current)
                current = None
            else:
                assert current is not None, line
                current.append(line)
        assert current is None, current
        return found


class Tables:
    """Rows by table, each a dict by column; identified by the column `id`."""

    def __init__(self):
        self.rows: dict[str, dict] = {}

    def apply(self, lines: list[dict]) -> "Tables":
        for line in lines:
            if line["op"] == "truncate":
                for each in line["tables"]:
                    self.rows[each["table"]] = {}
            if line["op"] not in ("insert", "update", "delete"):
                continue
            table = self.rows.setdefault(line["table"], {})
            old = line.get("before") or line.get("key") or {}
            if line["op"] == "insert":
                assert line["after"]["id"] not in table, line
                table[line["after"]["id"]] = line["after"]
                continue
            before = table.pop(old["id"])
            for name, value in old.items():
                assert before[name] == value, (line, before)
            if line["op"] == "update":
                after = dict(line["after"])
                for name in line.get("unchanged", []):
                    after[name] = before[name]
                assert after.keys() == before.keys(), line
                table[after["id"]] = after
        return self
