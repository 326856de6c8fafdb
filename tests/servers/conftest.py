"""Fixtures of the live tests. TIDEWIRE_PG chooses the server's major version, TIDEWIRE_BINARY the program."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from harness import BINARY, MAJOR  # noqa: E402  (also makes tools/ importable)
from harness.database import Database, Session, free_folder  # noqa: E402
from harness.pooler import Pooler  # noqa: E402
from harness.program import Tidewire  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.report import Report  # noqa: E402
from postgres import Postgres, free_port  # noqa: E402

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


@pytest.fixture
def standby_of(scratch):
    """standby_of(primary): a hot standby, made of a copy while the primary is stopped for a moment."""
    started = []

    def make(primary: Postgres) -> Postgres:
        primary.stop()
        folder = free_folder(scratch, "standby")
        shutil.copytree(primary.data, folder / "data")
        standby = Postgres(folder, primary.major, port=free_port())
        source = f"primary_conninfo = 'host=127.0.0.1 port={primary.port} user=postgres sslmode=disable'\n"
        if primary.major >= 12:
            (standby.data / "standby.signal").touch()
            standby.write_settings({"primary_conninfo": f"host=127.0.0.1 port={primary.port} user=postgres"})
        else:
            (standby.data / "recovery.conf").write_text("standby_mode = on\n" + source)
        standby.write_settings({"unix_socket_directories": "", "hot_standby": "on"})
        standby.own(folder)
        folder.chmod(0o755)
        standby.data.chmod(0o700)
        primary.start()
        started.append(standby.start())
        return standby
    yield make
    for each in started:
        each.stop("immediate")


@pytest.fixture
def check(tidewire):
    """check(database, option, …, user=…): the report."""
    def run(database, *options: object, user: str = "postgres", url: str | None = None, **parameters) -> Report:
        url = url or database.url(user=user, **parameters)
        return Report(tidewire("check", url, "--publication", database.publication, "--slot", database.slot, "--json",
                               *options))
    return run


@pytest.fixture
def role(db):
    """role(name part, attributes): a role of this test alone, dropped after it."""
    made = []

    def make(name: str = "reader", attributes: str = "LOGIN REPLICATION") -> str:
        made.append(f"{name}_{db.name}")
        db.server.sql(f"CREATE ROLE {made[-1]} {attributes}")
        return made[-1]
    yield make
    for each in made:
        db.sql(f"DROP OWNED BY {each}")
        db.server.sql(f"DROP ROLE {each}")


@pytest.fixture
def pooler():
    """pooler(server, refuses): one in front of it that refuses that start-up parameter."""
    made = []

    def make(server, refuses: bytes) -> Pooler:
        made.append(Pooler(server.port, refuses))
        return made[-1]
    yield make
    for each in made:
        each.listener.close()
