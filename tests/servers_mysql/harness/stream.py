"""tidewire stream as a process."""

import json
import os
import signal
import subprocess
import time

from . import BINARY
from .replay import Decoded


class Streamed(Decoded):
    """One run that has ended."""

    def __init__(self, code: int, out: bytes, error: bytes):
        self.code, self.raw, self.stderr = code, out, error.decode(errors="replace")
        self.lines = [json.loads(line, parse_float=str) for line in out.splitlines()]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MYSQL")} | {"TZ": "Asia/Kathmandu"}


def url(server, user="root", password="", host="127.0.0.1", **parameters: str) -> str:
    query = "&".join(f"{name.replace('_', '-')}={value}" for name, value in parameters.items())
    return f"mysql://{user}:{password}@{host}:{server.port}/?{query}"


def stream(*arguments: object, timeout: float = 60) -> Streamed:
    done = subprocess.run([BINARY, "stream", *map(str, arguments)], capture_output=True, timeout=timeout, env=environment())
    return Streamed(done.returncode, done.stdout, done.stderr)


class Running:
    """One that goes on; what it says goes through files."""

    def __init__(self, folder, *arguments: object):
        number = len(list(folder.glob("stdout.*")))
        self.out, self.error = folder / f"stdout.{number}", folder / f"stderr.{number}"
        with open(self.out, "wb") as out, open(self.error, "wb") as error:
            self.process = subprocess.Popen([BINARY, "stream", *map(str, arguments)], stdout=out, stderr=error, env=environment())

    def wait_for(self, text: str, file=None, seconds: float = 30) -> "Running":
        """On its standard error, unless another file is named."""
        end = time.monotonic() + seconds
        while text.encode() not in (file or self.error).read_bytes():
            assert time.monotonic() < end and self.process.poll() is None, self.error.read_text()
            time.sleep(0.02)
        return self

    def started(self) -> "Running":
        return self.wait_for("streaming ")

    def result(self, timeout: float = 60) -> Streamed:
        code = self.process.wait(timeout)
        return Streamed(code, self.out.read_bytes(), self.error.read_bytes())

    def stop(self) -> Streamed:
        self.process.send_signal(signal.SIGTERM)
        return self.result()

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait()
