"""What the benchmarks of MySQL write: for each workload the statements that make its tables, and those whose
changes are measured. Every run writes the same rows; times and ids of transactions differ."""

BATCH = 1000  # rows of a transaction, where not said otherwise

# In a database of their own, and not in the binlog: numbers to select from.
NUMBERS = f"""
SET SESSION sql_log_bin = 0, cte_max_recursion_depth = {BATCH};
CREATE DATABASE numbers;
CREATE TABLE numbers.n (n INT PRIMARY KEY);
INSERT INTO numbers.n WITH RECURSIVE r (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < {BATCH - 1})
  SELECT n FROM r;
CREATE DATABASE bench CHARACTER SET utf8mb4;
"""

# sysbench's oltp_read_write: each transaction updates an indexed column and a text, deletes a row and inserts it anew.
SYSBENCH_TABLES = """
CREATE TABLE sbtest1 (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0,
  c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_1 (k));
CREATE PROCEDURE oltp(first INT, last INT)
BEGIN
  DECLARE i INT DEFAULT first;
  WHILE i < last DO
    START TRANSACTION;
    UPDATE sbtest1 SET k = k + 1 WHERE id = i;
    UPDATE sbtest1 SET c = REVERSE(c) WHERE id = i + 1;
    DELETE FROM sbtest1 WHERE id = i + 2;
    INSERT INTO sbtest1 (id, k, c, pad) VALUES (i + 2, i, {c}, {pad});
    COMMIT;
    SET i = i + 3;
  END WHILE;
END
"""


def digits(of: str, groups: int) -> str:
    """sysbench's texts: groups of eleven digits between dashes."""
    parts = [f"LPAD(CRC32(CONCAT({of}, '/{group}')) * 17 + {group}, 11, '7')" for group in range(groups)]
    return f"CONCAT_WS('-', {', '.join(parts)})"


def hashed(of: str, salt: int) -> str:
    """32 bits."""
    return f"CAST(CRC32(CONCAT({of}, '+{salt}')) AS SIGNED)"


def inserts(table: str, expressions: list[str], rows: int) -> list[str]:
    """`i` in the expressions is the row's number, from 1 on."""
    return [f"INSERT INTO {table} SELECT {', '.join(expressions)} FROM"
            f" (SELECT n + {first} AS i FROM numbers.n WHERE n < {min(BATCH, rows + 1 - first)}) AS made"
            for first in range(1, rows + 1, BATCH)]


def ranges(statement: str, rows: int, batch: int = BATCH) -> list[str]:
    return [f"{statement} WHERE id BETWEEN {first} AND {min(first + batch - 1, rows)}"
            for first in range(1, rows + 1, batch)]


