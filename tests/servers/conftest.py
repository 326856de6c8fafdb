"""Fixtures of the live tests. TIDEWIRE_PG chooses the server's major version, TIDEWIRE_BINARY the program."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from harness import BINARY, MAJOR  # noqa: E402  (also makes tools/ importable)
from harness.database import Database, Session, free_folder  # noqa: E402
from harness.program import Tidewire  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from postgres import Postgres  # noqa: E402

not_run: list[str] = []


def pytest_configure(config):
    config.addinivalue_line("markers", "since(major, why): needs at least that Postgres")
    config.addinivalue_line("markers", "before(major, why): needs an older Postgres")
    config.addinivalue_line("markers", "slow: takes more than ten seconds")


def pytest_collection_modifyitems(config, items):
    """What this version can't do is left out by name, with the reason, and shows in the summary."""
    kept, left_out = [], []
    for item in items:
        since, before = item.get_closest_marker("since"), item.get_closest_marker("before")
        if since and MAJOR < since.args[0]:
            not_run.append(f"{item.nodeid}: needs Postgres {since.args[0]}: {since.args[1]}")
        elif before and MAJOR >= before.args[0]:
            not_run.append(f"{item.nodeid}: needs a Postgres before {before.args[0]}: {before.args[1]}")
        else:
            kept.append(item)
            continue
        left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_report_header(config):
    return f"Postgres {MAJOR}, {BINARY}"


def pytest_terminal_summary(terminalreporter):
    for each in not_run:
        terminalreporter.write_line(f"left out on Postgres {MAJOR}: {each}")


@pytest.fixture(scope="session")
def scratch():
    """A folder that servers, which run as somebody else when we are root, can reach."""
    folder = Path(tempfile.mkdtemp(prefix="tidewire-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(scratch):
    """The server that most tests share. A test that restarts or reconfigures one takes new_server."""
    running = Postgres(scratch / "shared", MAJOR).start()
    yield running
    running.stop("immediate")


@pytest.fixture(scope="module")
def new_server(scratch):
    """new_server(setting=value, …): a server for this module alone."""
    started = []

    def make(**settings: str) -> Postgres:
        started.append(Postgres(free_folder(scratch, "own"), MAJOR, settings=settings).start())
        return started[-1]
    yield make
    for each in started:
        each.stop("immediate")


@pytest.fixture
def new_database(tidewire):
    """new_database(server): made for this test and dropped after it."""
    made = []

    def make(server: Postgres, options: str = "") -> Database:
        made.append(Database(server, options))
        return made[-1]
    yield make
    tidewire.stop_all()
    for each in made:
        if each.server.pid():
            each.drop()


@pytest.fixture
def db(server, new_database):
    return new_database(server)


@pytest.fixture
def tidewire():
    """tidewire(*arguments): starts the program; whatever still runs when the test ends is killed."""
    class Starter:
        def __init__(self):
            self.started: list[Tidewire] = []

        def __call__(self, *arguments, **options) -> Tidewire:
            self.started.append(Tidewire(*arguments, **options))
            return self.started[-1]

        def stop_all(self):
            for each in self.started:
                if each.process.poll() is None:
                    each.kill9()
    starter = Starter()
    yield starter
    starter.stop_all()


@pytest.fixture
def session():
    """session(database): an open psql."""
    opened = []

    def make(database: Database) -> Session:
        opened.append(Session(database))
        return opened[-1]
    yield make
    for each in opened:
        each.close()


@pytest.fixture
def proxy():
    """proxy(server): a proxy in front of it."""
    made = []

    def make(server: Postgres) -> Proxy:
        made.append(Proxy(server.port))
        return made[-1]
    yield make
    for each in made:
        each.close()
