"""Every character of every character set: what the lines have is what the server itself makes of it in UTF-8."""

import json
import subprocess

import pytest
from harness import BINARY
from harness.stream import environment, stream, url

MULTI_BYTE = ["big5", "gb2312", "gbk", "gb18030", "sjis", "cp932", "ujis", "eucjpms", "euckr"]
CHARACTERS = {"big5": 13845 - 7, "gb2312": 7573, "gbk": 21919, "gb18030": 1112064, "sjis": 7070, "cp932": 9795, "ujis": 15017,
              "eucjpms": 15206, "euckr": 17176, "swe7": 127, "latin1": 256, "cp1251": 255}
LABELS = {"big5": "功,許", "gb2312": "中,―", "gbk": "籠,—", "gb18030": "中,😀", "sjis": "表,ｱ", "cp932": "①,～", "ujis": "表,ｱ",
          "eucjpms": "①,～", "euckr": "갂,가", "swe7": "Ä,é", "latin1": "ä,€", "cp1251": "ж,я"}
# Bytes that are not legal are stored cut off before them, not refused.
SESSION = "SET NAMES utf8mb4; SET sql_mode='';"


@pytest.fixture
def account(server, database):
    server.sql("CREATE USER IF NOT EXISTS 'tw'@'127.0.0.1' IDENTIFIED BY 'pass word'; GRANT ALL ON *.* TO 'tw'@'127.0.0.1';"
               "SET GLOBAL binlog_row_metadata=FULL; CREATE TABLE d.byte (b BINARY(1) PRIMARY KEY); INSERT INTO d.byte VALUES "
               + ",".join(f"(X'{each:02x}')" for each in range(256)))
    return url(server, "tw", "pass%20word")


def questions(server, database, charset, tables, condition="1"):
    """Bytes as hex, and what the server makes of them: text, or None where they are not legal at all."""
    text = f"CONCAT({','.join(each + '.b' for each in tables.split())})"
    froms = ", ".join(f"byte {each}" for each in tables.split())
    rows = server.rows(f"{SESSION} SELECT HEX({text}), HEX(CONVERT(CONVERT({text} USING {charset}) USING utf8mb4)) "
                       f"FROM {froms} WHERE {condition} ORDER BY 1", database)
    for key, shown in rows:
        yield key, None if shown == "NULL" else bytes.fromhex(shown).decode()


def candidates(server, database, charset):
    yield from questions(server, database, charset, "w")
    if charset not in MULTI_BYTE:
        return
    # Behind half a katakana, which is one byte there, nothing need be legal.
    alone = " AND w.b NOT BETWEEN X'A1' AND X'DF'" if charset in ("sjis", "cp932") else ""
    yield from questions(server, database, charset, "w x", f"w.b >= X'80'{alone}")
    if charset in ("ujis", "eucjpms"):
        yield from questions(server, database, charset, "w x y", "w.b = X'8F' AND x.b >= X'A0' AND y.b >= X'A0'")
    if charset == "gb18030":
        four = "x.b BETWEEN '0' AND '9' AND y.b >= X'80' AND z.b BETWEEN '0' AND '9'"
        yield from questions(server, database, charset, "w x y z", f"w.b BETWEEN X'81' AND X'8F' AND {four}")
        # The planes beyond are in the order of their numbers; asked about one by one they would take a minute.
        yield from ((chr(code).encode("gb18030").hex().upper(), chr(code)) for code in range(0x10000, 0x110000))
        yield from ((key, text) for key, text in questions(server, database, charset, "w x y z", f"w.b = X'E3' AND {four}")
                    if not is_character(charset, text))


def chunks(items, size):
    return [items[at:at + size] for at in range(0, len(items), size)]


def is_character(charset, text):
    return text is not None and len(text) == 1 and text != "?" and (text != "\ufffd" or charset == "gb18030")


