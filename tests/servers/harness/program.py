"""tidewire as a process: its lines as events, its errors, its signals."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from decimal import Decimal
from pathlib import Path

from . import BINARY

ERROR = re.compile(r"^(?:.*\x1b\[K)?error: (TW-[A-Z0-9-]+): (.*)$", re.MULTILINE)
HINT = re.compile(r"^hint: (.*)$", re.MULTILINE)


class Waited(AssertionError):
    """A condition did not come true before its deadline."""


def parse(line: bytes | str) -> dict:
    """One line of NDJSON; fractions stay exact."""
    return json.loads(line, parse_float=Decimal)


def until_true(condition, what: str, deadline: float = 30, detail=None, every: float = 0.01):
    """Polls until condition() gives something true and returns that."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Waited(f"waited {deadline:g} s in vain: {what}" + (f"\n{detail()}" if detail else ""))
        time.sleep(every)


def clean_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """No PG* variables and no home folder: nothing of the machine's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"HOME": "/nonexistent", "TZ": "Asia/Kathmandu"} | (extra or {})


class Tidewire:
    """A running tidewire. With read=False its standard output stays unread until resume_reading()."""

    def __init__(self, *arguments: object, env: dict[str, str] | None = None, read: bool = True,
                 wrapper: tuple[str, ...] = ()):
        self.command = [*wrapper, str(BINARY), *map(str, arguments)]
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, env=clean_environment(env))
        self.lines: list[bytes] = []
        self._parsed: list[dict] = []
        self._stderr = bytearray()
        self._go = threading.Event()
        if read:
            self._go.set()
        self._threads = [threading.Thread(target=self._collect_lines, daemon=True),
                         threading.Thread(target=self._collect_errors, daemon=True)]
        for thread in self._threads:
            thread.start()

    def _collect_lines(self) -> None:
        self._go.wait()
        for line in self.process.stdout:
            self.lines.append(line)

    def _collect_errors(self) -> None:
        while chunk := self.process.stderr.read1(65536):
            self._stderr += chunk

    def resume_reading(self) -> None:
        self._go.set()

    # What it said.

    @property
    def events(self) -> list[dict]:
        """All complete lines so far, parsed."""
        while len(self._parsed) < len(self.lines):
            line = self.lines[len(self._parsed)]
            if not line.endswith(b"\n"):
                break
            self._parsed.append(parse(line))
        return self._parsed

    @property
    def stderr(self) -> str:
        return self._stderr.decode(errors="replace")

    @property
    def error(self) -> str:
        """The code of the last error line, or an empty string."""
        found = ERROR.findall(self.stderr)
        return found[-1][0] if found else ""

    @property
    def hint(self) -> str:
        found = HINT.findall(self.stderr)
        return found[-1] if found else ""

    def ops(self, *wanted: str) -> list[dict]:
        return [event for event in self.events if event["op"] in wanted]

    def describe(self) -> str:
        tail = b"".join(self.lines[-5:]).decode(errors="replace")
        return (f"{' '.join(self.command)}\nexit code {self.process.poll()}, {len(self.lines)} lines, the last:\n"
                f"{tail}stderr:\n{self.stderr[-4000:]}")

    # Waiting.

    def wait_until(self, condition, what: str, deadline: float = 30):
        """Polls while the process lives; its end is a failure unless the condition then holds."""
        def met():
            ended = self.process.poll() is not None
            value = condition()
            if ended and not value:
                self._join()
                value = condition()
                if not value:
                    raise Waited(f"tidewire ended before: {what}\n{self.describe()}")
            return value
        return until_true(met, what, deadline, self.describe)

    def wait_ops(self, op: str, count: int, deadline: float = 30) -> list[dict]:
        self.wait_until(lambda: len(self.ops(op)) >= count, f"{count} lines of {op}", deadline)
        return self.ops(op)

    def wait_stderr(self, pattern: str, deadline: float = 30) -> re.Match:
        return self.wait_until(lambda: re.search(pattern, self.stderr), f"stderr to match {pattern!r}", deadline)

    def end(self, deadline: float = 30) -> int:
        """Waits for the process to end by itself."""
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise Waited(f"tidewire did not end within {deadline:g} s\n{self.describe()}") from None
        self._join()
        return code

    def succeed(self, deadline: float = 30) -> "Tidewire":
        assert self.end(deadline) == 0, self.describe()
        return self

    def refuse(self, code: int, pattern: str = "TW-", deadline: float = 30) -> "Tidewire":
        """It must end with that exit code and an error whose code matches the pattern."""
        assert self.end(deadline) == code, self.describe()
        assert re.search(pattern, self.error), self.describe()
        assert self.hint, f"no hint\n{self.describe()}"
        return self

    def _join(self) -> None:
        self._go.set()
        for thread in self._threads:
            thread.join(30)

    # Signals and figures.

    def interrupt(self, number: int = signal.SIGINT) -> "Tidewire":
        self.process.send_signal(number)
        return self

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait()
        self._join()

    def catches(self, number: int) -> bool:
        """Whether it handles that signal itself; the process must be alive."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return bool(int(re.search(r"SigCgt:\s+(\w+)", status).group(1), 16) >> number - 1 & 1)

    def peak_rss(self) -> int:
        """The most resident memory so far, in bytes; the process must be alive."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024
