"""The throwaway Postgres that the benchmarks run against."""

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import postgres

MAJOR = 15  # Debian's own, so that pgbench and pg_recvlogical are of the same version
SETTINGS = {"synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "16GB",
            "checkpoint_timeout": "1h", "shared_buffers": "256MB", "logical_decoding_work_mem": "256MB"}


@contextlib.contextmanager
def throwaway_server():
    folder = Path(tempfile.mkdtemp(prefix="tidewire_bench_"))
    server = postgres.Postgres(folder, MAJOR, settings=SETTINGS)
    try:
        yield server.start()
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)
