"""Extended queries, COPY both ways and cancelling, over each kind of connection. tidewire itself needs few of them.

The program that has these conversations is tests/wire_tool.cpp, or what TIDEWIRE_WIRE_TOOL says.
"""

import os
import struct
import subprocess
from pathlib import Path

import pytest
from harness import ROOT
from harness.program import clean_environment
from postgres import wait_for

TOOL = Path(os.environ.get("TIDEWIRE_WIRE_TOOL") or ROOT / "build" / "sanitize" / "tests" / "wire_tool")
# How to connect, and what of TLS and the protocol there is then.
WAYS = {"plain": {"sslmode": "disable"}, "tls": {"sslmode": "require"},
        "tls 1.2": {"sslmode": "require", "ssl_max_protocol_version": "TLSv1.2"},
        "direct tls": {"sslmode": "require", "sslnegotiation": "direct"},
        "protocol 3.2": {"sslmode": "disable", "max_protocol_version": "3.2"},
        "protocol 3.2 over tls": {"sslmode": "require", "max_protocol_version": "3.2"}}
NEWER = {"direct tls": 17, "protocol 3.2": 18, "protocol 3.2 over tls": 18}
each_way = pytest.mark.parametrize("way", [
    pytest.param(way, marks=[pytest.mark.since(NEWER[way], "it knows no " + way)] if way in NEWER else [])
    for way in WAYS])
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def field(value: bytes | str | None) -> str:
    if value is None:
        return "-"
    return "=" + (value.encode() if isinstance(value, str) else value).hex()


def read_field(text: str) -> bytes | None:
    return None if text == "-" else bytes.fromhex(text[1:])


class Refused(Exception):
    def __init__(self, code: str, sqlstate: str, text: str):
        super().__init__(f"{code} {sqlstate}: {text}")
        self.code, self.sqlstate, self.text = code, sqlstate, text


