"""A copy in pieces by every kind of key: each row once, in the index' order, by statements that read no more than they
have to."""

import json
import re
import subprocess
from dataclasses import dataclass

import pytest
from harness import BINARY
from harness.stream import environment, url

ROWS = 600


@dataclass
class Key:
    columns: str  # of the key, with its definition
    value: str    # of them, by n
    servers: str | tuple = ""  # "mysql", "mariadb", or several; empty: all
    whole: bool = False  # it can't be paged
    one: bool = False    # by one connection, although it goes on in the middle
    more: str = ""


def text(charset: str, collation: str, servers: str = "", first: int = 0x21, step: int = 7, kind: str = "VARCHAR(20)") -> Key:
    """Characters of all the set; what the collation or the set does not tell apart is left out."""
    value = (f"CONCAT(CONVERT(CHAR({first} + n * {step} USING utf32) USING {charset}), IF(n % 5 = 0, '', CONVERT(CONCAT(' ', CHAR(0x41 + n % 26 "
             f"USING latin1), IF(n % 2, 'x', 'X')) USING {charset})))")
    return Key(f"k {kind} CHARACTER SET {charset} COLLATE {collation} NOT NULL, PRIMARY KEY (k)", value, servers)


KEYS = [
    Key("k TINYINT, PRIMARY KEY (k)", "n - 300"),
    Key("k TINYINT UNSIGNED, PRIMARY KEY (k)", "n"),
    Key("k SMALLINT ZEROFILL, PRIMARY KEY (k)", "n"),
    Key("k MEDIUMINT, PRIMARY KEY (k)", "(n - 300) * 27000"),
    Key("k INT AUTO_INCREMENT, PRIMARY KEY (k)", "(n - 300) * 7000000"),
    Key("k BIGINT, PRIMARY KEY (k)", "(n - 300) * 30744573456182580"),
    Key("k BIGINT UNSIGNED, PRIMARY KEY (k)", "18446744073709551615 - CAST(n AS UNSIGNED) * 30000000000000000"),
    Key("k DECIMAL(65,30), PRIMARY KEY (k)", "CAST(CONCAT(n - 300, REPEAT('9', 30), '.', REPEAT('1', 29), n % 10) AS DECIMAL(65,30))"),
    Key("k DECIMAL(30,30), PRIMARY KEY (k)", "CAST(CONCAT('-0.', REPEAT('0', 27), n) AS DECIMAL(30,30))"),
    Key("k DECIMAL(10,3) ZEROFILL, PRIMARY KEY (k)", "n / 7"),
    Key("k BIT(64), PRIMARY KEY (k)", "18446744073709551615 - CAST(n AS UNSIGNED) * 30000000000000000"),
    Key("k BIT(9), PRIMARY KEY (k)", "n % 512"),
    Key("k YEAR, PRIMARY KEY (k)", "IF(n < 256, 1900 + n, 0)"),
    Key("k DATE, PRIMARY KEY (k)", "IF(n > 590, CONCAT('2024-0', n - 591, '-00'), '1000-01-01' + INTERVAL n * 5000 DAY)"),
    Key("k DATETIME, PRIMARY KEY (k)", "IF(n = 1, '0000-00-00', '1000-01-01' + INTERVAL n * 400000000 SECOND)"),
    Key("k DATETIME(6), PRIMARY KEY (k)", "'1999-12-31 23:59:59.999' + INTERVAL n MICROSECOND"),
    Key("k TIMESTAMP, PRIMARY KEY (k)", "IF(n = 1, 0, FROM_UNIXTIME(n * 3000000))"),
    Key("k TIMESTAMP(3) DEFAULT '2001-01-01', PRIMARY KEY (k)", "FROM_UNIXTIME(1729990000 + n * 20 + n / 1000)"),  # a clock goes back
    Key("k TIME, PRIMARY KEY (k)", "SEC_TO_TIME((n - 300) * 10000)"),
    Key("k TIME(6), PRIMARY KEY (k)", "SEC_TO_TIME((n - 300) * 10000.000001)"),
    Key("k ENUM(" + ",".join(f"'{(n * 37) % 251:03}'" for n in range(251)) + "), PRIMARY KEY (k)", "n % 252"),
    Key("k ENUM(" + ",".join(f"'{n}'" for n in range(1024)) + "), PRIMARY KEY (k)", "n", one=True),
    Key("k SET('z','b','y','d','x','f','g','h','i','j'), PRIMARY KEY (k)", "n"),
    Key("k SET('z','b','y','d','x','f','g','h','i','j','k'), PRIMARY KEY (k)", "n * 3", one=True),
    Key("k SET(" + ",".join(f"'{n}'" for n in range(64)) + "), PRIMARY KEY (k)", "18446744073709551615 - CAST(n AS UNSIGNED) * 30000000000000000", one=True),
    Key("e ENUM('z','a','m','b','y'), n INT, PRIMARY KEY (e, n)", "n % 6, n"),
    Key("e ENUM('z','a'), n INT, PRIMARY KEY (n, e)", "n % 3, n"),
    Key("e ENUM('z','a','m') CHARACTER SET ucs2, s SET('b','a','c') CHARACTER SET latin1, n INT, PRIMARY KEY (s, e, n)", "n % 4, n DIV 80, n"),
    Key("e ENUM('z','a','m','b','y'), n INT, PRIMARY KEY (e DESC, n)", "n % 6, n", "mysql"),
    Key("e ENUM('z','a','m','b','y'), n INT, PRIMARY KEY (e DESC, n DESC)", "n % 6, n", "mariadb-11"),
    Key("k BINARY(8), PRIMARY KEY (k)", "UNHEX(CONCAT(LPAD(HEX(n), 4, '0'), IF(n % 2, '00', 'FF2700')))"),
    Key("k VARBINARY(200), PRIMARY KEY (k)", "UNHEX(REPEAT('00', n % 200))"),
    Key("k VARBINARY(3072), PRIMARY KEY (k)", "CONCAT(REPEAT('x', 3065), UNHEX(LPAD(HEX(n), 8, '0')))"),
    text("utf8mb4", "utf8mb4_general_ci"), text("utf8mb4", "utf8mb4_unicode_ci"), text("utf8mb4", "utf8mb4_bin", first=0x1F000),
    text("utf8mb4", "utf8mb4_0900_ai_ci", "mysql"), text("utf8mb4", "utf8mb4_0900_as_cs", "mysql", kind="CHAR(20)"),
    text("utf8mb4", "utf8mb4_0900_bin", "mysql"), text("utf8mb4", "utf8mb4_ja_0900_as_cs", "mysql", first=0x3041, step=20),
    text("utf8mb4", "utf8mb4_unicode_nopad_ci", "mariadb", kind="CHAR(20)"), text("utf8mb4", "utf8mb4_uca1400_ai_ci", "mariadb-11"),
    text("utf8mb3", "utf8mb3_general_ci"), text("latin1", "latin1_swedish_ci", step=1), text("latin1", "latin1_german2_ci", step=1),
    text("latin1", "latin1_general_cs", step=1, kind="CHAR(20)"), text("latin2", "latin2_czech_cs", step=1), text("ascii", "ascii_general_ci", step=1),
    text("cp1251", "cp1251_general_ci", first=0x400, step=1), text("sjis", "sjis_japanese_ci", first=0x3041, step=40),
    text("gbk", "gbk_chinese_ci", first=0x4E00, step=30), text("big5", "big5_chinese_ci", first=0x4E00, step=30),
    text("ucs2", "ucs2_general_ci"), text("utf16", "utf16_unicode_ci"), text("utf16", "utf16_bin", first=0xFF00, step=200), text("utf16le", "utf16le_general_ci"),
    text("utf32", "utf32_bin", first=0xFF00, step=100), text("tis620", "tis620_thai_ci", first=0xE01, step=1),
    Key("k UUID, PRIMARY KEY (k)", "CONCAT(LPAD(HEX(n * 7777777), 8, '0'), '-e89b-12d3-a456-', LPAD(HEX(n * 31 % 600), 12, '0'))",
        ("mariadb-10.11", "mariadb-11")),
    Key("k INET6, PRIMARY KEY (k)", "CONCAT('2001:', HEX(n), '::', HEX(n * 31))", "mariadb"),
    Key("k INET4, PRIMARY KEY (k)", "CONCAT('10.', n % 256, '.0.', n DIV 3)", "mariadb-11"),
    # Several columns, also in another order than the table's.
    Key("a INT, b VARCHAR(30) COLLATE utf8mb4_general_ci, c DATETIME(3), PRIMARY KEY (b, a, c)",
        "n, CONCAT('Größe ', n DIV 150), '2024-01-01' + INTERVAL n SECOND"),
    Key("a INT, b INT, PRIMARY KEY (a, b)", "n DIV 500, n"),
    Key("a INT, b INT, c INT, d INT, PRIMARY KEY (a, b, c, d)", "n DIV 300, n DIV 100, n DIV 10, -n"),
    Key("a INT, b INT, PRIMARY KEY (a DESC, b)", "n DIV 100, n", "mysql"),
    Key("a INT, b INT, PRIMARY KEY (a DESC, b)", "n DIV 100, n", "mariadb-11"),
    Key("a INT, e ENUM('z','a','m'), b INT, PRIMARY KEY (a, e, b)", "n DIV 300, n % 3 + 1, n"),
    Key("a INT, `b``, '` INT, PRIMARY KEY (a, `b``, '`)", "n DIV 300, n"),
    Key("a INT, b INT, PRIMARY KEY (a, b)", "n DIV 500, n", more="PARTITION BY HASH (a + b) PARTITIONS 4"),
    Key("k INT, PRIMARY KEY (k)", "n", more="ENGINE=MyISAM"),
    # No primary key, but one that is as good.
    Key("a INT NOT NULL, b INT NOT NULL, UNIQUE KEY u (b, a)", "n, n DIV 300"),
    # These are read whole.
    Key("a INT, UNIQUE KEY u (a)", "NULLIF(n, 5)", whole=True),
    Key("a INT", "n DIV 2", whole=True),
    Key("k DOUBLE, PRIMARY KEY (k)", "n / 7", whole=True),
    Key("k FLOAT, b INT, PRIMARY KEY (b, k)", "n / 7, 1", whole=True),
    Key("k VARCHAR(200), PRIMARY KEY (k(5))", "CONCAT(n, '.....', n)", whole=True),
    Key("k TEXT, PRIMARY KEY (k(5))", "CONCAT(n, '.....', n)", whole=True),
]


