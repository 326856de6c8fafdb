#!/usr/bin/env python3
"""tidewire against a live Postgres 15 on the loopback, beside pg_recvlogical.

  bench/live.py TIDEWIRE [--runs N] [--small] [narrow] [wide] [first] [latency]

narrow, wide   draining copies of one slot, so that every run reads the same WAL
first          from the process's start to the first change in the file
latency        from the commit to the change in the file, 100 transactions a second
"""

import argparse
import ctypes
import os
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
import workload
from connection import Connection
from server import throwaway_server

SCENARIOS = ("narrow", "wide", "first", "latency")
PEER = "pg_recvlogical"
RSS_SAMPLE_S = 0.02
DEADLINE_S = 300
MARK = re.compile(rb"n=(\d+);")  # in a text column: to be found in any client's output
IN_MODIFY, IN_CREATE = 0x2, 0x100


# Running a client.

@dataclass
class Usage:
    wall_s: float
    cpu_s: float
    rss_mb: float


class Process:
    """A client with what it uses. Peak memory is sampled from the process itself: what wait4() says of it is
    never below what the parent had at the fork."""

    def __init__(self, command: list[str]):
        self.command = command
        self.errors = tempfile.TemporaryFile()
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PGSSLMODE": "disable"}
        self.begin = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.errors, env=environment)
        self.rss_kb = 0
        self.ended = threading.Event()
        self.sampler = threading.Thread(target=self.sample, daemon=True)
        self.sampler.start()

    def sample(self) -> None:
        while not self.ended.wait(RSS_SAMPLE_S):
            self.sample_once()

    def sample_once(self) -> None:
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        if found:
            self.rss_kb = max(self.rss_kb, int(found.group(1)))

    def end(self) -> Usage:
        """Waits for it to end by itself."""
        killer = threading.Timer(DEADLINE_S, self.process.kill)
        killer.start()
        _, status, used = os.wait4(self.process.pid, 0)
        wall = time.monotonic() - self.begin
        killer.cancel()
        self.ended.set()
        self.sampler.join()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            self.errors.seek(0)
            raise RuntimeError(f"{' '.join(self.command)}: exit code {self.process.returncode}\n"
                               f"{self.errors.read().decode(errors='replace')[-3000:]}")
        return Usage(wall, used.ru_utime + used.ru_stime, self.rss_kb / 1024)

    def stop(self) -> Usage:
        self.sample_once()
        self.process.send_signal(signal.SIGINT)  # the one that pg_recvlogical ends well on
        return self.end()


class Clients:
    """The command line of each client. `until`: an LSN, or None to follow for ever."""

    def __init__(self, tidewire: Path | None, port: int, scratch: Path):
        self.tidewire, self.port, self.scratch = tidewire, port, scratch
        self.names = [PEER] + (["tidewire"] if tidewire else [])
        self.runs = 0

    def command(self, name: str, slot: str, to: str, until: str | None) -> list[str]:
        if name == PEER:
            end = ["--endpos", until] if until else []
            return [PEER, "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres",
                    "-S", slot, "-f", to, "--start", "--no-loop", "-o", "proto_version=1",
                    "-o", "publication_names=p", *end]
        self.runs += 1
        end = ["--until", until] if until else []
        url = f"postgres://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"
        position = self.scratch / f"position_{self.runs}"
        return [str(self.tidewire), "stream", url, "--slot", slot, "--publication", "p", "--to", f"file:{to}",
                "--position", str(position), "--quiet", "--streaming", "off", *end]


class CopiedSlot:
    """A copy of the slot `source` that is dropped at the end."""

    def __init__(self, database: Connection, source: str = "source"):
        self.database, self.source = database, source

    def __enter__(self) -> str:
        self.database.query(f"SELECT pg_copy_logical_replication_slot('{self.source}', 'copy', false)")
        return "copy"

    def __exit__(self, *_) -> None:
        deadline = time.monotonic() + 10  # the walsender outlives its client a little
        while self.database.value("SELECT active FROM pg_replication_slots WHERE slot_name = 'copy'") == "t":
            if time.monotonic() > deadline:
                raise RuntimeError("the slot stays in use")
            time.sleep(0.01)
        self.database.query("SELECT pg_drop_replication_slot('copy')")


# Draining.

