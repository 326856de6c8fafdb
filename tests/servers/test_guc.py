"""Formatting settings of a database or a role must not change a byte of what tidewire writes."""

import re

import pytest

POISON = {
    "datestyle": "'German, DMY'", "intervalstyle": "iso_8601", "bytea_output": "escape", "extra_float_digits": "0",
    "timezone": "'Asia/Kolkata'", "lc_monetary": "'C'", "search_path": "nowhere", "client_encoding": "LATIN1",
    "xmlbinary": "hex", "xmloption": "document", "quote_all_identifiers": "on", "statement_timeout": "1",
    "idle_in_transaction_session_timeout": "1000", "default_transaction_read_only": "on",
    "standard_conforming_strings": "off", "row_security": "off", "lc_numeric": "'C'", "array_nulls": "off",
    "default_transaction_isolation": "serializable",
}
DDL = """
    CREATE TABLE formats (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz, i interval, b bytea, f float8, r float4,
                          m money, t text, a timestamptz[], rg tstzrange, x float8[])"""
ROW = """
    INSERT INTO formats VALUES (1, '2024-03-10', '2024-03-10 08:00:00', '2024-03-10 08:00:00+00',
        '1 year 2 mons 3 days 04:05:06', '\\x00ff41', 0.1::float8 + 0.2::float8, 0.1, 1234.5, 'ä', '{2024-03-10 08:00:00+00}',
        '[2024-03-10 08:00:00+00,)', ARRAY[0.1::float8 + 0.2::float8])"""


def values(line: bytes) -> bytes:
    return re.search(rb'"after":(\{.*\})\}', line).group(1)


def run_once(db, tidewire, arguments, **url) -> bytes:
    db.ready(DDL).sql("SET datestyle = ISO; SET standard_conforming_strings = on; SET timezone = UTC;" + ROW)
    run = tidewire(*db.stream("--until", "now", *arguments, **url)).succeed()
    line, = (each for each in run.lines if b'"op":"insert"' in each)
    return values(line)


@pytest.mark.parametrize("arguments", [[], pytest.param(["--binary"], marks=pytest.mark.since(14, "binary columns"))])
@pytest.mark.parametrize("scope", ["database", "role", "role in database"])
def test_poisoned_settings_change_nothing(server, new_database, tidewire, scope, arguments):
    clean = run_once(new_database(server), tidewire, arguments)
    assert b'"2024-03-10"' in clean and (arguments or b"0.30000000000000004" in clean)
    db = new_database(server)
    role = f"poisoned_{db.name}"
    where = {"database": f"DATABASE {db.name}", "role": f"ROLE {role}",
             "role in database": f"ROLE {role} IN DATABASE {db.name}"}[scope]
    server.sql(f"CREATE ROLE {role} LOGIN SUPERUSER REPLICATION")
    try:
        db.ready(DDL).sql("SET datestyle = ISO; SET timezone = UTC;" + ROW)
        for name, value in POISON.items():
            server.sql(f"ALTER {where} SET {name} = {value}")
        run = tidewire(*db.stream("--until", "now", *arguments, user=role)).succeed()
        line, = (each for each in run.lines if b'"op":"insert"' in each)
        assert values(line) == clean
    finally:
        server.sql(f"ALTER DATABASE {db.name} RESET ALL")
        server.sql(f"ALTER ROLE {role} RESET ALL; ALTER ROLE {role} IN DATABASE {db.name} RESET ALL; DROP ROLE {role}")


def test_options_of_the_connection_string_do_not_unpin(db, tidewire):
    """PGOPTIONS and options= are passed on, but what we pinned stays pinned."""
    db.ready(DDL).sql("SET timezone = UTC;" + ROW)
    run = tidewire(*db.stream("--until", "now", options="-c datestyle=German -c statement_timeout=0"),
                   env={"PGDATESTYLE": "German", "PGTZ": "Asia/Kolkata"}).succeed()
    row, = run.ops("insert")
    assert row["after"]["d"] == "2024-03-10" and row["after"]["tz"] == "2024-03-10 08:00:00+00"
