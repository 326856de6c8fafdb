"""A second implementation of MongoDB's protocol, SecantusDB: built once, then started and stopped like a mongod.

  tools/secantus.py secantus-0.5.3     builds it unless it is there, and prints where

Another hand's reading of the same protocol; it says that it is MongoDB 8.2. It is under the GPL: it is talked to over
a socket, and nothing of it is part of this project. cargo builds it (with cmake and a C compiler), which takes long.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from mongod import Mongod, MongoError, certificates_of
from postgres import cache, wait_for

CRATES = {"secantus-0.5.3": ("secantus-mdb", "0.5.3-beta.196")}
SAYS = "8.2.11"


def fetch(version: str) -> Path:
    """Builds the server unless it is there. Returns the program."""
    target = cache() / version
    program = target / "bin" / "secantusd-rs"
    if program.exists():
        return program
    if version not in CRATES:
        raise MongoError(f"no {version} known: {', '.join(CRATES)}")
    if missing := [each for each in ("cargo", "cmake", "cc") if not shutil.which(each)]:
        raise MongoError(f"building {version} needs {', '.join(missing)}")
    building = cache() / f"{version}.{os.getpid()}"
    name, number = CRATES[version]
    done = subprocess.run(["nice", "-n", "10", "cargo", "install", name, "--version", number, "--locked", "--ignore-rust-version",
                           "--root", building, "--target-dir", building / "target", "-j1"], capture_output=True, text=True)
    shutil.rmtree(building / "target", ignore_errors=True)
    if done.returncode:
        shutil.rmtree(building, ignore_errors=True)
        raise MongoError(f"cargo could not build {version}:\n{done.stderr[-2000:]}")
    try:
        building.rename(target)  # whoever else built it meanwhile has won
    except OSError:
        shutil.rmtree(building)
    return program


class Secantus(Mongod):
    """One server in one folder. It is a set of one by itself."""

    DURABLE = ("--sync-on-commit",)

    def __init__(self, folder: Path, version: str = "secantus-0.5.3", name: str = "secantus", options: tuple = (),
                 tls: bool = False, oplog_mb: int = 0):
        super().__init__(folder, version, name, options, tls, oplog_mb)
        self.says = SAYS
        self.process: subprocess.Popen | None = None

    def fetch(self, version: str) -> Path:
        return fetch(version)

    def start(self) -> "Secantus":
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        command = [self.program, "--host", "127.0.0.1", "--port", self.port, "--storage-path", self.folder / "data",
                   "--cache-size", "256M", "--enable-test-commands", *self.own_options()]
        if not self.name:
            command.append("--standalone")
        if self.tls:
            certificates_of(self.folder / "tls")
            command += ["--tls-cert-file", self.folder / "tls" / "server.crt", "--tls-key-file",
                        self.folder / "tls" / "server.key", "--tls-ca-file", self.folder / "tls" / "ca.crt"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        wait_for(lambda: self.listens() or self.process.poll() is not None, 60, "it to listen")
        if self.process.poll() is not None:
            raise MongoError(f"{self.program.name} did not start: {self.log.read_text()[-1500:]}")
        return self

    def own_options(self) -> list[str]:
        """Those of mongod that tests name, as far as it has them; its oplog is bounded by entries."""
        given = list(map(str, self.options))
        for name in ("--keyFile", "--syncdelay"):
            if name in given:
                at = given.index(name)
                del given[at:at + 2]
        return [*given, *(["--oplog-max-entries", "50"] if self.oplog_mb else [])]

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def initiate(self, *others: Mongod) -> "Secantus":
        if others:
            raise MongoError("it is a set of one")
        return self

    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.poll() is None else None

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.pid():
            self.process.send_signal(how)
            self.process.wait(30)


if __name__ == "__main__":
    try:
        print(fetch(sys.argv[1]))
    except MongoError as error:
        sys.exit(f"error: {error}")
