"""Every type's binary form → exactly the text of the server's own output function: the server is asked for both.

The program that turns one into the other is tests/binary_text_tool.cpp, or what TIDEWIRE_BINARY_TEXT_TOOL says.
"""

import os
import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Callable

import pytest
from harness import MAJOR, ROOT, values
from harness.database import PINNED, Database

TOOL = Path(os.environ.get("TIDEWIRE_BINARY_TEXT_TOOL") or ROOT / "build" / "sanitize" / "tests" / "binary_text_tool")
MANY = 3000

DDL = """
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE EXTENSION cube; CREATE EXTENSION lo;
CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"', 'NULL', 'a,b');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE DOMAIN far AS positive CHECK (value > 9);
CREATE DOMAIN words AS text[];
CREATE TYPE pair AS (a int, b text);
CREATE TYPE nothing AS ();
CREATE TYPE mixed AS (p pair, w words, f float8, t timestamptz, m mood, d far);
CREATE TYPE deep AS (m mixed[], h hstore, b box[]);
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
CREATE TYPE floatrange AS RANGE (subtype = float8);
CREATE TYPE pairrange AS RANGE (subtype = pair);
CREATE TYPE has_name AS (n int, c regclass);
CREATE TABLE dropped (a int, b text, c text); ALTER TABLE dropped DROP COLUMN b;
"""
# pg_type's row as the tool wants it told.
TYPES = """SELECT concat_ws(' ', 'type', t.oid, typtype, coalesce(proname, '-'),
    CASE typtype WHEN 'd' THEN typbasetype WHEN 'r' THEN r.rngsubtype {multirange} ELSE 0 END, typdelim)
  FROM pg_type t LEFT JOIN pg_proc p ON p.oid = typsend LEFT JOIN pg_range r ON r.rngtypid = t.oid
  {join} WHERE t.oid >= 10000"""


@dataclass
class Case:
    """A type, literals of it, and how to make more."""
    type: str
    literals: list[str]
    random: Callable[[Random], str] | None = None
    since: int = 11
    count: int = MANY

    def all(self) -> list[str]:
        r = Random(self.type)
        return self.literals + [self.random(r) for _ in range(self.count if self.random else 0)]


def instant_key(text: str) -> tuple:
    """Orders what values.date and values.timestamp make."""
    day, *rest = text.removesuffix(" BC").split(" ")
    year, month, date = map(int, day.split("-"))
    return (-year if text.endswith(" BC") else year, month, date, rest)


def in_common_era(make):
    def again(r: Random) -> str:
        while (text := make(r)).endswith(" BC"):
            pass
        return text
    return again


V = values
JSON = ['{"b" :  1.10, "a":[1e4,{"x":null}]}', "{ }", '"s\\u0041"', "[]", "null", "123456789012345678901.50",
        '{"\\"":"é🐘"}']
EXTREME_INTERVALS = ["178956970 years 7 mons 2147483647 days 2562047788:00:54.775806",
                     "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775807"]
PATHS = ["$", "$.a[*]", 'strict $."a b".c ? (@.x > 1 && exists(@.y))', "$.**{2 to last}.size()", "lax $[0, 1 to 3]",
         '$ ? (@ like_regex "^a" flag "i")', "-$.a + 2.50 * 3", '$.a ? (@ starts with "é\\"")', "true", '"x"']