@pytest.mark.parametrize("workers", [1, 3])
def test_every_key(server, database, workers, tmp_path):
    keys = {f"t{number:02}": key for number, key in enumerate(KEYS) if server.name.startswith(key.servers)}
    server.sql("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'; CREATE TABLE n (n INT PRIMARY KEY); INSERT INTO n WITH RECURSIVE r AS "
               f"(SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < {ROWS}) SELECT n FROM r;" +
               "".join(f"CREATE TABLE {name} (number INT NOT NULL, {key.columns}) {key.more}; INSERT IGNORE INTO {name} SELECT n, {key.value} FROM n;"
                       for name, key in keys.items()) +
               f"ANALYZE TABLE {', '.join(keys)}", database)
    truth = {name: sorted(int(row[0]) for row in server.rows(f"SELECT number FROM {name}", database)) for name in keys}
    small = {name: len(rows) for name, rows in truth.items() if len(rows) < 100}
    assert not small, [(keys[name], rows) for name, rows in small.items()]
    server.sql("SET GLOBAL log_output='TABLE'; TRUNCATE mysql.general_log; SET GLOBAL general_log=ON")
    out = tmp_path / "out"
    try:
        done = subprocess.run([BINARY, "snapshot", url(server), "--to", f"file:{out}", "--workers", str(workers), "--chunk", "1",
                               *(each for name in keys for each in ("--table", f"d.{name}"))], capture_output=True, text=True, env=environment())
    finally:
        server.sql("SET GLOBAL general_log=OFF; SET GLOBAL log_output='FILE'")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    for name, key in keys.items():
        read = [each["after"]["number"] for each in lines if each["op"] == "read" and each["table"] == name]
        assert sorted(read) == truth[name], (name, key)
        stages = [each["stage"] for each in lines if each["op"] == "snapshot" and each.get("table") == name]
        assert stages == ["begin", "end"], (name, stages)
    statements = [row[0] for row in server.rows("SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE argument LIKE 'SELECT%FROM `d`.`t%'")]
    for name, key in keys.items():
        own = [each for each in statements if f"`d`.`{name}`" in each]
        pieces = [each for each in own if "LIMIT 1" not in each]
        assert any("FORCE INDEX" in each for each in own) != key.whole, (name, own)
        if workers == 1 or key.whole:
            assert len(own) == 1, own
            continue
        if key.one:
            assert len(own) == 1, own
        elif len(truth[name]) > 200 and "ENGINE" not in key.more:
            assert len(pieces) >= 2, (name, key, own)
        plans = server.sql("SET NAMES utf8mb4;" + "SELECT 'next';".join(f"EXPLAIN FORMAT=TRADITIONAL {each};" for each in own), database)
        for each, plan in zip(own, plans.split("next\n"), strict=True):
            assert "filesort" not in plan and "temporary" not in plan, (each, plan)
            if " WHERE " in each:
                assert re.search(r"\t(range|const|ref)\t|Impossible WHERE", plan), (each, plan)


@pytest.mark.parametrize("column, first", [("a INT", "7"), ("a ENUM('z','a','m','b','y')", "IF(n % 5, 2, n % 3 + 3)"),
                                           ("a ENUM('z','a')", "2")])
def test_rows_are_found_by_ranges(server, database, column, first):
    """Where many rows have the first column in common, those of the pieces before are not read again."""
    server.sql(f"CREATE TABLE t ({column}, b INT, c CHAR(100), PRIMARY KEY (a, b)); INSERT INTO t WITH RECURSIVE r AS "
               f"(SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT {first}, n, n FROM r; ANALYZE TABLE t", database)
    before = reads(server)
    done = subprocess.run([BINARY, "snapshot", url(server), "--table", "d.t", "--workers", "3", "--chunk", "1"], capture_output=True, env=environment())
    assert done.returncode == 0 and done.stdout.count(b'"op":"read"') == 900
    assert reads(server) - before < 4000  # twice, and what the server reads for itself


def reads(server) -> int:
    return sum(int(value) for name, value in server.rows("SHOW GLOBAL STATUS LIKE 'Handler_read%'") if name in ("Handler_read_next", "Handler_read_prev"))