class Talk:
    """One open connection of the tool's."""

    def __init__(self, url: str):
        if not TOOL.exists():
            pytest.fail(f"{TOOL} is not there. Build it: `ninja -C build/sanitize tests/wire_tool` (tools/test makes "
                        "that folder), or name another build's in TIDEWIRE_WIRE_TOOL")
        self.url = url
        self.process = subprocess.Popen([TOOL, "session", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=clean_environment(None))
        word, pid, key, self.protocol, self.tls = self.process.stdout.readline().split()
        assert word == "session"
        self.pid, self.key = int(pid), read_field(key)

    def say(self, command: str, sql: str, *fields: bytes | str | None) -> None:
        self.process.stdin.write(" ".join([command, field(sql), *map(field, fields)]) + "\n")
        self.process.stdin.flush()

    def hear(self) -> tuple[list, list, str, str]:
        """Columns, rows (or pieces of data), tag and the transaction's status. Raises Refused."""
        columns, rows = [], []
        while True:
            line = self.process.stdout.readline()
            assert line, "the tool ended"
            word, *words = line.split()
            if word == "error":
                raise Refused(words[0], words[1], read_field(words[2]).decode())
            values = [read_field(each) for each in words]
            if word == "ok":
                return columns, rows, values[0].decode(), values[1].decode()
            if word == "columns":
                columns = [each.decode() for each in values]
            elif word == "row":
                rows.append([None if each is None else each.decode() for each in values])
            else:
                rows.append(values[0])

    def ask(self, command: str, sql: str, *fields: bytes | str | None) -> tuple[list, list, str, str]:
        self.say(command, sql, *fields)
        return self.hear()

    def refusal(self, command: str, sql: str, *fields: bytes | str | None) -> Refused:
        with pytest.raises(Refused) as caught:
            self.ask(command, sql, *fields)
        return caught.value

    def cancel(self, key: bytes | None = None) -> str:
        done = subprocess.run([TOOL, "cancel", self.url, str(self.pid), field(key or self.key)], text=True,
                              stdout=subprocess.PIPE, timeout=30, env=clean_environment(None))
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def close(self) -> None:
        """Says goodbye, and must have ended well (a sanitizer would say otherwise)."""
        self.process.stdin.close()
        code = self.process.wait(30)
        self.process.stdout.close()
        assert code == 0


@pytest.fixture
def talk(db, way):
    made = Talk(db.url(**WAYS[way]))
    assert (made.tls == "none") == (WAYS[way]["sslmode"] == "disable")
    if "1.2" in way:
        assert made.tls == "TLSv1.2"
    newest = "protocol" in way
    assert made.protocol == ("3.2" if newest else "3.0")
    assert len(made.key) == (32 if newest else 4)
    made.ask("query", "SET search_path = public")  # our sessions have none
    yield made
    made.close()


@each_way
def test_extended_query(talk):
    values = ["1", None, "", "é🐘 'quoted' \\ \n\t", "x" * 300_000]
    columns, rows, tag, status = talk.ask("execute", "SELECT $1::int + 1 AS one, $2::int AS none, $3::text, $4::text, "
                                          "$5::text AS long", *values)
    assert columns == ["one", "none", "text", "text", "long"]
    assert rows == [["2", None, *values[2:]]]
    assert (tag, status) == ("SELECT 1", "I")
    many = talk.ask("execute", "SELECT i, nullif(i % 3, 0) FROM generate_series(1, $1::int) i", "20000")
    assert many[1] == [[str(i), str(i % 3) if i % 3 else None] for i in range(1, 20001)]
    assert talk.ask("execute", "SELECT 1 WHERE false AND $1::bool", "t") == (["?column?"], [], "SELECT 0", "I")
    assert talk.ask("execute", "") == ([], [], "", "I")
    assert talk.ask("execute", "CREATE TABLE made (id int)") == ([], [], "CREATE TABLE", "I")
    assert talk.ask("execute", "INSERT INTO made VALUES ($1), (2)", "1") == ([], [], "INSERT 0 2", "I")
    assert talk.ask("execute", "DELETE FROM made WHERE id < $1 RETURNING id * 2 AS twice", "2") == (
        ["twice"], [["2"]], "DELETE 1", "I")


@each_way
def test_errors_leave_the_session_usable(talk):
    for command in ("query", "execute"):
        for sql, sqlstate in (("SELEC 1", "42601"), ("SELECT * FROM nothing_like_this", "42P01"),
                              ("SELECT 1 / (3 - i) FROM generate_series(1, 5) i", "22012")):
            wrong = talk.refusal(command, sql)
            assert (wrong.code, wrong.sqlstate) == ("TW-PG-ERROR", sqlstate)
            assert talk.ask(command, "SELECT 'still here'")[1:] == ([["still here"]], "SELECT 1", "I")
    assert talk.refusal("execute", "SELECT $1::int", "one").sqlstate == "22P02"
    assert talk.refusal("execute", "SELECT $1::int").sqlstate == "08P01"  # too few parameters
    # Inside a transaction the failure lasts until its end.
    assert talk.ask("query", "BEGIN")[3] == "T"
    assert talk.refusal("execute", "SELECT 1 / $1::int", "0").sqlstate == "22012"
    assert talk.refusal("execute", "SELECT 1").sqlstate == "25P02"
    assert talk.ask("query", "ROLLBACK")[2:] == ("ROLLBACK", "I")
    # What comes unasked, between the messages of an answer.
    assert talk.ask("query", "DO $$ BEGIN RAISE WARNING 'loud'; END $$; SET application_name = 'changed'; LISTEN l; "
                             "NOTIFY l, 'heard'; SELECT 7 AS seven")[:3] == (["seven"], [["7"]], "SELECT 1")


@each_way
def test_copy_out(talk):
    talk.ask("query", "CREATE TABLE t AS SELECT i AS id, CASE WHEN i % 7 > 0 THEN repeat('é', i % 500) END AS note "
                      "FROM generate_series(1, 20000) i")
    _, pieces, tag, status = talk.ask("copy-out", "COPY (SELECT * FROM t ORDER BY id) TO STDOUT")
    note = ["é" * (i % 500) if i % 7 else "\\N" for i in range(20001)]
    assert b"".join(pieces).decode() == "".join(f"{i}\t{note[i]}\n" for i in range(1, 20001))
    assert (len(pieces), tag, status) == (20000, "COPY 20000", "I")
    _, pieces, tag, _ = talk.ask("copy-out", "COPY (SELECT * FROM t ORDER BY id) TO STDOUT (FORMAT binary)")
    data, expected = b"".join(pieces), HEADER
    for i in range(1, 20001):
        text = ("é" * (i % 500)).encode()
        expected += struct.pack(">hii", 2, 4, i) + (struct.pack(">i", len(text)) + text if i % 7 else b"\xff" * 4)
    assert data == expected + b"\xff\xff"
    assert talk.ask("copy-out", "COPY (SELECT 1 WHERE false) TO STDOUT") == ([], [], "COPY 0", "I")


@each_way
def test_copy_out_that_fails(talk):
    wrong = talk.refusal("copy-out", "COPY (SELECT 1 / (5000 - i) FROM generate_series(1, 9000) i) TO STDOUT")
    assert (wrong.code, wrong.sqlstate) == ("TW-PG-ERROR", "22012")
    assert talk.refusal("copy-out", "COPY nothing_like_this TO STDOUT").sqlstate == "42P01"
    assert talk.ask("query", "SELECT 1")[1] == [["1"]]


@each_way
def test_copy_in(talk):
    talk.ask("query", "CREATE TABLE t (id int PRIMARY KEY, note text)")
    text = "".join(f"{i}\t{'é' * (i % 300) if i % 5 else chr(92) + 'N'}\n" for i in range(20000)).encode()
    # Pieces end where they like, in the middle of a character too.
    pieces = [text[at:at + 7919] for at in range(0, len(text), 7919)]
    assert talk.ask("copy-in", "COPY t FROM STDIN", *pieces) == ([], [], "COPY 20000", "I")
    assert b"".join(talk.ask("copy-out", "COPY (SELECT * FROM t ORDER BY id) TO STDOUT")[1]) == text
    rows = b"".join(struct.pack(">hiii", 2, 4, i, 3) + b"abc" for i in range(30000, 30100))
    assert talk.ask("copy-in", "COPY t FROM STDIN (FORMAT binary)", HEADER, rows, b"\xff\xff")[2] == "COPY 100"
    assert talk.ask("query", "SELECT count(*), max(note) FROM t WHERE id >= 30000")[1] == [["100", "abc"]]
    assert talk.ask("copy-in", "COPY t FROM STDIN")[2] == "COPY 0"


@each_way
def test_copy_in_that_fails(talk):
    talk.ask("query", "CREATE TABLE t (id int PRIMARY KEY, note text)")
    # The server's error comes long before the end of the data.
    much = [f"{i}\tx\n".encode() for i in range(5000)]
    wrong = talk.refusal("copy-in", "COPY t FROM STDIN", b"0\ta\n", b"zero\tb\n", *much)
    assert (wrong.code, wrong.sqlstate) == ("TW-PG-ERROR", "22P02")
    assert talk.refusal("copy-in", "COPY t FROM STDIN", b"1\ta\n", b"1\tb\n").sqlstate == "23505"
    assert talk.refusal("copy-in", "COPY nothing_like_this FROM STDIN", b"1\n").sqlstate == "42P01"
    # Whoever gives the data fails: nothing of it stays, and its own error is what is told.
    assert talk.refusal("copy-in", "COPY t FROM STDIN", b"1\ta\n", None).code == "gives-up"
    assert talk.ask("query", "SELECT count(*) FROM t")[1] == [["0"]]


@pytest.mark.parametrize("way", ["plain"])
@pytest.mark.parametrize("command, sql", [
    ("copy-in", "COPY pg_class TO STDOUT"), ("copy-in", "SELECT 1"), ("copy-out", "SELECT 1"),
    ("copy-out", "CREATE TABLE f (a int); COPY f FROM STDIN"), ("query", "COPY pg_class TO STDOUT"),
    ("execute", "COPY pg_class TO STDOUT")])
def test_a_command_of_another_kind_is_refused(talk, command, sql):
    assert talk.refusal(command, sql).code == "TW-PG-UNEXPECTED"


@each_way
@pytest.mark.parametrize("command", ["query", "execute", "copy-out"])
def test_cancel(talk, db, way, command):
    sleep = {"copy-out": "COPY (SELECT pg_sleep(600)) TO STDOUT"}.get(command, "SELECT pg_sleep(600)")
    asleep = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {talk.pid} AND wait_event = 'PgSleep'"
    talk.say(command, sleep)
    db.server.wait_sql(asleep, "1")
    # Who does not know the key has no say. The server says so in its log, not to the asker.
    wrong = bytes([talk.key[0] ^ 1]) + talk.key[1:]
    talk.cancel(wrong)
    complaint = f"wrong key in cancel request for process {talk.pid}"
    wait_for(lambda: complaint in db.server.log.read_text(errors="replace"), 10, "the server's complaint")
    assert db.server.sql(asleep) == "1"
    assert talk.cancel() == ("asked in the clear" if talk.tls == "none" else "asked over TLS")
    with pytest.raises(Refused) as caught:
        talk.hear()
    assert caught.value.sqlstate == "57014"
    # The session goes on.
    assert talk.ask("query", "SELECT 1")[1] == [["1"]]
