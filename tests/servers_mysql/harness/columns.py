"""Columns of every type with their extreme values, and how to ask the server for the truth about them."""

import math
import struct
from dataclasses import dataclass, field


@dataclass
class Column:
    """`truth` gives text that must be equal, unless `kind` says that it is compared in another way."""
    type: str
    values: list[str]
    truth: str = "CAST(c AS CHAR)"
    kind: str = "text"  # text, hex, float32, float64, vector
    servers: str = ""   # "mysql", "mariadb" or a server's name; empty: all
    since: dict[str, tuple] = field(default_factory=dict)
    minimal: str = ""   # the truth where the binlog has no labels
    plain: str = ""     # the truth where the binlog has no metadata at all; "-": cannot be compared


def ints(name: str, bits: int) -> list[Column]:
    low, high, most = -2 ** (bits - 1), 2 ** (bits - 1) - 1, 2 ** bits - 1
    signed_again = f"CAST(IF(c > {high}, CAST(c AS DECIMAL(30)) - {most + 1}, c) AS CHAR)"
    return [Column(name, [str(low), str(low + 1), "-1", "0", "1", "42", str(high)]),
            Column(f"{name} UNSIGNED", ["0", "1", str(high), str(high + 1), str(most)], plain=signed_again)]


def decimals() -> list[Column]:
    columns = []
    for precision, scale in ((1, 0), (1, 1), (4, 2), (9, 0), (9, 9), (10, 0), (10, 9), (18, 9), (19, 10), (20, 1),
                             (30, 30), (31, 30), (38, 19), (65, 0), (65, 10), (65, 30)):
        whole = "9" * (precision - scale) or "0"
        part = "." + "9" * scale if scale else ""
        small = "0." + "0" * (scale - 1) + "1" if scale else "1"
        mixed = ("1234567890" * 7)[:precision - scale] or "0"
        mixed += "." + ("0987654321" * 3)[:scale] if scale else ""
        values = ["0", "1" if precision > scale else "0.5", "-1" if precision > scale else "-0.5", whole + part,
                  "-" + whole + part, small, "-" + small, mixed, "-" + mixed]
        columns.append(Column(f"DECIMAL({precision},{scale})", values))
    return columns


def times() -> list[Column]:
    columns = []
    for digits in range(7):
        part = "." + "9" * digits if digits else ""
        one = "." + "0" * (digits - 1) + "1" if digits else ""
        low = "." + "0" * (digits - 1) + "1" if digits else ""
        columns.append(Column(f"TIME({digits})", [
            "'00:00:00'", f"'-838:59:59'", "'838:59:59'", f"'-838:59:58{part}'", f"'838:59:58{part}'", f"'-00:00:00{low}'",
            f"'-00:00:01{one}'", f"'-00:00:00{part}'", f"'12:34:56{part}'", f"'-12:00:00'", "'-00:59:00'", "'100:00:00'",
            f"'23:59:59{one}'", f"'-01:00:00{part}'"]))
        columns.append(Column(f"DATETIME({digits})", [
            "'0000-00-00 00:00:00'", "'1000-01-01 00:00:00'", f"'9999-12-31 23:59:59{part}'", "'2024-00-00 00:00:00'",
            "'2024-02-00 01:02:03'", f"'2024-02-29 12:34:56{one}'", f"'0001-01-01 00:00:01{one}'", "'1969-12-31 23:59:59'"]))
        columns.append(Column(f"TIMESTAMP({digits}) NULL", [
            "'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", f"'2038-01-19 03:14:07{part}'", f"'2024-02-29 23:59:59{one}'",
            "'2000-03-01 00:00:00'", f"'1999-12-31 23:59:59{part}'"]))
    return columns


