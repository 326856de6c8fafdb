"""A server's binlog as binlog_tool prints it."""

import json
import subprocess
from pathlib import Path

import mysql

from . import TOOL


class Printed:
    """The lines of one run."""

    def __init__(self, output: bytes, code: int, error: bytes):
        assert code in (0, 1), f"binlog_tool ended with {code}: {error.decode(errors='replace')[-3000:]}"
        self.lines = [json.loads(line, parse_float=str) for line in output.splitlines()]
        self.failed = code == 1
        self.last = self.lines.pop()
        self.events = [each for each in self.lines if "row" not in each]
        self.all_rows = [each for each in self.lines if "row" in each]

    def good(self) -> "Printed":
        assert not self.failed, self.last
        assert self.last["lost"] == 0, self.last
        return self

    def rows(self, table: str) -> list[dict]:
        return [each for each in self.all_rows if each["table"] == table]

    def of_type(self, *types: str) -> list[dict]:
        return [each for each in self.events if each["type"] in types]

    def table(self, name: str) -> dict:
        return next(each for each in reversed(self.events) if each["type"] == "Table_map" and each["table"] == name)

    def queries(self) -> list[tuple[str, str]]:
        return [(each["kind"], each["sql"]) for each in self.of_type("Query", "Query_compressed")]


def print_file(file: Path, *options: object) -> Printed:
    done = subprocess.run([TOOL, file, *map(str, options)], capture_output=True)
    return Printed(done.stdout, done.returncode, done.stderr)


class Log:
    """What a server writes from now on."""

    def __init__(self, server: mysql.Mysql):
        self.server = server
        self.file, self.position = server.binlog()

    def read(self, *options: object) -> Printed:
        """Everything up to now, which must be all in the file that was current at the start."""
        file, position = self.server.binlog()
        assert file == self.file, "the server went on to another file"
        printed = print_file(self.file, "--from", self.position, *options).good()
        assert printed.last["end"] == position
        return printed
