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
    def __init__(self, *arguments: object):
        self.process = subprocess.Popen([BINARY, "stream", *map(str, arguments)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment())

    def wait_for_text(self, text: bytes, seconds: float = 30) -> None:
        """On its standard error."""
        os.set_blocking(self.process.stderr.fileno(), False)
        self.said = getattr(self, "said", b"")
        end = time.monotonic() + seconds
        while text not in self.said:
            assert time.monotonic() < end and self.process.poll() is None, self.said.decode()
            self.said += self.process.stderr.read() or b""
            time.sleep(0.02)

    def stop(self) -> Streamed:
        self.process.send_signal(signal.SIGTERM)
        return self.result()

    def result(self, timeout: float = 60) -> Streamed:
        os.set_blocking(self.process.stderr.fileno(), True)
        out, error = self.process.communicate(timeout=timeout)
        return Streamed(self.process.returncode, out, getattr(self, "said", b"") + error)

    def kill9(self) -> None:
        self.process.kill()
        self.process.communicate()
