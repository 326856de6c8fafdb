#!/usr/bin/env python3
"""tidewire stream from a server that replays change events, and from a real mongod that is idle.

  bench/live_mongo.py BUILT [--runs N] [--small] [drain] [memory] [latency]

drain    replies as they come from a backlog, into /dev/null
memory   the same with events of nearly 16 MB
latency  from the commit to the line in the file, ten inserts a second: the stream is idle in between
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import live

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

PARTS = ("drain", "memory", "latency")
MONGOD = "6.0.5"
# Class, and events in a reply: as the corpus has them, and of 16 MB, as a server makes them of a backlog.
DRAINS = (("small", 0), ("small", 28_000), ("medium", 0), ("nested", 0), ("large", 0))


class Replay:
    def __init__(self, built: Path, kind: str, megabytes: int, in_a_reply: int = 0):
        self.process = subprocess.Popen([built / "bench" / "replay", kind, str(megabytes), str(in_a_reply)],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()

    def given(self) -> tuple[int, int]:
        """Events and bytes that the last client got."""
        words = self.process.stdout.readline().split()
        return int(words[0]), int(words[2])


def command(built: Path, port: int, to: Path | str, scratch: Path, *more: str) -> list[str]:
    scratch = Path(tempfile.mkdtemp(dir=scratch))
    return [str(built / "tidewire" / "tidewire"), "stream",
            f"mongodb://127.0.0.1:{port}/shop?directConnection=true", "--to", f"file:{to}",
            "--position", str(scratch / "position"), "--quiet", *more]


def drain(built: Path, kind: str, in_a_reply: int, megabytes: int, runs: int) -> dict:
    with tempfile.TemporaryDirectory(prefix="tidewire_bench_") as folder, \
            Replay(built, kind, megabytes, in_a_reply) as server:
        scratch = Path(folder)
        bounds = ("--start-at", "@1.1", "--until", "now")
        check = scratch / "lines"
        live.Process(command(built, server.port, check, scratch, *bounds)).end()
        events, size = server.given()
        with open(check, "rb") as lines:
            if (found := sum(1 for _ in lines)) != events:
                raise RuntimeError(f"{found} lines of {events} events")
        check.unlink()
        used = []
        for _ in range(runs):
            used.append(live.Process(command(built, server.port, "/dev/null", scratch, *bounds)).end())
            server.given()
        wall, cpu = (statistics.median(getattr(each, field) for each in used) for field in ("wall_s", "cpu_s"))
        name = f"mongo {kind}" + (f" {in_a_reply} a reply" if in_a_reply else "")
        return {"scenario": name, "client": "tidewire", "events": events, "bytes": size, "wall_s": wall,
                "cpu_s": cpu, "mb_s": size / wall / 1e6, "mb_per_cpu_s": size / cpu / 1e6,
                "best_mb_s": size / min(each.wall_s for each in used) / 1e6,
                "rss_mb": max(each.rss_mb for each in used)}


def latency(built: Path, count: int) -> dict:
    import mongod
    sys.path.insert(0, str(mongod.driver()))

    with tempfile.TemporaryDirectory(prefix="tidewire_bench_") as folder:
        server = mongod.Mongod(Path(folder) / "server", MONGOD).start()
        try:
            server.initiate()
            with server.client() as client:
                return latency_of(built, server.port, client.shop.marks, Path(folder), count)
        finally:
            server.stop()


def latency_of(built: Path, port: int, table, folder: Path, count: int) -> dict:
    table.insert_one({"note": "n=0;"})
    path = folder / "changes"
    tail = live.Tail(path)
    process = live.Process(command(built, port, path, folder))
    deadline = time.monotonic() + 20
    while not tail.wait(time.monotonic() + 0.1):  # until it follows
        if time.monotonic() > deadline:
            raise RuntimeError("tidewire wrote no change")
        table.insert_one({"note": "n=0;"})
    after_commit = []
    for number in range(1, count + 1):
        time.sleep(0.1)
        table.insert_one({"note": f"n={number};"})
        done = time.monotonic()
        while number not in tail.wait(done + 20):
            if time.monotonic() > done + 20:
                raise RuntimeError(f"change {number} did not come")
        after_commit.append((time.monotonic() - done) * 1e3)
    used = process.stop()
    tail.close()
    return {"scenario": "mongo latency", "client": "tidewire", "changes": count,
            "p50_ms": live.percentile(after_commit, 50), "p99_ms": live.percentile(after_commit, 99),
            "max_ms": max(after_commit), "cpu_ms_per_s": used.cpu_s * 1e3 / used.wall_s, "rss_mb": used.rss_mb}


def run(built: Path, runs: int, small: bool, parts: tuple[str, ...] = PARTS) -> list[dict]:
    results = []
    if "drain" in parts:
        for kind, in_a_reply in DRAINS:
            results.append(drain(built, kind, in_a_reply, 20 if small else 500, runs))
    if "memory" in parts:
        results.append(drain(built, "huge", 0, 60 if small else 300, runs))
    if "latency" in parts:
        results.append(latency(built, 20 if small else 200))
    return results


def line(result: dict) -> str:
    if "p50_ms" in result:
        return (f"commit to line p50 {result['p50_ms']:.2f} ms, p99 {result['p99_ms']:.2f} ms, most"
                f" {result['max_ms']:.2f} ms, {result['rss_mb']:.1f} MB")
    return (f"{result['mb_s']:.0f} MB/s (best {result['best_mb_s']:.0f}), {result['mb_per_cpu_s']:.0f} MB per CPU"
            f" second, {result['events']} events, {result['rss_mb']:.1f} MB of memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("built", type=Path, help="the build folder")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all unless named")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", action="store_true")
    chosen = parser.parse_intermixed_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    for result in run(chosen.built, chosen.runs, chosen.small, tuple(chosen.parts) or PARTS):
        print(f"{result['scenario']:26} {line(result)}", flush=True)


if __name__ == "__main__":
    main()