def fill(server, database, charset):
    """Rows of hundreds of characters each, and one row for each of those bytes that are not one. Returns how many."""
    good, others = ["3F"], []
    for key, text in candidates(server, database, charset):
        if key != "3F":
            (good if is_character(charset, text) else others).append(key)
    table = f"{charset}_t"
    script = [f"CREATE TABLE {table} (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(600), c TEXT) CHARACTER SET {charset};"]
    rows = ["".join(each) for each in chunks(good, 500)] + others
    for some in chunks(rows, 2000):
        values = ",".join(f"(X'{each}',X'{each}')" for each in some)
        script.append(f"INSERT INTO {table} (v, c) VALUES {values};")
    server.sql(SESSION + "".join(script), database)
    return len(good), len(others)


def expected(server, database, charset):
    """By id what the lines must have: text, or bytes where the server would make a question mark of something."""
    rows = server.rows(f"{SESSION} SELECT id, HEX(c), HEX(CONVERT(c USING utf8mb4)), HEX(v) = HEX(c) FROM {charset}_t", database)
    wanted = {}
    for number, raw, shown, same in rows:
        assert same == "1"
        text = bytes.fromhex(shown).decode()
        # Its byte is no part of another character in any of these sets.
        made = text.count("?") - bytes.fromhex(raw).count(b"?")
        lossy = made > 0 or ("\ufffd" in text and charset != "gb18030")
        wanted[int(number)] = {"binary": raw.lower()} if lossy else text
    return wanted


def values_of(out, op, table):
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    return {each["after"]["id"]: each["after"] for each in lines if each["op"] == op and each.get("table") == table}


@pytest.mark.parametrize("charset", CHARACTERS)
def test_every_character(server, database, account, charset, tmp_path):
    if server.mariadb and charset == "gb18030":
        pytest.skip("MariaDB has no gb18030")
    streamed, copied = tmp_path / "streamed", tmp_path / "copied"
    stream(account, "--to", f"file:{streamed}", "--until", "now").good()
    good, others = fill(server, database, charset)
    stream(account, "--to", f"file:{streamed}", "--until", "now").good()
    done = subprocess.run([BINARY, "snapshot", account, "--to", f"file:{copied}", "--table", f"d.{charset}_t"], capture_output=True,
                          text=True, env=environment())
    assert done.returncode == 0, done.stderr
    wanted = expected(server, database, charset)
    assert good == CHARACTERS[charset] and len(wanted) == -(-good // 500) + others
    for lines in (values_of(streamed, "insert", f"{charset}_t"), values_of(copied, "read", f"{charset}_t")):
        assert lines.keys() == wanted.keys()
        wrong = [(number, lines[number], value) for number, value in wanted.items()
                 if lines[number]["c"] != value or lines[number]["v"] != value]
        assert not wrong, wrong[:3]
    if charset != "latin1":  # which has a character for every byte
        assert any(isinstance(value, dict) for value in wanted.values())


def test_labels(server, database, account, tmp_path):
    out, copied = tmp_path / "out", tmp_path / "copied"
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    script = []
    for charset, labels in LABELS.items():
        if server.mariadb and charset == "gb18030":
            continue
        first, second = labels.split(",")
        script.append(f"CREATE TABLE {charset}_l (id INT PRIMARY KEY, e ENUM('{first}','{second}') CHARACTER SET {charset}, "
                      f"s SET('{first}','{second}') CHARACTER SET {charset});"
                      f"INSERT INTO {charset}_l VALUES (1,'{first}','{second}'),(2,'{second}','{first},{second}');")
    server.sql(SESSION + "".join(script), database)
    stream(account, "--to", f"file:{out}", "--until", "now").good()
    done = subprocess.run([BINARY, "snapshot", account, "--to", f"file:{copied}"], capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    for charset, labels in LABELS.items():
        if server.mariadb and charset == "gb18030":
            continue
        first, second = labels.split(",")
        rows = {1: {"id": 1, "e": first, "s": second}, 2: {"id": 2, "e": second, "s": labels}}
        assert values_of(out, "insert", f"{charset}_l") == rows
        assert values_of(copied, "read", f"{charset}_l") == rows
