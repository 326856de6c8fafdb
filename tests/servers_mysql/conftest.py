"""Fixtures of the live tests. TIDEWIRE_MYSQL names the servers (mariadb-10.11, mariadb-11.8, mysql-8.0, mysql-9.7),
separated by commas, all for every one of them; TIDEWIRE_BINLOG_TOOL and TIDEWIRE_BINARY the programs under test. A
server that can't be fetched here is skipped, by name."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from harness import BINARY, SERVERS, TOOL  # noqa: E402  (also makes tools/ importable)
from mysql import Mysql, MysqlError, fetch  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "only(prefix, why): needs a server whose name begins so")
    for program, variable in ((TOOL, "TIDEWIRE_BINLOG_TOOL"), (BINARY, "TIDEWIRE_BINARY")):
        if not program.exists():
            raise pytest.UsageError(f"{program} is not there: build it, or name another in {variable}")


def pytest_report_header(config):
    return f"{', '.join(SERVERS)}; {TOOL}; {BINARY}"


def pytest_collection_modifyitems(config, items):
    """What a server can't do is left out by name."""
    kept, left_out = [], []
    for item in items:
        only = item.get_closest_marker("only")
        name = item.callspec.params.get("server") if hasattr(item, "callspec") else None
        fits = not only or (name or "").startswith(only.args[0])
        (kept if fits else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(scope="session")
def scratch():
    folder = Path(tempfile.mkdtemp(prefix="tidewire-mysql-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", params=SERVERS)
def server(request, scratch):
    """The server that most tests share; all tests of one run together."""
    try:
        fetch(request.param)
    except MysqlError as error:
        pytest.skip(f"{request.param} can't be had here: {error}")
    running = Mysql(scratch / request.param, request.param).start()
    yield running
    running.stop()


@pytest.fixture
def database(server):
    """An empty database of that name."""
    server.sql("DROP DATABASE IF EXISTS d; CREATE DATABASE d CHARACTER SET utf8mb4")
    yield "d"
    server.sql("DROP DATABASE IF EXISTS d")