CASES = [
    Case("boolean", ["t", "f"]),
    Case("int2", ["-32768", "32767", "0"], V.integer(16)),
    Case("int4", ["-2147483648", "2147483647", "0"], V.integer(32)),
    Case("int8", ["-9223372036854775808", "9223372036854775807", "0"], V.integer(64)),
    Case("oid", ["0", "4294967295"], V.unsigned(32)),
    Case("xid", ["0", "4294967295"], V.unsigned(32)),
    Case("cid", ["0", "4294967295"], V.unsigned(32)),
    Case("xid8", ["0", "18446744073709551615"], V.unsigned(64), since=13),
    Case("float4", ["1e-45", "-1e-45"] + [V.float4_of(bits << 23) for bits in range(255)]
         + [V.float4_of((bits << 23) - 1) for bits in range(1, 256)], V.float4, count=4 * MANY),
    Case("float8", ["1e23", "5e-324", "9007199254740993", "2e-308"]
         + [V.float_text(2.0**power) for power in range(-1074, 1024)]
         + [f"{digit}e{power}" for power in range(-20, 24) for digit in (1, 5, 123456789)], V.float8, count=4 * MANY),
    Case("money", ["0", "-0.01", "0.05", "-92233720368547758.08", "92233720368547758.07", "1000", "-999999.99"],
         lambda r: f"{r.choice(['', '-'])}{r.getrandbits(r.randint(1, 56))}.{r.randint(0, 99):02}"),
    Case("numeric", ["0", "-0", "0.00", "NaN", "1e131071", "1e-16383", "-1.5e-16382", "9" * 1000, "0." + "9" * 1000,
                     "10000", "9999", "0.0001", "0.00010", "100000000.00000001", "-" + "1234567890" * 100 + ".5"],
         V.numeric, count=2 * MANY),
    Case("numeric(12,3)", ["0", "-123456789.1234", "0.0004"], lambda r: str(r.uniform(-1e8, 1e8))),
    Case("text", ["", "a"], V.odd_text),
    Case("varchar(20)", ["", "a"], V.odd_text),
    Case("char(5)", ["", "ab", "é"], lambda r: V.odd_text(r, 5)[:5]),
    Case("name", ["", "n" * 63], V.odd_text),
    Case("\"char\"", ["", "x", " ", "\\", "\x7f", *(["\\303", "\\377", "\\200"] if MAJOR >= 15 else ["é"])]),
    Case("json", JSON),
    Case("jsonb", JSON),
    Case("jsonpath", PATHS, since=12),
    Case("xml", ['<a b="c">d</a>', "text <b/> more", '<?xml version="1.0" encoding="UTF-8"?><é/>', "",
                 '<?xml version="1.1" standalone="yes"?>\n<a/>', "<!DOCTYPE a><a/>"]),
    Case("bytea", ["", "\\x00ff5c27"], lambda r: "\\x" + r.randbytes(r.randint(0, 40)).hex()),
    Case("uuid", [], lambda r: r.randbytes(16).hex(), count=500),
    Case("bit(5)", ["10110", "00000"], lambda r: f"{r.getrandbits(5):05b}", count=50),
    Case("varbit", ["", "1", "1" * 1000], V.bits),
    Case("date", ["infinity", "-infinity", "4714-11-24 BC", "5874897-12-31", "0001-12-31 BC", "0001-01-01",
                  "2000-01-01", "1999-12-31", "2000-02-29", "1900-03-01", "0005-02-29 BC"], V.date, count=2 * MANY),
    Case("time", ["00:00:00", "24:00:00", "23:59:59.999999", "00:00:00.000001", "01:02:03.1"], V.clock),
    Case("timetz", ["24:00:00-15:59:59", "00:00:00+15:59:59", "01:02:03.5+05:45", "00:00+00", "00:00:00-00:00:01"],
         lambda r: V.clock(r) + V.offset(r)),
    Case("timestamp", ["infinity", "-infinity", "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999",
                       "2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "0001-12-31 23:59:59.5 BC"],
         V.timestamp, count=2 * MANY),
    Case("timestamptz", ["infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00",
                         "2024-01-02 03:04:05.6+05:45", "0001-01-01 00:00:00+01"], V.timestamp_tz, count=2 * MANY),
    Case("interval", ["0", "1 year 2 mons -3 days 04:05:06.789", "-1 year +1 day", "-1 mon 00:00:01", "1 mon -1 us",
                      "-1 day 00:00:00.5", "-0.000001 s", "100:00:00", "1 year", "-1 year", "1 day", "1 mon", "11 mons",
                      *(EXTREME_INTERVALS if MAJOR >= 15 else []),
                      *(["infinity", "-infinity"] if MAJOR >= 17 else [])], V.interval, count=2 * MANY),
    Case("inet", ["0.0.0.0", "0.0.0.0/0", "::", "::1", "::/0", "::ffff:1.2.3.4", "::1.2.3.4", "::1:2", "::ffff:0:0:1",
                  "1::", "1:0:0:2::", "0:0:1::", "::ffff:0:0", "2001:db8::1/64"], lambda r: V.address(r, False),
         count=2 * MANY),
    Case("cidr", ["10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::/0", "::1/128"], lambda r: V.address(r, True)),
    Case("macaddr", ["08:00:2b:01:02:03"], V.colons(6), count=200),
    Case("macaddr8", ["08:00:2b:01:02:03:04:05"], V.colons(8), count=200),
    Case("pg_lsn", ["0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848"], V.lsn, count=500),
    Case("tid", ["(0,0)", "(4294967295,65535)"], lambda r: f"({r.getrandbits(32)},{r.getrandbits(16)})", count=500),
    Case("txid_snapshot", ["10:20:10,14,15", "1:1:"], V.snapshot, count=500),
    Case("pg_snapshot", ["10:20:10,14,15", "1:1:"], V.snapshot, since=13, count=500),
    Case("point", ["(NaN,-Infinity)", "(-0,1e15)", "(0.1,1e300)"], V.point),
    Case("line", ["{1,2,3}", "{-1,0,0}"], lambda r: f"{{1,{V.plain_float(r)},{V.plain_float(r)}}}"),
    Case("lseg", ["[(0,0),(1,1)]"], lambda r: f"[{V.points(r, 2, 2)}]"),
    Case("box", ["(0,0),(1,1)"], lambda r: V.points(r, 2, 2)),
    Case("path", ["((0,0))", "[(0,0)]"], V.path),
    Case("polygon", ["((0,0))"], lambda r: f"({V.points(r, 1, 6)})"),
    Case("circle", ["<(0,0),0>"], lambda r: f"<{V.point(r)},{V.plain_float(r).lstrip('-')}>"),
    Case("tsvector", ["", "fat:2 cat:3A", "'a ''b' \"c\""], V.tsvector),
    Case("tsquery", ["", "fat & !rat", "a|b&c", "(a|b)&c", "a<->(b<->c)", "(a<->b)<->c", "!(a&b)", "!!a", "a:*",
                     "a:*AD",
                     " & ".join(f"t{i}" for i in range(3000)), " | ".join(f"!t{i}" for i in range(300)),
                     "".join(f"a{i} & (" for i in range(300)) + "z" + ")" * 300], V.tsquery, count=2 * MANY),
    Case("int2vector", ["", "1", "-1 2 32767"]),
    Case("oidvector", ["", "1", "1 2 4294967295"]),
    # Values of values.
    Case("int4[]", ["{}", "{1,NULL,3}", "[0:1]={5,6}", "{{1,2},{3,4}}", "[-5:-5][2:2]={{1}}",
                    "[2147483646:2147483646]={1}"], V.array(V.integer(32))),
    Case("text[]", ['{a,"b c","NULL",NULL,"\\"q\\"",""}'], V.array(V.odd_text), count=2 * MANY),
    Case("box[]", ["{(1,1),(0,0);NULL}"], V.array(lambda r: V.points(r, 2, 2), ";"), count=500),
    Case("float8[]", ["{NaN,-0}"], V.array(V.plain_float), count=500),
    Case("numeric[]", ["{1.50,NULL}"], V.array(V.numeric), count=500),
    Case("bytea[]", [], V.array(lambda r: "\\x" + r.randbytes(r.randint(0, 4)).hex()), count=500),
    Case("timestamptz[]", [], V.array(V.timestamp_tz), count=500),
    Case("interval[]", [], V.array(V.interval), count=500),
    Case("boolean[]", ["{t,f,NULL}"]),
    Case("json[]", [], V.array(lambda r: r.choice(JSON)), count=200),
    Case("inet[]", [], V.array(lambda r: V.address(r, False)), count=200),
    Case("\"char\"[]", ["{a,b,\"\",\" \",NULL,\"{\"}"]),
    Case("bpchar[]", ["{\"a  \",b}"]),
    Case("tsvector[]", [], V.array(V.tsvector), count=300),
    Case("tsquery[]", [], V.array(V.tsquery), count=300),
    Case("int2vector[]", ['{"1 2",""}']),
    Case("point[]", [], V.array(V.point), count=200),
    Case("int4range", ["empty", "[1,5)", "(,)", "[,3]"], V.span(V.integer(30), int)),
    Case("int8range", [], V.span(V.integer(60), int)),
    Case("numrange", ["[1.50,2.5]"], V.span(V.numeric, lambda text: float(text))),
    Case("daterange", ["[,infinity]"], V.span(in_common_era(lambda r: V.date(r)), instant_key)),
    Case("tsrange", ["[-infinity,infinity]"], V.span(in_common_era(V.timestamp), instant_key)),
    Case("tstzrange", ["[2024-01-01 00:00:00+00,)", "[0004-01-01 00:00:00+00 BC,)"]),
    Case("int4range[]", [], V.array(V.span(V.integer(30), int)), count=500),
    Case("textrange", ['["","a b"]', '("(",a)'], V.span(V.odd_text, lambda text: text.encode())),
    Case("textrange[]", [], V.array(V.span(V.odd_text, lambda text: text.encode())), count=500),
    Case("floatrange", [], V.span(V.plain_float, float)),
    Case("pairrange", ['["(1,a)","(2,""b c"")"]', '["(1,)","(,)"]']),
    Case("int4multirange", ["{}", "{[1,3),[5,7)}"], V.spans(V.span(V.integer(30), int)), since=14),
    Case("nummultirange", [], V.spans(V.span(V.numeric, lambda text: float(text))), since=14, count=500),
    Case("tsmultirange", [], V.spans(V.span(in_common_era(V.timestamp), instant_key)), since=14, count=500),
    Case("textmultirange", [], V.spans(V.span(V.odd_text, lambda text: text.encode())), since=14),
    Case("int8multirange[]", [], V.array(V.spans(V.span(V.integer(60), int))), since=14, count=300),
    Case("mood", ["sad", "it's \"ok\"", "NULL", "a,b"]),
    Case("mood[]", [], V.array(lambda r: r.choice(["sad", "it's \"ok\"", "NULL", "a,b"])), count=200),
    Case("positive", ["7"]),
    Case("far", ["77"]),
    Case("far[]", ["{77,NULL}"]),
    Case("words", ['{a,"b c",NULL}'], V.array(V.odd_text), count=500),
    Case("pair", ["(,)", '(1,"")', "(,x)"], V.composite(V.integer(32), V.odd_text), count=2 * MANY),
    Case("pair[]", [], V.array(V.composite(V.integer(32), V.odd_text)), count=500),
    Case("nothing", ["()"]),
    Case("dropped", ["(1,x)"]),
    Case("pg_authid", []),
    Case("hstore", ["", 'a=>NULL, b=>"x y", ""=>""'], V.hstore),
    Case("hstore[]", [], V.array(V.hstore), count=300),
    Case("citext", ["AbC", ""], V.odd_text, count=200),
    Case("ltree", ["", "a.b.c"], lambda r: ".".join("_aZ9" * r.randint(1, 3) for _ in range(r.randint(1, 9))),
         since=13),
    Case("lquery", ["*.a.b*@%{1,2}.!c|d", "*{3}"], since=13),
    Case("ltxtquery", ["a & !b*@ | (c & d%)", "a"], since=13),
    Case("cube", ["(1,2),(1,2)", "(0),(-0)", "()"], V.cube, since=14),
    Case("lo", ["4294967295"]),
]
MIXED = V.composite(V.composite(V.integer(32), V.odd_text), V.array(V.odd_text), V.plain_float, V.timestamp_tz,
                    lambda r: r.choice(["sad", "a,b", "NULL"]), lambda r: str(r.randint(10, 99)))
DEEP = V.composite(V.array(MIXED), V.hstore, V.array(lambda r: V.points(r, 2, 2), ";"))
CASES += [
    Case("mixed", [], MIXED),
    Case("deep", [], DEEP, count=500),
    Case("deep[]", [], V.array(DEEP), count=200),
]


def copy_escaped(text: str) -> str:
    for char, escape in (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(char, escape)
    return text


def psql(db: Database, script: str) -> list[str]:
    environment = {"PATH": os.environ["PATH"], "PGOPTIONS": f"{PINNED} -c client_min_messages=warning",
                   "PGCLIENTENCODING": "UTF8", "PGSSLMODE": "disable"}
    done = subprocess.run([*db.server.psql(db.name), "-f", "-"], input=script.encode(), capture_output=True,
                          env=environment)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode(errors="replace")[:3000]
    return done.stdout.decode().splitlines()


def ask_tool(lines: list[str]) -> list[str]:
    done = subprocess.run([TOOL], input="".join(f"{line}\n" for line in lines), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def tool():
    if not os.access(TOOL, os.X_OK):
        pytest.fail(f"{TOOL} is not there. Build it: `ninja -C build/sanitize tests/binary_text_tool` (tools/test "
                    "makes that folder), or name another build's in TIDEWIRE_BINARY_TEXT_TOOL")


@pytest.fixture(scope="module")
def types_db(server, tool):
    db = Database(server)
    db.sql(DDL)
    yield db
    db.drop()


@pytest.fixture(scope="module")
def told(types_db) -> list[str]:
    """The types that are not built in, as the tool's lines."""
    more = {"multirange": "WHEN 'm' THEN m.rngtypid", "join": "LEFT JOIN pg_range m ON m.rngmultitypid = t.oid"}
    return psql(types_db, TYPES.format(**(more if MAJOR >= 14 else {"multirange": "", "join": ""})))


def forms(db: Database, kind: str, source: str, value: str) -> list[tuple[str, str, bytes]]:
    """(oid, binary form in hex, text) of each row, by the type's own functions, as pgoutput calls them."""
    quoted = kind.replace("'", "''")
    out, send = psql(db, f"SELECT o.proname || ' ' || s.proname FROM pg_type t JOIN pg_proc o ON o.oid = typoutput "
                         f"JOIN pg_proc s ON s.oid = typsend WHERE t.oid = '{quoted}'::regtype")[0].split()
    rows = psql(db, f"{source}COPY (SELECT '{quoted}'::regtype::oid, encode({send}({value}), 'hex'), "
                    f"encode(textsend(textin({out}({value}))), 'hex') FROM given ORDER BY n) TO STDOUT;")
    found = [row.split("\t") for row in rows]
    return [(oid, binary, bytes.fromhex(text)) for oid, binary, text in found]


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def normal(kind: str, text: bytes) -> bytes:
    """The same for what an older server prints otherwise, and only there."""
    if MAJOR < 15 and kind == '"char"' and text > b"\x7f":
        return b"\\%03o" % text[0]
    has_floats = re.match("float|point|line|lseg|box|path|polygon|circle|mixed|deep", kind)
    if MAJOR < 12 and has_floats:
        def value(match: re.Match) -> str:
            number = float(match.group())
            return repr(struct.unpack("f", struct.pack("f", number))[0] if kind == "float4" else number)
        return NUMBER.sub(value, text.decode()).encode()
    return text


def compare(kind: str, told: list[str], rows: list[tuple[str, str, bytes]]) -> None:
    answers = ask_tool([*told, *(f"{oid} {binary}" for oid, binary, _ in rows)])
    assert len(answers) == len(rows)
    wrong = []
    for (_, binary, text), answer in zip(rows, answers, strict=True):
        ours = bytes.fromhex(answer[1:]) if answer.startswith("=") else None
        if ours is None or normal(kind, ours) != normal(kind, text):
            wrong.append((binary[:200], text[:200], answer[:200] if ours is None else ours[:200]))
    assert not wrong, f"{len(wrong)} of {len(rows)} {kind}: binary, the server's text, ours:\n" + \
        "\n".join(map(str, wrong[:5]))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.type, marks=pytest.mark.since(case.since, case.type))
                                  for case in CASES])
