"""Transactions of every shape, written to a journal table while something breaks."""

import os
import random
import subprocess
import threading

from .database import Database

DDL = """
    CREATE TABLE journal (id bigserial PRIMARY KEY, tx bigint, note text);
    CREATE TABLE state (id int PRIMARY KEY, n int, pad text);"""


class Load:
    """Runs until stop(): one psql that is fed transactions. What the table then holds is the truth."""

    def __init__(self, database: Database, seed: int, pause: float = 0.005):
        self.database = database
        self.random = random.Random(seed)
        self.pause = pause
        self.failed: Exception | None = None
        self.sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def transaction(self) -> str:
        rows = self.random.choice([1, 1, 1, 2, 5, 20, 300])
        insert = (f"INSERT INTO journal (tx, note) SELECT txid_current(), repeat(md5(i::text), "
                  f"{self.random.randint(0, 4)}) FROM generate_series(1, {rows}) i;")
        state = self.random.randint(1, 50)
        upsert = (f"INSERT INTO state VALUES ({state}, 1, repeat('p', 3000)) "
                  "ON CONFLICT (id) DO UPDATE SET n = state.n + 1;")
        shape = self.random.random()
        if shape < 0.5:
            return insert
        if shape < 0.7:
            return f"BEGIN; {insert} {upsert} COMMIT;"
        if shape < 0.8:
            return f"BEGIN; {insert} SAVEPOINT a; {insert} ROLLBACK TO a; {upsert} {insert} COMMIT;"
        if shape < 0.9:
            return f"BEGIN; {insert} {upsert} ROLLBACK;"
        if shape < 0.95:
            return f"DELETE FROM state WHERE id = {state};"
        return "CREATE TABLE IF NOT EXISTS unrelated (id int); DROP TABLE unrelated;"

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._feed()
            except (OSError, RuntimeError) as error:
                self.failed = error  # the server is gone for a while: once more
            self._stop.wait(0.05)

    def _feed(self) -> None:
        command = [each for each in self.database.server.psql(self.database.name) if "ON_ERROR" not in each]
        command.remove("-v")
        psql = subprocess.Popen([*command, "-o", "/dev/null"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                text=True, env={"PATH": os.environ["PATH"], "PGSSLMODE": "disable"})
        try:
            while not self._stop.wait(self.pause):
                psql.stdin.write(self.transaction() + "\n")
                psql.stdin.flush()
                self.sent += 1
            psql.stdin.close()
        finally:
            try:
                psql.wait(60)
            except subprocess.TimeoutExpired:
                psql.kill()

    def stop(self) -> list[int]:
        """Ends it and returns the ids that are in the journal."""
        self._stop.set()
        self._thread.join(90)
        return [int(each) for each in self.database.sql("SELECT id FROM journal ORDER BY id").split()]