def drain(name: str, load, rows: int, tidewire: Path | None, runs: int) -> list[dict]:
    with throwaway_server() as server, tempfile.TemporaryDirectory(prefix="tidewire_bench_") as scratch:
        load.prepare(server.port)
        database = Connection(server.port)
        database.query("SELECT pg_create_logical_replication_slot('source', 'pgoutput')")
        load.run(server.port)
        until = workload.flush_wal(database)
        workload.flush_wal(database)  # something behind it, for clients that want to see more than the end
        clients = Clients(tidewire, server.port, Path(scratch))
        if tidewire:
            check_answers(database, clients, until, Path(scratch) / "check.ndjson", rows)
        used = {client: [] for client in clients.names}
        for run in range(runs + 1):
            turn = run % len(clients.names)
            for client in clients.names[turn:] + clients.names[:turn]:
                with CopiedSlot(database) as slot:
                    usage = Process(clients.command(client, slot, "/dev/null", until)).end()
                if run > 0:  # the first fills the server's caches
                    used[client].append(usage)
                print(f"  {name} run {run}: {client} {usage.wall_s:.2f} s, CPU {usage.cpu_s:.2f} s,"
                      f" {usage.rss_mb:.1f} MB", file=sys.stderr, flush=True)
        database.close()
    return [summary(name, client, rows, used) for client in clients.names]


def check_answers(database: Connection, clients: Clients, until: str, path: Path, rows: int) -> None:
    with CopiedSlot(database) as slot:
        Process(clients.command("tidewire", slot, str(path), until)).end()
    row = re.compile(rb'^\{"v":1,"op":"(?:insert|update|delete)"')
    with open(path, "rb") as lines:
        found = sum(1 for line in lines if row.match(line))
    path.unlink()
    if found != rows:
        raise RuntimeError(f"tidewire wrote {found} rows instead of {rows}")


def summary(name: str, client: str, rows: int, used: dict[str, list[Usage]], peer: str = PEER) -> dict:
    own, peer = used[client], used[peer]
    wall, cpu = (statistics.median(getattr(each, field) for each in own) for field in ("wall_s", "cpu_s"))
    return {"scenario": name, "client": client, "rows": rows, "wall_s": wall, "cpu_s": cpu,
            "krows_s": rows / wall / 1e3, "cpu_s_per_mrow": cpu / rows * 1e6,
            "rss_mb": max(each.rss_mb for each in own),
            # Of runs that stood side by side.
            "faster": statistics.median(b.wall_s / a.wall_s for a, b in zip(own, peer)),
            "less_cpu": statistics.median(b.cpu_s / max(a.cpu_s, 1e-3) for a, b in zip(own, peer))}


# Watching a file.

