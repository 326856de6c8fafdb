"""Every type's text in the lines: the server's own, under pinned formatting; in text and in binary form."""

import json
from decimal import Decimal

import pytest
from harness import MAJOR
from harness.program import parse

NUMBERS = ("smallint", "integer", "bigint", "oid", "real", "double precision")
# type: literals
SAMPLE = {
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "oid": ["4294967295"],
    "real": ["0.1", "-0", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity"],
    "double precision": ["0.30000000000000004", "-0", "1.7976931348623157e308", "5e-324", "1e21", "NaN", "-Infinity"],
    "numeric": ["0", "-123456789012345678901234567890.123456789", "1e-30", "NaN", "10000", "0.00"],
    "numeric(10,2)": ["12.30"],
    "boolean": ["t", "f"],
    "text": ["", "it''s \"q\" \\ ünï 🐘"],
    "varchar(10)": ["abc"],
    "char(5)": ["ab"],
    "\"char\"": ["x"],
    "name": ["name"],
    "bytea": ["\\x00ff5c27", ""],
    "json": ['{"b" :  1.10, "a":[1e400,{"x":null}]}', '"s"', "[]"],
    "jsonb": ['{"b": 1.10, "a": [12345678901234567890123.5, {"x": null}]}', "null"],
    "xml": ["<a b=\"c\">d</a>"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "money": ["-1234.50"],
    "date": ["2024-02-29", "0044-03-15 BC", "infinity", "-infinity", "5874897-12-31"],
    "time": ["24:00:00", "01:02:03.000004"],
    "timetz": ["01:02:03.5+05:45"],
    "timestamp": ["2024-01-02 03:04:05.000006", "infinity", "4713-01-01 00:00:00 BC"],
    "timestamptz": ["2024-01-02 03:04:05.6+05:45", "-infinity", "0001-01-01 00:00:00+00"],
    "interval": ["1 year 2 mons -3 days 04:05:06.789", "0", "-1 mon +1 day"],
    "inet": ["192.168.0.1/24", "::1"],
    "cidr": ["10.0.0.0/8"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit(5)": ["10110"],
    "varbit": ["1", ""],
    "point": ["(1.5,-2)"],
    "line": ["{1,2,3}"],
    "lseg": ["[(0,0),(1,1)]"],
    "box": ["(1,1),(0,0)"],
    "path": ["((0,0),(1,1))", "[(0,0),(1,1)]"],
    "polygon": ["((0,0),(1,1),(1,0))"],
    "circle": ["<(0,0),2.5>"],
    "integer[]": ["{}", "{1,NULL,3}", "[0:1]={5,6}", "{{1,2},{3,4}}"],
    "text[]": ['{a,"b c","NULL",NULL,"\\"q\\"",""}'],
    "timestamptz[]": ['{"2024-01-02 03:04:05+00"}'],
    "int4range": ["[1,5)", "empty", "(,)"],
    "numrange": ["[1.5,2.5]"],
    "tstzrange": ["[2024-01-01 00:00:00+00,)"],
    "tsvector": ["fat:2 cat:3A"],
    "tsquery": ["fat & !rat"],
    "pg_lsn": ["16/B374D848"],
    "txid_snapshot": ["10:20:10,14,15"],
    "int2vector": ["1 2 3"],
    "oidvector": ["4 5"],
    "tid": ["(1,2)"],
    "xid": ["4294967295"],
    "regclass": ["pg_class"],
    "regtype": ["integer"],
    "aclitem": ["postgres=r/postgres"],
    "mood": ["it''s ok"],
    "pair": ['(1,"x, y")'],
    "positive": ["7"],
}
FROM_12 = {"jsonpath": ["$.a[*]"]}
FROM_14 = {"int4multirange": ["{[1,3),[5,7)}", "{}"], "numeric": [*SAMPLE["numeric"], "Infinity"], "xid8": ["18446744073709551615"]}
# Their binary form is an oid, which only the server's catalogue can name: with them the stream is one in text.
NAMES = {"regclass", "regtype"}
DDL = ("CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); CREATE TYPE pair AS (a int, b text); "
       "CREATE DOMAIN positive AS int CHECK (value > 0);")


def columns(leave_out=frozenset()) -> list[tuple[str, str, str]]:
    """(name, type, literal)"""
    sample = SAMPLE | (FROM_12 if MAJOR >= 12 else {}) | (FROM_14 if MAJOR >= 14 else {})
    found = [(kind, each) for kind, literals in sample.items() if kind not in leave_out for each in [*literals, None]]
    return [(f"c{number}", kind, literal) for number, (kind, literal) in enumerate(found)]


def fill(db, leave_out=frozenset()) -> dict[str, tuple[str, str]]:
    """A row with every sample; name → (type, the server's own text or None)."""
    wanted = columns(leave_out)
    db.ready(DDL + "CREATE TABLE samples (" + ", ".join(f"{name} {kind}" for name, kind, _ in wanted) + ")")

    def literal(text: str | None) -> str:
        return "NULL" if text is None else f"'{text}'"
    db.sql("SET standard_conforming_strings = on; SET timezone = 'UTC'; INSERT INTO samples VALUES ("
           + ", ".join(literal(each) for _, _, each in wanted) + ")")
    texts = db.texts("SELECT " + ", ".join(f"{name}::text" for name, _, _ in wanted) + " FROM samples")
    # A boolean's cast says "true", a char(n)'s drops its padding and an inet's adds a full mask, unlike the
    # type's own output.
    special = {"inet": {"::1": "::1"}, "boolean": {"t": "t", "f": "f"}, "char(5)": {"ab": "ab   "}}
    return {name: (kind, None if each is None else special.get(kind, {}).get(each, text))
            for (name, kind, each), text in zip(wanted, texts, strict=True)}


def expected_json(kind: str, text: str | None) -> str:
    """What stands in the line, as it is."""
    if text is None:
        return "null"
    if kind in NUMBERS and text not in ("NaN", "Infinity", "-Infinity"):
        return text
    if kind == "boolean":
        return {"t": "true", "f": "false"}[text]
    if kind in ("json", "jsonb"):
        return text
    return json.dumps(text, ensure_ascii=False)


def test_text_of_every_type(db, tidewire):
    wanted = fill(db)
    run = tidewire(*db.stream("--until", "now")).succeed()
    line = next(each for each in run.lines if b'"op":"insert"' in each).decode()
    row = parse(line)["after"]
    assert list(row) == list(wanted)
    at = line.index('"after":{') + len('"after":')
    wrong = []
    # Every column in turn, digit by digit: parsing would hide what a number was written as.
    for name, (kind, text) in wanted.items():
        piece = f'"{name}":{expected_json(kind, text)}'
        if line.startswith(piece, at + 1):
            at += 1 + len(piece)
        else:
            wrong.append((kind, text, line[at + 1:at + 1 + len(piece) + 20]))
            at = line.index(f',"c{int(name[1:]) + 1}":', at) if int(name[1:]) + 1 < len(wanted) else at
    assert not wrong


@pytest.mark.since(14, "binary column values")
def test_binary_gives_the_same(db, tidewire):
    wanted = fill(db, NAMES)
    run = tidewire(*db.stream("--until", "now", "--binary")).succeed()
    row = run.ops("insert")[0]["after"]
    wrong = []
    for name, (kind, text) in wanted.items():
        found = row[name]
        if kind in ("real", "double precision") and isinstance(found, (int, Decimal)):
            same = float(found) == float(text)
        else:
            same = found == parse(expected_json(kind, text))
        if not same:
            wrong.append((kind, text, found))
    assert not wrong
    assert "TW-PG-BINARY-TYPE" not in run.stderr


def test_deep_json(db, tidewire):
    """More than 512 levels become a string; fewer stay what they are."""
    db.ready("CREATE TABLE j (id int PRIMARY KEY, v json)")
    deep, fine = "[" * 600 + "]" * 600, "[" * 500 + "]" * 500
    db.sql(f"INSERT INTO j VALUES (1, '{deep}'), (2, '{fine}'), (3, E'{{\\n  \"a\":\\n 1}}')")
    first, second, third = tidewire(*db.stream("--until", "now")).succeed().ops("insert")
    assert first["after"]["v"] == deep
    assert json.dumps(second["after"]["v"]) == fine
    assert third["after"]["v"] == {"a": 1}


@pytest.mark.since(14, "binary column values")
def test_binary_values_of_types_made_meanwhile(db, tidewire):
    """Types of every kind, made after the stream began, used in the same transaction as before and after it."""
    db.ready("CREATE TABLE items (id int PRIMARY KEY, note text)")
    run = tidewire(*db.stream("--binary", "--until", "4tx"))
    db.wait_active()
    db.sql("INSERT INTO items VALUES (1, 'before')")
    db.sql("""
        BEGIN;
        INSERT INTO items VALUES (2, 'in the same transaction');
        CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
        CREATE TYPE pair AS (a int, b mood);
        CREATE DOMAIN positive AS numeric CHECK (value > 0);
        CREATE TYPE moods AS RANGE (subtype = mood);
        CREATE TABLE made (id int PRIMARY KEY, m mood, ms mood[], p pair, d positive, r moods, mr moods_multirange);
        INSERT INTO made VALUES (1, 'it''s ok', '{sad,NULL}', '(1,sad)', 2.50, '[sad,sad]', '{[sad,sad]}');
        INSERT INTO items VALUES (3, 'after it');
        COMMIT""")
    db.sql("CREATE TYPE wider AS ENUM ('x'); ALTER TYPE pair ADD ATTRIBUTE c wider CASCADE; "
           "INSERT INTO made (id, p) VALUES (2, '(7,sad,x)')")
    db.sql("INSERT INTO items VALUES (4, 'last')")
    run.succeed(60)
    assert [each["after"]["id"] for each in run.ops("insert") if each["table"] == "items"] == [1, 2, 3, 4]
    first, second = (each["after"] for each in run.ops("insert") if each["table"] == "made")
    assert first == {"id": 1, "m": "it's ok", "ms": "{sad,NULL}", "p": "(1,sad)", "d": "2.50", "r": "[sad,sad]",
                     "mr": "{[sad,sad]}"}
    assert second["p"] == "(7,sad,x)"
    assert "TW-PG-NEW-TYPE" in run.stderr


@pytest.mark.since(14, "binary column values")
def test_binary_values_of_a_type_that_is_gone(db, tidewire):
    """The catalogue can't say any more what the bytes mean; the server can, in text."""
    db.ready("CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, m mood)")
    db.sql("INSERT INTO t VALUES (1, 'sad'), (2, 'sad')")
    db.sql("ALTER TABLE t ALTER m TYPE text; DROP TYPE mood")
    run = tidewire(*db.stream("--binary", "--until", "now")).succeed(60)
    assert [each["after"]["m"] for each in run.ops("insert")] == ["sad"] * 2
    assert run.stderr.count("TW-PG-NEW-TYPE") == 1
    assert run.stderr.count("TW-PG-BINARY-TYPE") == 1


@pytest.mark.since(14, "binary column values")
def test_binary_gives_way_to_text_for_names(db, tidewire):
    """In the middle of a transaction, half of which was written already."""
    db.ready("CREATE TABLE t (id int PRIMARY KEY, c regclass, r regtype[])")
    db.sql("BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2, 'pg_class', NULL), (3, 't', '{integer,bool}'); "
           "INSERT INTO t VALUES (4); COMMIT")
    run = tidewire(*db.stream("--binary", "--until", "now")).succeed(60)
    assert [(each["after"]["c"], each["after"]["r"]) for each in run.ops("insert")] == [
        (None, None), ("pg_class", None), ("public.t", "{integer,boolean}"), (None, None)]
    assert run.stderr.count("TW-PG-BINARY-TYPE") == 1
