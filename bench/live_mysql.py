#!/usr/bin/env python3
"""tidewire against a live MySQL 8.0 on the loopback, beside mysqlbinlog --read-from-remote-server --raw.

  bench/live_mysql.py TIDEWIRE [--runs N] [--small] [SCENARIO…]

mysql_sysbench, mysql_wide, mysql_tiny   draining a binlog: lines into /dev/null; mysqlbinlog copies it as it is
mysql_latency       from the commit to the change in the file, 100 transactions a second
mysql_transaction   the most memory while one transaction of 1 GB goes through
mysql_payload       the same while the server sends it compressed, in a payload of less than 100 KB
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import binlog_workload as workload
from live import Process, Tail, line, percentile, summary
from mysql_server import run, throwaway_mysql, write

PEER = "mysqlbinlog"
LOADS = {"mysql_sysbench": lambda small: workload.Sysbench(3_000 if small else 600_000),
         "mysql_wide": lambda small: workload.Wide(3_000 if small else 300_000),
         "mysql_tiny": lambda small: workload.Tiny(1_000 if small else 100_000)}
SCENARIOS = (*LOADS, "mysql_latency", "mysql_transaction", "mysql_payload")
MEGABYTE_TABLE = "CREATE TABLE big (id INT PRIMARY KEY, body LONGBLOB)"


class Client:
    """tidewire, with the positions that it starts from."""

    def __init__(self, tidewire: Path, server, scratch: Path):
        self.tidewire, self.scratch = tidewire, scratch
        self.url = f"mysql://root@127.0.0.1:{server.port}/?ssl-mode=disabled"
        self.here = scratch / "here"
        self.runs = 0

    def remember(self) -> None:
        """Later runs start from here."""
        self.here.unlink(missing_ok=True)
        self.start(self.here, "/dev/null", "--until", "now").end()

    def start(self, position: Path, to: str, *options: str) -> Process:
        return Process([str(self.tidewire), "stream", self.url, "--to", f"file:{to}", "--position", str(position),
                        "--quiet", *options])

    def run(self, to: str, *options: str) -> Process:
        self.runs += 1
        position = self.scratch / f"position_{self.runs}"
        shutil.copyfile(self.here, position)
        return self.start(position, to, *options)


def peer(server, file: str, into: Path) -> Process:
    return Process([*server.program("mysqlbinlog"), "--no-defaults", "--read-from-remote-server", "--raw",
                    "--host=127.0.0.1", f"--port={server.port}", "--user=root", "--ssl-mode=DISABLED",
                    f"--result-file={into}/", file])


def drain(name: str, load, tidewire: Path, runs: int) -> list[dict]:
    with throwaway_mysql() as server, tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        client = Client(tidewire, server, Path(scratch))
        run(server, load.tables)
        server.sql("FLUSH BINARY LOGS")
        client.remember()
        file = write(server, load)
        starts = {"tidewire": lambda: client.run("/dev/null", "--until", "now"),
                  PEER: lambda: peer(server, file.name, Path(scratch))}
        names = list(starts)
        used = {each: [] for each in names}
        for turn in range(runs + 1):
            for each in names[turn % 2:] + names[:turn % 2]:
                usage = starts[each]().end()
                if turn:  # the first fills the server's caches
                    used[each].append(usage)
                print(f"  {name} run {turn}: {each} {usage.wall_s:.2f} s, CPU {usage.cpu_s:.2f} s,"
                      f" {usage.rss_mb:.1f} MB", file=sys.stderr, flush=True)
    return [summary(name, each, load.images, used, PEER) for each in names]


def latency(tidewire: Path, seconds: int, rate: int = 100) -> list[dict]:
    with throwaway_mysql() as server, tempfile.TemporaryDirectory() as scratch:
        run(server, ["CREATE TABLE mark (id INT AUTO_INCREMENT PRIMARY KEY, note TEXT)"])
        client = Client(tidewire, server, Path(scratch))
        client.remember()
        out = Path(scratch) / "out" / "changes"
        out.parent.mkdir()
        tail = Tail(out)
        session = subprocess.Popen([*server.program("mysql"), "--no-defaults", f"--socket={server.socket}", "-uroot",
                                    "-N", "-B", "--unbuffered", "bench"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, bufsize=0)

        def mark(number: int) -> tuple[float, float, float]:
            sent = time.monotonic()
            session.stdin.write(f"INSERT INTO mark (note) VALUES ('n={number};'); SELECT 1;\n".encode())
            session.stdout.readline()
            committed = time.monotonic()
            if number not in tail.wait(committed + 20):
                raise RuntimeError(f"change {number} did not come")
            return sent, committed, time.monotonic()

        process = client.run(str(out))
        mark(0)  # once it is here
        begin, times = time.monotonic(), []
        for number in range(1, seconds * rate + 1):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            times.append(mark(number))
        used = process.stop()
        tail.close()
        session.stdin.close()
        session.wait()
    after_commit = [(seen - committed) * 1e3 for _, committed, seen in times]
    after_sending = [(seen - sent) * 1e3 for sent, _, seen in times]
    return [{"scenario": "mysql_latency", "client": "tidewire", "rate": rate, "changes": len(times),
             "p50_ms": percentile(after_commit, 50), "p99_ms": percentile(after_commit, 99), "max_ms": max(after_commit),
             "sent_p50_ms": percentile(after_sending, 50), "sent_p99_ms": percentile(after_sending, 99),
             "cpu_ms_per_s": used.cpu_s * 1e3 / used.wall_s, "rss_mb": used.rss_mb}]


def large(name: str, tidewire: Path, small: bool) -> list[dict]:
    """Rows of 1 MB, all in one transaction."""
    rows = 20 if small else 1000
    compressed = "ON" if name == "mysql_payload" else "OFF"
    with throwaway_mysql() as server, tempfile.TemporaryDirectory() as scratch:
        run(server, [MEGABYTE_TABLE])
        client = Client(tidewire, server, Path(scratch))
        client.remember()
        run(server, [f"SET binlog_transaction_compression = {compressed}",
                     f"INSERT INTO big SELECT n, REPEAT('a', 1000000) FROM numbers.n WHERE n < {rows}"])
        binlog_mb = server.binlog()[1] / 1e6
        used = client.run("/dev/null", "--until", "now").end()
    return [{"scenario": name, "client": "tidewire", "rows": rows, "binlog_mb": binlog_mb, "wall_s": used.wall_s,
             "cpu_s": used.cpu_s, "rss_mb": used.rss_mb}]


def line_of(result: dict) -> str:
    if "binlog_mb" in result:
        return ("{scenario} {client} {rows} rows of 1 MB, {binlog_mb:.1f} MB of binlog: {wall_s:.2f} s,"
                " CPU {cpu_s:.2f} s, {rss_mb:.1f} MB").format(**result)
    return line(result, "latency" if result["scenario"] == "mysql_latency" else "drain")


def run_scenario(scenario: str, tidewire: Path, runs: int, small: bool) -> list[dict]:
    if scenario in LOADS:
        return drain(scenario, LOADS[scenario](small), tidewire, runs)
    if scenario == "mysql_latency":
        return latency(tidewire, 3 if small else 20)
    return large(scenario, tidewire, small)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tidewire", type=Path)
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="little data")
    chosen = parser.parse_intermixed_args()
    for scenario in chosen.scenarios or SCENARIOS:
        for result in run_scenario(scenario, chosen.tidewire.resolve(strict=True), chosen.runs, chosen.small):
            print(line_of(result), flush=True)


if __name__ == "__main__":
    main()