def texts() -> list[Column]:
    latin = "CONVERT(X'%s' USING latin1)" % "".join(f"{each:02X}" for each in range(1, 256))
    long_text = "REPEAT('tidewire ä€😀 ', 5000)"
    plain = "CONVERT(CAST(c AS BINARY) USING utf8mb4)"
    columns = []
    for charset in ("utf8mb4", "utf8mb3"):
        face = "'😀 x'" if charset == "utf8mb4" else "'€ x'"
        columns += [
            Column(f"CHAR(0) CHARACTER SET {charset}", ["''"]),
            Column(f"CHAR(1) CHARACTER SET {charset}", ["''", "'a'", "'€'"]),
            Column(f"CHAR(60) CHARACTER SET {charset}", ["''", "'a  b '", face, "REPEAT('€',60)"]),
            Column(f"CHAR(255) CHARACTER SET {charset}", ["''", "REPEAT('ä',255)", "REPEAT('€',255)", face]),
            Column(f"VARCHAR(10) CHARACTER SET {charset}", ["''", "'  '", "'a b  '", face, "'\\0\\n\\\\'"]),
            Column(f"VARCHAR(255) CHARACTER SET {charset}", ["''", "REPEAT('€',255)", face]),
            Column(f"VARCHAR(5000) CHARACTER SET {charset}", ["''", "REPEAT('ü',5000)", face]),
            Column(f"TINYTEXT CHARACTER SET {charset}", ["''", "REPEAT('ä',127)"]),
            Column(f"TEXT CHARACTER SET {charset}", ["''", face, "REPEAT('ä',5000)"]),
            Column(f"MEDIUMTEXT CHARACTER SET {charset}", ["''", face]),
            Column(f"LONGTEXT CHARACTER SET {charset}", ["''", face, "REPEAT('0123456789abcdef',20000)"]),
        ]
    columns += [
        Column("LONGTEXT CHARACTER SET utf8mb4", [long_text]),
        Column("VARCHAR(300) CHARACTER SET latin1", ["''", "'abc'", "'äöü€'", latin], truth="CONVERT(c USING utf8mb4)",
               plain="-"),
        Column("CHAR(20) CHARACTER SET latin1", ["''", "'ab ä'", "'€€€'"], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("TEXT CHARACTER SET latin1", ["'é'", latin], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("VARCHAR(20) CHARACTER SET ascii", ["''", "'abc'"]),
        Column("VARCHAR(20) CHARACTER SET cp1251", ["''", "'abc'", "'Привет'"], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("VARCHAR(20) CHARACTER SET gbk", ["''", "'abc'", "'中文'"], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("CHAR(20) CHARACTER SET sjis", ["''", "'表 '", "'日本'"], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("VARCHAR(20) CHARACTER SET swe7", ["''", "'abc'", "'Äé'"], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("VARCHAR(20) CHARACTER SET utf16", ["''", "'a日😀'"], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("VARCHAR(20) CHARACTER SET utf32", ["''", "'a日😀'"], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("CHAR(20) CHARACTER SET ucs2", ["''", "'a日 '"], truth="CONVERT(c USING utf8mb4)", plain="-"),
        Column("ENUM('ä','ж') CHARACTER SET utf16", ["'ä'", "'ж'"], minimal="CAST(CAST(c AS UNSIGNED) AS CHAR)", plain="CAST(CAST(c AS UNSIGNED) AS CHAR)"),
        *[Column(f"VARCHAR(20) CHARACTER SET {each}", ["'abc'", f"CONVERT(CONVERT(X'{bytes(range(0xc0, 0xd0)).hex()}' USING {each}) USING utf8mb4)"],
                 truth="CONVERT(c USING utf8mb4)", plain="-")
          for each in ("cp1250", "cp1256", "cp1257", "cp850", "cp852", "cp866", "dec8", "greek", "hebrew", "hp8", "koi8r", "koi8u",
                       "latin2", "latin5", "latin7", "macce", "macroman", "keybcs2", "armscii8", "geostd8", "tis620")],
    ]
    for width in (1, 16, 255):
        columns.append(Column(f"BINARY({width})", ["''", "X'00'", "X'FF'", f"REPEAT(X'00',{width})", f"REPEAT(X'FF',{width})",
                                                   "X'41'"], truth="HEX(c)", kind="hex", plain="-"))
    columns += [
        Column("BINARY(16)", ["X'0102030400000000'", "X'00000000000000000000000000000001'", "X'00200020'"],
               truth="HEX(c)", kind="hex", plain="-"),
        Column("VARBINARY(20)", ["''", "X'00'", "X'FF00'", "X'0000'"], truth="HEX(c)", kind="hex", plain="-"),
        Column("VARBINARY(3000)", ["''", "REPEAT(X'00FF',1500)"], truth="HEX(c)", kind="hex", plain="-"),
        Column("TINYBLOB", ["''", "X'00FF'"], truth="HEX(c)", kind="hex", plain="-"),
        Column("BLOB", ["''", "REPEAT(X'80',60000)"], truth="HEX(c)", kind="hex", plain="-"),
        Column("MEDIUMBLOB", ["X'00'", "REPEAT(X'0180',50000)"], truth="HEX(c)", kind="hex", plain="-"),
        Column("LONGBLOB", ["X'00'", "''"], truth="HEX(c)", kind="hex", plain="-"),
    ]
    return columns


def labels() -> list[Column]:
    many = ",".join(f"'v{n}'" for n in range(1, 301))
    set64 = ",".join(f"'m{n}'" for n in range(1, 65))
    columns = [
        Column("ENUM('a','b ä','€','')", ["'a'", "'b ä'", "'€'", "''", "0"]),
        Column("ENUM('x')", ["'x'"]),
        Column(f"ENUM({many})", ["'v1'", "'v255'", "'v256'", "'v300'"]),
        Column("SET('a','b','c,'" .replace("c,", "c") + ")", ["''", "'a'", "'a,c'", "'a,b,c'"]),
        Column("SET('1','2','3','4','5','6','7','8','9')", ["''", "'9'", "'1,9'"]),
        Column(f"SET({set64})", ["''", "'m1'", "'m64'", "'m1,m33,m64'", "18446744073709551615"]),
        Column("SET('ä','ö') CHARACTER SET latin1", ["'ä'", "'ä,ö'"]),
        Column("ENUM('ä','ö€') CHARACTER SET latin1", ["'ä'", "'ö€'"]),
    ]
    for column in columns:
        column.minimal = column.plain = "CAST(CAST(c AS UNSIGNED) AS CHAR)"
    return columns


def geometries() -> list[Column]:
    values = ["ST_GeomFromText('POINT(1 -2.5)')", "ST_GeomFromText('LINESTRING(0 0,1 1,2 3)')",
              "ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 4,0 0))')", "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')"]
    return [Column("GEOMETRY", values, truth="HEX(c)", kind="hex", plain="-"),
            Column("POINT", values[:1], truth="HEX(c)", kind="hex", plain="-"),
            Column("MULTIPOINT", ["ST_GeomFromText('MULTIPOINT((1 1),(2 2))')"], truth="HEX(c)", kind="hex", plain="-")]


JSON_VALUES = [
    "'{}'", "'[]'", "'null'", "'true'", "'false'", "'0'", "'-1'", "'32767'", "'-32768'", "'32768'", "'65535'", "'65536'",
    "'2147483647'", "'-2147483648'", "'4294967295'", "'9223372036854775807'", "'-9223372036854775808'",
    "'18446744073709551615'", "'1.0'", "'-0.0'", "'1e100'", "'1e-7'", "'123456789012345'", "'1234567890123456.0'",
    "'12345678901234567.0'", "'100000000000000.0'", "'1000000000000000.0'", "'1e15'", "'1e16'", "'0.1'", "'-1.5e-300'",
    "'1.7976931348623157e308'", "'5e-324'", "'0.00001'", "'0.000000000000001'", "'0.00000000000001'", "'3.141592653589793'",
    "'\"\"'", "'\"a\\\\\\\\b\\\\\"c\\\\n\\\\t\\\\u0001\\\\u007f/ä€😀\"'", "'{\"b\":1,\"a\":{\"c\":[1,2,{\"d\":null}]},\"aa\":[true,false]}'",
    "'[[[[[[[[[[1]]]]]]]]]]'", "'{\"\":\"\"}'", "JSON_ARRAY(1, NULL, 'x', 1.5, TRUE, JSON_OBJECT('k', 'v'))",
    "CAST(CAST('123.450' AS DECIMAL(10,3)) AS JSON)", "CAST(CAST('-99999999999999999999999999999999999.999999999999999999999999999999' AS DECIMAL(65,30)) AS JSON)",
    "CAST(CAST('2024-02-29' AS DATE) AS JSON)", "CAST(CAST('0000-00-00' AS DATE) AS JSON)", "CAST(CAST('-838:59:59' AS TIME) AS JSON)",
    "CAST(CAST('-00:00:00.000001' AS TIME(6)) AS JSON)", "CAST(CAST('12:34:56.789' AS TIME(3)) AS JSON)",
    "CAST(CAST('2024-02-29 23:59:59.999999' AS DATETIME(6)) AS JSON)", "CAST(TIMESTAMP'2024-02-29 23:59:59' AS JSON)",
    "CAST(X'00FF10' AS JSON)", "CAST(REPEAT(X'0102FF',200) AS JSON)", "CAST(b'101' AS JSON)", "JSON_OBJECT('bin', X'80')",
    "CAST(ST_GeomFromText('POINT(1 2)') AS JSON)", "CAST(CAST(2024 AS YEAR) AS JSON)", "JSON_ARRAY(REPEAT('x',70000))",
    "JSON_OBJECT('k', REPEAT('€\\\\\\\\\"',30000), 'l', JSON_ARRAY(1,2))",
    "(SELECT CONCAT('[', GROUP_CONCAT(n ORDER BY n), ']') FROM numbers)",
    "(SELECT JSON_OBJECTAGG(CONCAT('key', n), n * 1000000) FROM numbers)",
    "(SELECT JSON_ARRAYAGG(JSON_OBJECT('n', n, 'd', n / 7, 's', REPEAT('s', n % 200))) FROM numbers)",
]


def all_columns() -> list[Column]:
    return [
        *ints("TINYINT", 8), *ints("SMALLINT", 16), *ints("MEDIUMINT", 24), *ints("INT", 32), *ints("BIGINT", 64),
        *decimals(), *times(), *texts(), *labels(), *geometries(),
        Column("DECIMAL(10,3) UNSIGNED", ["0", "9999999.999", "0.001"]),
        Column("DECIMAL(65,38)", ["0", "1." + "1" * 38, "-" + "9" * 27 + "." + "9" * 38], servers="mariadb"),
        Column("FLOAT", ["0", "-0.0", "1", "3.14", "-3.4028234663852886e38", "1.17549435e-38", "1e-45", "16777217", "0.1",
                         "123456.789", "1e10", "1e15", "1e16", "99999999"],
               truth="CAST(c AS DOUBLE)", kind="float32"),
        Column("DOUBLE", ["0", "-0.0", "1", "0.1", "1.7976931348623157e308", "-2.2250738585072014e-308", "5e-324", "1e15",
                          "1e16", "123456789012345678", "0.3", "1e-14", "1e-15", "3.141592653589793"], kind="float64"),
        Column("BIT(1)", ["0", "1"], truth="CAST(c+0 AS CHAR)"),
        Column("BIT(8)", ["0", "255", "128"], truth="CAST(c+0 AS CHAR)"),
        Column("BIT(13)", ["0", "8191", "4097"], truth="CAST(c+0 AS CHAR)"),
        Column("BIT(64)", ["0", "18446744073709551615", "9223372036854775808", "1"], truth="CAST(c+0 AS CHAR)"),
        Column("YEAR", ["0", "1901", "2155", "1999", "2000"]),
        Column("DATE", ["'0000-00-00'", "'1000-01-01'", "'9999-12-31'", "'2024-00-00'", "'2024-02-00'", "'0001-01-01'",
                        "'2024-02-29'"]),
        Column("JSON", JSON_VALUES, truth="c", servers="mysql"),
        Column("JSON", ["'{\"a\": [1, 2.50, \"ä\"]}'", "'[]'"], truth="c", servers="mariadb"),
        Column("INT ZEROFILL", ["0", "42"], truth="CAST(c+0 AS CHAR)"),
        Column("BOOLEAN", ["TRUE", "FALSE"]),
        Column("VECTOR(3)", ["STRING_TO_VECTOR('[1,-2.5,3.14]')", "STRING_TO_VECTOR('[0,1e-30,3e38]')"],
               truth="VECTOR_TO_STRING(c)", kind="vector", servers="mysql-9.7"),
        Column("VECTOR(3) NOT NULL", ["VEC_FromText('[1,-2.5,3.14]')", "VEC_FromText('[0,1e-30,0]')"], truth="HEX(c)",
               kind="hex", servers="mariadb-11.8", plain="-"),
        Column("UUID", ["'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000000'"],
               truth="REPLACE(UPPER(CAST(c AS CHAR)),'-','')", kind="hex", servers="mariadb", plain="-"),
        Column("INET6", ["'::'", "'::1'", "'2001:db8::'"], truth="HEX(c)", kind="hex", servers="mariadb", plain="-"),
        Column("INET4", ["'0.0.0.0'", "'10.1.0.0'", "'255.255.255.255'"], truth="HEX(c)", kind="hex", servers="mariadb",
               plain="-"),
        Column("VARCHAR(200) COMPRESSED CHARACTER SET utf8mb4", ["''", "'a'", "REPEAT('ä',100)"], servers="mariadb"),
        Column("VARCHAR(5000) COMPRESSED CHARACTER SET latin1", ["''", "'ä'", "REPEAT('äx',2000)"],
               truth="CONVERT(c USING utf8mb4)", servers="mariadb", plain="-"),
        Column("TEXT COMPRESSED CHARACTER SET ujis", ["''", "'日'", "REPEAT('表x',2000)"], truth="CONVERT(c USING utf8mb4)",
               servers="mariadb", plain="-"),
        Column("TEXT COMPRESSED CHARACTER SET utf8mb4", ["''", "'a'", "REPEAT('0123456789',5000)"], servers="mariadb"),
        Column("BLOB COMPRESSED", ["''", "X'00'", "REPEAT(X'00FF',20000)"], truth="HEX(c)", kind="hex", servers="mariadb",
               plain="-"),
    ]


def columns_for(server: str) -> list[Column]:
    too_new = ("UUID", "INET4") if server == "mariadb-10.5" else ()
    return [each for each in all_columns() if server.startswith(each.servers) and each.type not in too_new]


def as_float32(number: float) -> bytes:
    try:
        return struct.pack("<f", number)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, number))


def shortest_float32(text: str) -> bool:
    """Whether no text of fewer digits is the same float."""
    digits = len(text.lower().split("e")[0].replace("-", "").replace(".", "").strip("0")) or 1
    wanted = as_float32(float(text))
    return all(as_float32(float(f"{float(text):.{n - 1}e}")) != wanted for n in range(1, digits))


def same(column: Column, mode_kind: str, ours, truth: str | None) -> bool:
    """`truth` is what the server said, as text."""
    if truth is None:
        return ours is None
    if mode_kind == "hex":
        return ours == {"hex": truth.lower()}
    if mode_kind == "float32":
        return as_float32(float(ours)) == as_float32(float(truth)) and shortest_float32(ours)
    if mode_kind == "float64":
        return struct.pack("<d", float(ours)) == struct.pack("<d", float(truth)) and ours == truth
    if mode_kind == "vector":
        mine, theirs = ([as_float32(float(each)) for each in text.strip("[]").split(",")] for text in (ours, truth))
        return mine == theirs
    return ours == truth
