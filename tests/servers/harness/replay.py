"""Applies a stream's lines to another database, by SQL alone: the values go from the line into the column's type as they
are, without a detour through Python's idea of them."""

from .oracle import CHANGES
from .program import parse


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Replay:
    """Into tables that are there already. What these have no column for is left out."""

    def __init__(self, into):
        self.into = into
        self.types: dict[tuple[str, str], dict[str, str]] = {}

    def columns(self, change: dict) -> dict[str, str]:
        """Name → type, as the receiving table has them."""
        table = change["schema"], change["table"]
        if table not in self.types:
            found = self.into.sql(
                "SELECT attname || E'\\t' || format_type(atttypid, atttypmod) FROM pg_attribute a "
                f"JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace "
                f"WHERE nspname = {literal(table[0])} AND relname = {literal(table[1])} AND attnum > 0 "
                "AND NOT attisdropped")
            self.types[table] = dict(line.split("\t") for line in found.splitlines())
        return self.types[table]

    def statement(self, line: bytes, change: dict) -> str:
        op = change["op"]
        if op == "truncate":
            return "TRUNCATE " + ", ".join(f"{identifier(t['schema'])}.{identifier(t['table'])}"
                                           for t in change["tables"])
        types = self.columns(change)
        table = f"{identifier(change['schema'])}.{identifier(change['table'])}"
        source = f"(SELECT {literal(line.decode())}::json AS l) line"

        def value(part: str, name: str) -> str:
            text = f"l -> '{part}' ->> {literal(name)}"
            if types[name] not in ("json", "jsonb"):
                return f"({text})::{types[name]}"
            as_it_is = f"(l -> '{part}' -> {literal(name)})::text::{types[name]}"
            if name in change.get("json_null", {}).get(part, []):
                return as_it_is
            return f"CASE WHEN ({text}) IS NOT NULL THEN {as_it_is} END"
        if op in ("insert", "read"):
            names = [each for each in change["after"] if each in types]
            return (f"INSERT INTO {table} ({', '.join(map(identifier, names))}) "
                    f"SELECT {', '.join(value('after', each) for each in names)} FROM {source}")
        old = "key" if "key" in change else "before" if "before" in change else "after"
        keys = list(change[old]) if old != "after" else self.key_of(table)
        where = " AND ".join(f"{identifier(each)} IS NOT DISTINCT FROM {value(old, each)}" for each in keys)
        if op == "delete":
            return f"DELETE FROM {table} USING {source} WHERE {where}"
        sets = ", ".join(f"{identifier(each)} = {value('after', each)}" for each in change["after"] if each in types)
        return f"UPDATE {table} SET {sets} FROM {source} WHERE {where}"

    def key_of(self, table: str) -> list[str]:
        found = self.into.sql(f"SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = "
                              f"ANY(indkey) WHERE indrelid = {literal(table)}::regclass AND indisprimary")
        return found.splitlines()

    def apply(self, lines: list[bytes]) -> None:
        statements = []
        for line in lines:
            change = parse(line)
            if change["op"] in (*CHANGES, "read") and change["op"] != "message":
                statements.append(self.statement(line, change))
        self.into.sql("SET standard_conforming_strings = on; SET timezone = 'UTC';\n" +
                      "".join(f"{each};\n" for each in statements))
