"""The throwaway MySQL that the benchmarks run against."""

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import binlog_workload as workload
import mysql

SERVER = "mysql-8.0"
SETTINGS = {"max-binlog-size": "1G", "innodb-buffer-pool-size": "256M", "innodb-log-buffer-size": "64M",
            "innodb-doublewrite": "0", "default-time-zone": "+00:00"}


@contextlib.contextmanager
def throwaway_mysql(settings: dict[str, str] | None = None):
    folder = Path(tempfile.mkdtemp(prefix="tidewire_bench_"))
    folder.chmod(0o755)
    server = mysql.Mysql(folder, SERVER, SETTINGS | (settings or {}))
    try:
        server.start()
        server.sql(workload.NUMBERS)
        yield server
    finally:
        server.kill9()
        shutil.rmtree(folder)


def run(server: mysql.Mysql, statements: list[str]) -> None:
    """One session. `;;` ends a statement, so that procedures can be made."""
    server.sql("DELIMITER ;;\n" + ";;\n".join(statements) + ";;\n", "bench")


def write(server: mysql.Mysql, load) -> Path:
    """Runs a workload whose tables are there; all it writes is in the file that is returned."""
    file, _ = server.binlog()
    run(server, load.statements())
    server.sql("FLUSH BINARY LOGS")
    return file