class Sysbench:
    def __init__(self, rows: int):
        self.rows = rows
        self.images = rows + rows + rows // 20 // 3 * 6 + rows // 2
        self.tables = [SYSBENCH_TABLES.format(c=digits("i", 10), pad=digits("i + 1", 5))]

    def statements(self) -> list[str]:
        few = self.rows // 20 // 3 * 3
        return [*inserts("sbtest1", ["i", hashed("i", 1) + " % 1000000", digits("i", 10), digits("i + 1", 5)], self.rows),
                *ranges("UPDATE sbtest1 SET k = k + 1", self.rows // 2),
                f"CALL oltp(1, {few + 1})",
                *ranges("DELETE FROM sbtest1", self.rows // 2)]


class Narrow:
    """Five integers."""

    tables = ["CREATE TABLE narrow (id INT PRIMARY KEY, a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, d INT NOT NULL)"]

    def __init__(self, rows: int):
        self.rows = rows
        self.images = rows + rows + rows // 2

    def statements(self) -> list[str]:
        return [*inserts("narrow", ["i", "i % 1000", *(hashed("i", salt) + " % 2000000000 - 1000000000" for salt in (1, 2)),
                                    "i % 7"], self.rows),
                *ranges("UPDATE narrow SET a = a + 1, d = -d", self.rows // 2),
                *ranges("DELETE FROM narrow", self.rows // 2)]


# Name, type and expression of each of 40 columns.
WIDE_COLUMNS = [
    ("id", "BIGINT PRIMARY KEY", "i"),
    ("t1", "TINYINT", f"{hashed('i', 1)} % 256 - 128"),
    ("t1u", "TINYINT UNSIGNED", f"{hashed('i', 2)} % 256"),
    ("s2", "SMALLINT", f"{hashed('i', 3)} % 65536 - 32768"),
    ("s2u", "SMALLINT UNSIGNED", f"{hashed('i', 4)} % 65536"),
    ("m3", "MEDIUMINT", f"{hashed('i', 5)} % 16777216 - 8388608"),
    ("m3u", "MEDIUMINT UNSIGNED", "IF(i % 7 = 0, NULL, i % 16777216)"),
    ("i4", "INT", f"{hashed('i', 6)} % 2000000000 - 1000000000"),
    ("i4u", "INT UNSIGNED", hashed("i", 7)),
    ("b8", "BIGINT", f"{hashed('i', 8)} * 1000003"),
    ("b8u", "BIGINT UNSIGNED", f"{hashed('i', 9)} * 2000000011"),
    ("yes", "TINYINT(1)", "i % 2"),
    ("b1", "BIT(1)", "i % 2"),
    ("b20", "BIT(20)", f"{hashed('i', 10)} % 1048576"),
    ("price", "DECIMAL(10,2)", f"({hashed('i', 11)} % 2000000000 - 1000000000) / 100"),
    ("amount", "DECIMAL(18,4)", f"{hashed('i', 12)} * 10007 / 10000"),
    ("exact", "DECIMAL(38,12)", f"CAST({hashed('i', 13)} AS DECIMAL(38,12)) / 7"),
    ("f4", "FLOAT", f"{hashed('i', 14)} % 100000 / 32"),
    ("f8", "DOUBLE", f"{hashed('i', 15)} / 9.7e4"),
    ("y", "YEAR", "1980 + i % 100"),
    ("day", "DATE", f"DATE '2000-01-01' + INTERVAL {hashed('i', 16)} % 20000 DAY"),
    ("t", "TIME", f"SEC_TO_TIME({hashed('i', 17)} % 1200000 - 600000)"),
    ("t3", "TIME(3)", f"IF(i % 6 = 0, NULL, SEC_TO_TIME({hashed('i', 18)} % 86400000 / 1000))"),
    ("dt", "DATETIME", f"TIMESTAMP '2020-01-01 00:00:00' + INTERVAL {hashed('i', 19)} % 200000000 SECOND"),
    ("dt6", "DATETIME(6)", f"TIMESTAMP '2020-01-01 00:00:00' + INTERVAL {hashed('i', 20)} * 40000 MICROSECOND"),
    ("ts", "TIMESTAMP NULL", f"TIMESTAMP '2020-01-01 00:00:00' + INTERVAL {hashed('i', 21)} % 200000000 SECOND"),
    ("ts6", "TIMESTAMP(6) NULL", f"TIMESTAMP '2020-01-01 00:00:00' + INTERVAL {hashed('i', 22)} * 40000 MICROSECOND"),
    ("code", "CHAR(16)", "LEFT(MD5(i), 4 + i % 12)"),
    ("name", "VARCHAR(60)", "CONCAT(ELT(1 + i % 8, 'O''Brien', 'Zoë Müller', 'two\\nlines', 'Jane \"JJ\" Doe', 'Ana',"
                            " 'Łukasz Żółć', '山田 太郎', 'back\\\\slash'), ' ', LEFT(MD5(i), 6))"),
    ("city", "VARCHAR(200)", "IF(i % 3 = 0, NULL, ELT(1 + i % 5, 'København', 'Paris', 'São Paulo', 'Llanfairpwllgwyngyll',"
                             " 'New York'))"),
    ("old", "VARCHAR(40) CHARACTER SET latin1", "ELT(1 + i % 4, 'plain', 'naïve café', 'Ångström', 'of seven bits')"),
    ("note", "TEXT", "REPEAT(CONCAT(MD5(i), IF(i % 4 = 0, ' \"quoted\"\\n', ' plain ')), i % 5)"),
    ("more", "TINYTEXT", "LEFT(MD5(i + 1), i % 30)"),
    ("uid", "BINARY(16)", "UNHEX(MD5(i + 2))"),
    ("raw", "VARBINARY(40)", "UNHEX(LEFT(MD5(i + 3), 2 * (i % 16)))"),
    ("b", "BLOB", "IF(i % 4 = 1, NULL, UNHEX(LEFT(MD5(i + 4), 2 * (i % 12))))"),
    ("e", "ENUM('small','medium','large','très grand')", "1 + i % 4"),
    ("s", "SET('red','green','blue','grün')", "i % 16"),
    ("js", "JSON", "JSON_OBJECT('id', i, 'kind', CONCAT('k', i % 10), 'list', JSON_ARRAY(i % 3, i / 4), 'text', 'a \"b\" c')"),
    ("g", "GEOMETRY", f"ST_GeomFromText(CONCAT('POINT(', i % 180, ' ', {hashed('i', 23)} % 90, ')'))"),
]


class Wide:
    """40 columns of all types."""

    tables = [f"CREATE TABLE wide ({', '.join(name + ' ' + kind for name, kind, _ in WIDE_COLUMNS)})"]

    def __init__(self, rows: int):
        self.rows = rows
        self.images = rows + rows // 2

    def statements(self) -> list[str]:
        return [*inserts("wide", [expression for _, _, expression in WIDE_COLUMNS], self.rows),
                *ranges("UPDATE wide SET i4 = i4 + 1, note = CONCAT(note, '.')", self.rows // 4)]


JSON_DOCUMENT = f"""JSON_OBJECT('id', i, 'name', CONCAT('Zoë "', LEFT(MD5(i), 8), '"'), 'active', i % 2 = 0,
  'score', {hashed("i", 1)} / 97, 'total', CAST({hashed("i", 2)} % 100000 / 100 AS DECIMAL(10,2)), 'none', NULL,
  'created', TIMESTAMP '2020-01-01 00:00:00' + INTERVAL i SECOND,
  'address', JSON_OBJECT('street', MD5(i + 1), 'city', 'København', 'zip', LPAD(i % 100000, 5, '0'),
                         'place', JSON_ARRAY(i % 180, {hashed("i", 3)} / 1e8)),
  'tags', JSON_ARRAY('new', CONCAT('tag ', i % 100), 'with "quotes"', LEFT(MD5(i + 2), 12)),
  'items', JSON_ARRAY(JSON_OBJECT('sku', LEFT(MD5(i + 3), 10), 'count', i % 9, 'price', {hashed("i", 4)} % 10000 / 8),
                      JSON_OBJECT('sku', LEFT(MD5(i + 4), 10), 'count', {hashed("i", 5)}, 'price', i % 100),
                      JSON_OBJECT('sku', LEFT(MD5(i + 5), 10), 'count', -i, 'price', 0.5)),
  'text', REPEAT(CONCAT(MD5(i + 6), ' '), i % 6))"""


class Json:
    tables = ["CREATE TABLE docs (id INT PRIMARY KEY, n INT NOT NULL DEFAULT 0, doc JSON)"]

    def __init__(self, rows: int):
        self.rows = rows
        self.images = rows + rows // 2

    def statements(self) -> list[str]:
        return [*inserts("docs", ["i", "0", JSON_DOCUMENT], self.rows), *ranges("UPDATE docs SET n = n + 1", self.rows // 4)]


class Tiny:
    """Transactions of one row: an insert each."""

    tables = ["CREATE TABLE tiny (id INT PRIMARY KEY, k INT NOT NULL, note VARCHAR(40))",
              """CREATE PROCEDURE one_by_one(rows_wanted INT)
BEGIN
  DECLARE i INT DEFAULT 1;
  WHILE i <= rows_wanted DO
    INSERT INTO tiny VALUES (i, i * 7, CONCAT('note ', i));
    SET i = i + 1;
  END WHILE;
END"""]

    def __init__(self, rows: int):
        self.images = rows

    def statements(self) -> list[str]:
        return [f"CALL one_by_one({self.images})"]
