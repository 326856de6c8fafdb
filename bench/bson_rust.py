"""What Rust's bson crate does with the corpora of `bson`, in turns with ours: bson/rust, built by cargo.

Both programs hold the same bytes and do one pass whenever they are asked. Ratios are medians of those of one round.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The crate's passes, ours beside them, and what both must have seen the same of.
TURNS = (("iter", "walk_utf8", ("elements", "name_bytes", "types")), ("serde", "ndjson", ("events",)),
         ("extjson", "ndjson", ("events",)))


def build() -> Path | None:
    """The program; None, and a word about it, without cargo."""
    if not shutil.which("cargo"):
        print("left out: Rust's bson crate, there is no cargo", file=sys.stderr)
        return None
    target = ROOT / "build" / "rust_bson"
    environment = os.environ | {"CARGO_TARGET_DIR": str(target), "RUSTFLAGS": "-C target-cpu=x86-64-v2"}
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT / "bench" / "bson" / "rust", check=True,
                   env=environment, stdout=sys.stderr)
    return target / "release" / "rust_bson"


class Asked:
    """A program that does the pass whose name it is sent, and tells what it saw."""

    def __init__(self, *command: object):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, name: str) -> dict:
        print(name, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args[0]} ended instead of doing {name}")
        return json.loads(answer)

    def end(self) -> None:
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise RuntimeError(f"{self.process.args[0]} failed")


def in_turns(ours: Asked, theirs: Asked, runs: int) -> list[dict]:
    results = []
    for rust, mode, same in TURNS:
        # What is seen is compared in the first round, which is not timed: it touches all memory.
        seen, also_seen = ours(mode), theirs(rust)
        if any(seen[each] != also_seen[each] for each in ("bytes", *same)):
            raise RuntimeError(f"not the same: {mode} saw {seen}, Rust's {rust} {also_seen}")
        rounds = [(ours(mode)["seconds"], theirs(rust)["seconds"]) for _ in range(runs)]
        median = statistics.median(each for _, each in rounds)
        results.append({"mode": f"rust_{rust}", "bytes": seen["bytes"], "seconds": median,
                        "gb_s": seen["bytes"] / median / 1e9, "out_gb_s": also_seen["output_bytes"] / median / 1e9,
                        "beside": mode, "times_rust": statistics.median(each / our for our, each in rounds)})
    return results


def instructions(program: Path, rust: str, corpus: Path) -> float:
    """A byte, of one pass, as valgrind counts them."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "counts"
        done = subprocess.run(["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}",
                               f"--toggle-collect=rust_{rust}_pass", program, corpus, "--once", rust],
                              check=True, stdout=subprocess.PIPE, text=True)
        counted = int(re.search(r"^summary: (\d+)", output.read_text(), re.MULTILINE).group(1))
        return counted / int(re.search(r"(\d+) bytes", done.stdout).group(1))


def run(bson: Path, classes: tuple, runs: int, small: bool) -> list[dict]:
    program = build()
    if not program:
        return []
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus"
        for scenario, megabytes, repeat in (("bson", 5 if small else 100, runs), ("bson cached", 2, 3 if small else 51)):
            for kind in classes:
                ours = Asked(bson, "--class", kind, "--mb", megabytes, "--write", corpus)
                ours("walk")  # the corpus has been written when this is answered
                theirs = Asked(program, corpus)
                results += [{"scenario": scenario, "class": kind} | each for each in in_turns(ours, theirs, repeat)]
                ours.end()
                theirs.end()
        for kind in classes:
            Asked(bson, "--class", kind, "--mb", 1, "--write", corpus).end()
            results += [{"scenario": "bson callgrind", "class": kind, "mode": f"rust_{rust}",
                         "instructions_per_byte": instructions(program, rust, corpus)} for rust, _, _ in TURNS]
    return results


def line(result: dict) -> str:
    return f"{result['gb_s']:6.3f} GB/s, {result['beside']} has {result['times_rust']:6.2f} x this rate"