def test_text_is_the_servers(types_db, told, case):
    literals = case.all()
    if case.type == "pg_authid":
        literals, source, value = [""], "CREATE TEMP VIEW given AS SELECT 1 AS n, d FROM pg_authid d;", "d"
    else:
        source = ("CREATE TEMP TABLE given (n int, s text); COPY given FROM STDIN;\n"
                  + "".join(f"{n}\t{copy_escaped(each)}\n" for n, each in enumerate(literals)) + "\\.\n")
        value = f"s::{case.type}"
    rows = forms(types_db, case.type, source, value)
    assert len(rows) >= len(literals) > 0
    compare(case.type, told, rows)


@pytest.mark.parametrize("kind, literal, text", [
    ("regclass", "pg_class", None), ("regtype", "integer", None), ("regclass[]", "{pg_class}", None),
    ("regclass[]", "{}", "{}"), ("has_name", "(1,pg_class)", None), ("has_name", "(1,)", "(1,)"),
    ("has_name[]", '{"(1,pg_class)"}', None)])
def test_names_need_the_catalogue(types_db, told, kind, literal, text):
    rows = forms(types_db, kind, f"CREATE TEMP TABLE given AS SELECT 1 AS n, '{literal}'::text AS s;", f"s::{kind}")
    oid, binary, _ = rows[0]
    assert ask_tool([*told, f"{oid} {binary}"]) == ["?" if text is None else f"={text.encode().hex()}"]


