"""What the tests of check and setup share: reports, servers with users, and the statements that fixes are made of."""

import json
import re
from urllib.parse import quote

import mongod
from conftest import SECOND
from harness.report import Report
from postgres import wait_for
from second import UNKNOWN

ROOT = "r00t"


class MongoReport(Report):
    prefix = "TW-CHECK-MO-"

    def is_ready(self) -> "MongoReport":
        unknown = set(self.with_status("unknown")) - (UNKNOWN if SECOND else set())
        assert self.exit == 0 and not self.with_status("fail") and not unknown, self.describe()
        return self


class Plan:
    """A finished `tidewire setup --json`."""

    def __init__(self, run):
        self.run = run
        self.exit = run.end(60)
        self.whole = json.loads(b"".join(run.lines))
        self.steps = self.whole["steps"]
        self.password = self.whole.get("password")

    def states(self) -> list[str]:
        return [step["state"] for step in self.steps]

    def describe(self) -> str:
        return f"exit code {self.exit}\n" + "\n".join(map(str, self.steps)) + "\n" + self.run.stderr


def guarded(server: mongod.Mongod) -> mongod.Mongod:
    """Starts it as a set that wants users, and makes an administrator. Also a server that has TLS."""
    key = server.folder.with_suffix(".key")
    key.write_text("a" * 64)
    key.chmod(0o400)
    server.start().initiate()
    with server.client() as client:
        client.admin.command("createUser", "root", pwd=ROOT, roles=["root"])
    server.stop()
    server.options = (*server.options, "--auth", "--keyFile", str(key))
    server.start()
    wait_for(server.is_primary, 30, "the primary")
    return server


def root(server: mongod.Mongod):
    return server.client(username="root", password=ROOT)


def url(server: mongod.Mongod, user: str = "", password: str = "x", database: str = "shop", **options) -> str:
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    given = ({"authSource": "admin"} if user else {}) | options
    if server.tls:
        given = {"tls": "true", "tlsCAFile": str(server.folder / "tls" / "ca.crt")} | given
    return f"mongodb://{who}{server.host}/{database}?" + "&".join(f"{name}={quote(str(value), safe='')}"
                                                                  for name, value in given.items())


STATEMENT = re.compile(r'db(?:\.getSiblingDB\((".*?")\))?\.(\w+)\((.*?)\);', re.DOTALL)


def arguments_of(text: str) -> list:
    """A call's arguments in mongosh: JSON, but for names without quotes."""
    return json.loads("[" + re.sub(r"([{,]\s*)([A-Za-z]\w*):", r'\1"\2":', text) + "]")


def run_in_shell(client, text: str) -> None:
    """What mongosh would do with the statements."""
    statements = STATEMENT.findall(text)
    assert statements, text
    for database, method, rest in statements:
        db = client[json.loads(database)] if database else client.admin
        given = arguments_of(rest)
        if method in ("adminCommand", "runCommand"):
            (client.admin if method == "adminCommand" else db).command(given[0])
        elif method == "grantPrivilegesToRole":
            db.command(method, given[0], privileges=given[1])
        elif method == "grantRolesToUser":
            db.command(method, given[0], roles=given[1])
        elif method == "changeUserPassword":
            db.command("updateUser", given[0], pwd=given[1])
        elif method in ("createRole", "createUser"):
            of = given[0]
            db.command(method, of.pop(method.removeprefix("create").lower()), **of)
        else:
            raise AssertionError(f"unknown statement: {method}")