class Tail:
    """Waits for marks in a file that may not exist yet, without polling: inotify on its folder."""

    def __init__(self, path: Path):
        self.path, self.file, self.rest = path, None, b""
        libc = ctypes.CDLL(None, use_errno=True)
        self.notify = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if libc.inotify_add_watch(self.notify, os.fsencode(path.parent), IN_MODIFY | IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")

    def marks(self) -> list[int]:
        """The marks that are new in the file."""
        if self.file is None:
            if not self.path.exists():
                return []
            self.file = open(self.path, "rb", buffering=0)
        data = self.rest + (self.file.read() or b"")
        found = list(MARK.finditer(data))
        self.rest = data[found[-1].end() if found else -64:][-64:]
        return [int(each.group(1)) for each in found]

    def wait(self, deadline: float) -> list[int]:
        """At least one mark; nothing when the deadline is over."""
        while True:
            found = self.marks()
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            if select.select([self.notify], [], [], left)[0]:
                os.read(self.notify, 65536)

    def close(self) -> None:
        os.close(self.notify)
        if self.file:
            self.file.close()


def marks_table(port: int) -> Connection:
    database = Connection(port)
    database.query("CREATE TABLE mark (id serial PRIMARY KEY, note text)")
    database.query("CREATE PUBLICATION p FOR TABLE mark")
    database.query("SELECT pg_create_logical_replication_slot('source', 'pgoutput')")
    # Else the WAL waits for the server's WAL writer.
    database.query("SET synchronous_commit = on")
    return database


def follow(clients: Clients, client: str, slot: str) -> tuple[Process, Tail]:
    folder = Path(tempfile.mkdtemp(dir=clients.scratch))
    path = folder / "changes"
    tail = Tail(path)
    return Process(clients.command(client, slot, str(path), None)), tail


def first_change(tidewire: Path | None, runs: int) -> list[dict]:
    with throwaway_server() as server, tempfile.TemporaryDirectory(prefix="tidewire_bench_") as scratch:
        database = marks_table(server.port)
        database.query("INSERT INTO mark (note) VALUES ('n=1;')")
        clients = Clients(tidewire, server.port, Path(scratch))
        taken = {client: [] for client in clients.names}
        memory = {client: [] for client in clients.names}
        for _ in range(runs):
            for client in clients.names:
                with CopiedSlot(database) as slot:
                    process, tail = follow(clients, client, slot)
                    seen = tail.wait(time.monotonic() + 20)
                    taken[client].append((time.monotonic() - process.begin) * 1e3)
                    memory[client].append(process.stop().rss_mb)
                    tail.close()
                if not seen:
                    raise RuntimeError(f"{client} wrote no change")
        database.close()
    return [{"scenario": "first", "client": client, "first_ms": statistics.median(taken[client]),
             "first_ms_max": max(taken[client]), "rss_mb": max(memory[client])} for client in clients.names]


# Latency.

def write_marks(port: int, count: int, rate: int) -> None:
    """A process of its own. Prints, for each mark, the times before the statement and after its commit."""
    database = Connection(port)
    database.query("SET synchronous_commit = on")
    times = []
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        sent = time.monotonic()
        database.query(f"INSERT INTO mark (note) VALUES ('n={number};')")
        times.append((sent, time.monotonic()))
    sys.stdout.buffer.write(b"".join(struct.pack("dd", *each) for each in times))


def latency(tidewire: Path | None, seconds: int, rate: int = 100) -> list[dict]:
    results = []
    with throwaway_server() as server, tempfile.TemporaryDirectory(prefix="tidewire_bench_") as scratch:
        database = marks_table(server.port)
        clients = Clients(tidewire, server.port, Path(scratch))
        for client in clients.names:
            database.query("INSERT INTO mark (note) VALUES ('n=0;')")
            with CopiedSlot(database) as slot:
                process, tail = follow(clients, client, slot)
                if not tail.wait(time.monotonic() + 20):
                    raise RuntimeError(f"{client} wrote no change")
                results.append(latency_of(client, process, tail, server.port, seconds * rate, rate))
                tail.close()
            database.query("SELECT pg_replication_slot_advance('source', pg_current_wal_lsn())")
        database.close()
    return results


def latency_of(client: str, process: Process, tail: Tail, port: int, count: int, rate: int) -> dict:
    writer = subprocess.Popen([sys.executable, __file__, "--write-marks", str(port), str(count), str(rate)],
                              stdout=subprocess.PIPE)
    arrived = {}
    deadline = time.monotonic() + count / rate + 20
    while len(arrived) < count:
        found = tail.wait(deadline)
        now = time.monotonic()
        if not found:
            raise RuntimeError(f"{client}: {count - len(arrived)} of {count} changes did not come")
        arrived |= {number: now for number in found}
    times = list(struct.iter_unpack("dd", writer.stdout.read()))
    writer.wait()
    used = process.stop()
    after_commit = [(arrived[number] - times[number][1]) * 1e3 for number in range(count)]
    after_sending = [(arrived[number] - times[number][0]) * 1e3 for number in range(count)]
    return {"scenario": "latency", "client": client, "rate": rate, "changes": count,
            "p50_ms": percentile(after_commit, 50), "p99_ms": percentile(after_commit, 99),
            "max_ms": max(after_commit),
            "sent_p50_ms": percentile(after_sending, 50), "sent_p99_ms": percentile(after_sending, 99),
            "cpu_ms_per_s": used.cpu_s * 1e3 / used.wall_s, "rss_mb": used.rss_mb}


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


# The program.

def run(scenario: str, tidewire: Path | None, runs: int, small: bool) -> list[dict]:
    """tidewire None: the peer alone."""
    share = 20 if small else 1
    rows = 600_000 // share
    if scenario == "narrow":
        load = workload.Narrow(rows // 2, short=True, scale=1 if small else 10)
        return drain(scenario, load, rows, tidewire, runs)
    if scenario == "wide":
        return drain(scenario, workload.Wide(rows), rows, tidewire, runs)
    if scenario == "first":
        return first_change(tidewire, 2 * runs + 1)
    return latency(tidewire, 3 if small else 30)


FORMATS = {
    "drain": "{scenario:8} {client:15} {wall_s:7.2f} s {krows_s:7.0f} krows/s   CPU {cpu_s:5.2f} s"
             " = {cpu_s_per_mrow:5.2f} s/Mrow   {rss_mb:6.1f} MB"
             "   {faster:5.2f} x as fast, {less_cpu:5.2f} x less CPU",
    "first": "{scenario:8} {client:15} {first_ms:7.1f} ms to the first change (at most {first_ms_max:.1f} ms)"
             "   {rss_mb:6.1f} MB",
    "latency": "{scenario:8} {client:15} p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms, max {max_ms:.2f} ms"
               " after the commit;"
               " p50 {sent_p50_ms:.2f} ms, p99 {sent_p99_ms:.2f} ms after the statement was sent;"
               " CPU {cpu_ms_per_s:.1f} ms/s, {rss_mb:.1f} MB",
}


def line(result: dict, as_of: str | None = None) -> str:
    return FORMATS.get(as_of or result["scenario"], FORMATS["drain"]).format(**result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tidewire", type=Path, help="the binary; 'none' for pg_recvlogical alone")
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="a twentieth of the rows, a tenth of the time")
    chosen = parser.parse_intermixed_args()
    tidewire = None if str(chosen.tidewire) == "none" else chosen.tidewire.resolve(strict=True)
    for scenario in chosen.scenarios or SCENARIOS:
        for result in run(scenario, tidewire, chosen.runs, chosen.small):
            print(line(result), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write-marks"]:
        write_marks(*map(int, sys.argv[2:5]))
    else:
        main()
