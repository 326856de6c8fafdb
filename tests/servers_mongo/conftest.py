"""Fixtures of the live tests of MongoDB: python3 -m pytest tests/servers_mongo. TIDEWIRE_MONGO chooses the server's
version (6.0.5), or another implementation (secantus-0.5.3); TIDEWIRE_BINARY the program. What can't be fetched skips
them all, by name and with the reason."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
from harness import BINARY  # noqa: E402  (also makes tools/ importable)
from harness.program import Tidewire  # noqa: E402
import mongod  # noqa: E402
import secantus  # noqa: E402
from second import LACKS  # noqa: E402

VERSION = os.environ.get("TIDEWIRE_MONGO") or "6.0.5"
SECOND = VERSION.startswith("secantus")
SERVER = secantus.Secantus if SECOND else mongod.Mongod


def unavailable() -> str:
    try:
        (secantus if SECOND else mongod).fetch(VERSION)
        sys.path.insert(0, str(mongod.driver()))
        import pymongo  # noqa: F401
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


WHY_NOT = unavailable()


def pytest_collection_modifyitems(items):
    if WHY_NOT:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"no server {VERSION}: {WHY_NOT}"))
    for item in items if SECOND else []:
        file = item.path.stem
        why = next((LACKS[file, each] for each in ("*", item.originalname, item.name) if (file, each) in LACKS), None)
        if why:
            item.add_marker(pytest.mark.skip(reason=f"{VERSION}: {why}"))


def pytest_report_header(config):
    return f"MongoDB {VERSION}, {BINARY}"


def pytest_terminal_summary(terminalreporter):
    if WHY_NOT:
        terminalreporter.write_line(f"NOT RUN, all of tests/servers_mongo: no server {VERSION}: {WHY_NOT}")


@pytest.fixture(scope="session")
def scratch():
    folder = Path(tempfile.mkdtemp(prefix="tidewire-mongo-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(scratch):
    """A set of one member that most tests share."""
    running = SERVER(scratch / "shared", VERSION).start().initiate()
    yield running
    running.stop()


@pytest.fixture
def new_server(scratch):
    """new_server(…): members for this test alone."""
    started = []

    def make(**options):
        folder = scratch / f"own{len(list(scratch.iterdir()))}"
        started.append(SERVER(folder, **{"version": VERSION} | options).start())
        return started[-1]
    yield make
    for each in started:
        each.kill9()  # a primary that stops waits for an election first


@pytest.fixture
def db(server, request):
    """An empty database of the test's own name."""
    name = request.node.name.split("[")[0][:40] + str(abs(hash(request.node.name)) % 1000)
    with server.client() as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def tidewire():
    """tidewire(arguments…) starts the program; whatever still runs at the end is killed."""
    started = []

    def run(*arguments, **options):
        started.append(Tidewire(*arguments, **options))
        return started[-1]
    yield run
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.fixture
def stream(server, db, tidewire):
    """stream(options…) follows the test's database and has begun when it returns."""
    def run(*options, url=None, query=""):
        running = tidewire("stream", url or f"mongodb://{server.host}/{db.name}?{query}", *options)
        running.wait_stderr("streaming .* after ")
        return running
    return run