def test_table_of_builtin_types(types_db, tool):
    """Every type of this server under OID 10000 is in pgoutput/builtin_types.hpp, as the server has it."""
    ours = {line.split()[0]: line for line in ask_tool(["builtin"])}
    # Of types other than arrays the table tells no element. Some internal types got category Z with 15 (and 3361,
    # 3402 before); 210, now _pg_type, was another one until 13.
    theirs = psql(types_db, f"""SELECT concat_ws(' ', t.oid, typname,
        CASE WHEN t.oid IN (18, 194, 3361, 3402, 4600, 4601, 5017) THEN 'Z' ELSE typcategory END, typdelim,
        coalesce(rngsubtype, CASE WHEN typoutput::regproc::text IN ('array_out', 'int2vectorout', 'oidvectorout')
                             THEN typelem ELSE 0 END))
      FROM pg_type t LEFT JOIN pg_range ON rngtypid = t.oid WHERE t.oid < 10000 AND ({MAJOR} > 13 OR t.oid <> 210)""")
    assert len(theirs) > 130
    wrong = []
    for line in theirs:
        found = ours.get(line.split()[0], "nothing")
        if line.split()[1].endswith("multirange"):
            found, line = found.rsplit(" ", 1)[0], line.rsplit(" ", 1)[0]
        if found != line:
            wrong.append((line, found))
    assert not wrong
