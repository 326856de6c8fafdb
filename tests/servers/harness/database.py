"""A database of its own for each test, with a slot's name and a publication."""

import itertools
import json
import os
import subprocess
from pathlib import Path

import postgres

numbers = itertools.count(1)
# The formatting that tidewire pins whatever the database or role is set to.
PINNED = ("-c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c timezone=UTC "
          "-c extra_float_digits=3 -c lc_monetary=C")


class Database:
    def __init__(self, server: postgres.Postgres, options: str = ""):
        self.server = server
        number = next(numbers)
        self.name = f"t{number}_{os.getpid()}"
        self.slot = f"s{number}_{os.getpid()}"
        self.publication = "p"
        server.sql(f"CREATE DATABASE {self.name} {options}")

    def sql(self, text: str) -> str:
        return self.server.sql(text, self.name)

    def rows(self, table: str, order: str = "id") -> list[dict]:
        """The table's truth, as JSON objects."""
        text = self.sql(f"SELECT coalesce(json_agg(whole_row ORDER BY {order}), '[]') FROM {table} whole_row")
        return json.loads(text)

    def texts(self, query: str) -> list[str]:
        """One row's values as text under the pinned formatting, NULL as an empty string."""
        environment = {"PATH": os.environ["PATH"], "PGOPTIONS": PINNED, "PGCLIENTENCODING": "UTF8",
                       "PGSSLMODE": "disable"}
        done = subprocess.run([*self.server.psql(self.name), "-F", "\x1f", "-R", "\x1e", "-c", query],
                              capture_output=True, env=environment, check=True)
        return done.stdout.decode().removesuffix("\n").removesuffix("\x1e").split("\x1f")

    def url(self, **parameters) -> str:
        return self.server.url(self.name, **parameters)

    def publish(self, what: str = "ALL TABLES", name: str | None = None, options: str = "") -> "Database":
        name = name or self.publication
        self.sql(f"CREATE PUBLICATION {name} FOR {what} {options}")
        return self

    def create_slot(self, plugin: str = "pgoutput", two_phase: bool = False) -> "Database":
        third = ", false, true" if two_phase else ""
        self.sql(f"SELECT pg_create_logical_replication_slot('{self.slot}', '{plugin}'{third})")
        return self

    def ready(self, ddl: str = "CREATE TABLE items (id int PRIMARY KEY, note text)") -> "Database":
        """A table, a publication of everything and a slot."""
        self.sql(ddl)
        return self.publish().create_slot()

    def stream(self, *more: object, to: object = "stdout", **url_parameters) -> list[object]:
        """The arguments of a `tidewire stream` of this database."""
        return ["stream", self.url(**url_parameters), "--to", to, "--slot", self.slot,
                "--publication", self.publication, *more]

    # The slot as the server sees it.

    def slot_value(self, column: str) -> str:
        return self.server.sql(f"SELECT {column} FROM pg_replication_slots WHERE slot_name = '{self.slot}'")

    def slot_exists(self) -> bool:
        return self.slot_value("count(*)") == "1"

    def wait_active(self, active: bool = True, deadline: float = 30) -> None:
        self.server.wait_sql("SELECT active FROM pg_replication_slots "
                             f"WHERE slot_name = '{self.slot}'", "t" if active else "f", deadline)

    def confirmed(self) -> str:
        return self.slot_value("confirmed_flush_lsn")

    def wait_confirmed(self, at_least: str, deadline: float = 30) -> None:
        self.server.wait_sql(f"SELECT confirmed_flush_lsn >= '{at_least}' FROM pg_replication_slots "
                             f"WHERE slot_name = '{self.slot}'", "t", deadline)

    def slot_stats(self, column: str) -> int:
        """A counter of pg_stat_replication_slots (14+)."""
        text = self.server.sql(f"SELECT {column} FROM pg_stat_replication_slots WHERE slot_name = '{self.slot}'")
        return int(text or 0)

    def now(self) -> str:
        return self.sql("SELECT pg_current_wal_insert_lsn()")

    def drop(self) -> None:
        self.server.sql(f"""
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}';
            SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
                WHERE database = '{self.name}' AND active_pid IS NOT NULL;
            ROLLBACK""")
        self.server.wait_sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.name}'", "0")
        prepared = self.server.sql(f"SELECT gid FROM pg_prepared_xacts WHERE database = '{self.name}'")
        for gid in prepared.splitlines():
            self.sql(f"ROLLBACK PREPARED '{gid}'")
        self.server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                        f"WHERE database = '{self.name}'")
        self.server.sql(f"DROP DATABASE {self.name}")


class Session:
    """An open psql: one connection that can hold a transaction open."""

    def __init__(self, database: Database):
        self.process = subprocess.Popen(database.server.psql(database.name), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
                                        env={"PATH": os.environ["PATH"], "PGSSLMODE": "disable"})

    def send(self, text: str) -> None:
        """Without waiting for its end."""
        self.process.stdin.write(text.rstrip("; \n") + ";\n")

    def run(self, text: str) -> list[str]:
        """Waits for the end of all that was sent; the lines that came back since the last run()."""
        marker = f"--done-{next(numbers)}--"
        self.send(text)
        self.process.stdin.write(f"\\echo {marker}\n")
        lines = []
        while (line := self.process.stdout.readline()) != f"{marker}\n":
            if not line:
                raise postgres.PostgresError(f"psql ended: {self.process.stderr.read()}")
            lines.append(line.rstrip("\n"))
        return lines

    def close(self) -> None:
        """As a client that vanishes: an open transaction is rolled back."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                pipe.close()
            except OSError:
                pass


def free_folder(parent: Path, name: str) -> Path:
    return parent / f"{name}{next(numbers)}"
