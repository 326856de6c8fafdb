"""tidewire decode beside mysqlbinlog -vv, on files that a server has just written: the same rows in the same order, column
by column. What mysqlbinlog prints wrong or in bytes that nobody can tell apart (text, JSON) is compared elsewhere, with
SELECT."""

import re
import subprocess

import pytest
from harness.replay import Decoded
from mysql import Mysql, MysqlError
from test_decode import COLUMNS, SESSION, TABLE, Log, modes, workload

HEAD = re.compile(r"### (INSERT INTO|UPDATE|DELETE FROM) `d`\.`t`$")
CELL = re.compile(r"###   @(\d+)=(.*?)\s*/\* .*\*/$")
OPS = {"INSERT INTO": "insert", "UPDATE": "update", "DELETE FROM": "delete"}
LABELS = ["a", "ä", "c"]


def their_program(server) -> list[str]:
    if not server.mariadb:
        return server.program("mysqlbinlog")
    if server.name != "mariadb-11.4":
        return server.program("mariadb-binlog")
    try:  # that archive has none: a newer one knows its files
        return Mysql(server.folder, "mariadb-11.8").program("mariadb-binlog")
    except MysqlError as error:
        pytest.skip(f"no mariadb-binlog to compare with: {error}")


def theirs(server, files) -> list[tuple]:
    """(op, WHERE cells, SET cells), each by column number."""
    program = their_program(server)
    done = subprocess.run([*program, "--no-defaults", "--base64-output=DECODE-ROWS", "-vv", *map(str, files)],
                          capture_output=True, check=True)
    found, cells = [], None
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if head := HEAD.match(line):
            found.append((OPS[head.group(1)], {}, {}))
        elif line in ("### WHERE", "### SET"):
            cells = found[-1][1 if line.endswith("WHERE") else 2]
        elif cell := CELL.match(line):
            cells[COLUMNS[int(cell.group(1)) - 1]] = cell.group(2)
    return found


def same(name: str, ours, text: str) -> bool:
    if text == "NULL" or ours is None:
        return text == "NULL" and ours is None
    if name == "n":  # -1 (18446744073709551615)
        return str(ours) == text.split("(")[-1].rstrip(")")
    if name == "m":
        return str(ours) == text.split(" ")[0]
    if name == "f":  # six digits there
        return abs(float(ours) - float(text)) <= abs(float(text)) * 1e-5
    if name == "e":
        return (LABELS.index(ours) + 1 if ours else 0) == int(text)
    if name in ("w", "z"):
        return f"'{ours}'" == text
    if name == "y" and ours == "0000":  # 1900 is how the server stores it, and no year that there is
        return text == "1900"
    return str(ours) == text if name in ("id", "d", "y") else True


def compare_cells(ours: dict, cells: dict, filled: dict, where: str) -> int:
    """`filled`: from where minimal row images are filled."""
    assert ours.keys() - filled.keys() <= cells.keys() <= ours.keys(), where
    wrong = [(name, ours[name], text) for name, text in cells.items() if not same(name, ours[name], text)]
    assert not wrong, f"{where}: {wrong}"
    return len(cells)


@pytest.mark.parametrize("image", ["FULL", "MINIMAL", "NOBLOB"])
@pytest.mark.parametrize("mode", [0, 1], ids=["plain", "compressed"])
def test_rows_as_mysqlbinlog_has_them(server, database, image, mode):
    server.sql("SET GLOBAL binlog_row_metadata=FULL")
    log = Log(server)
    try:
        server.sql(f"SET NAMES utf8mb4; {SESSION} {modes(server)[mode]} SET SESSION binlog_row_image={image}; {TABLE} "
                   f"{workload(100 + mode, 40)} FLUSH BINARY LOGS; {workload(200 + len(image), 10)}", database)
    finally:
        if server.mariadb:
            server.sql("SET GLOBAL log_bin_compress=0")
    files = log.files()
    rows = theirs(server, files)
    ours = Decoded(*files).good().ops("insert", "update", "delete")
    assert [each["op"] for each in ours] == [op for op, _, _ in rows]
    assert len(rows) > 200
    cells = 0
    for number, (line, (op, before, after)) in enumerate(zip(ours, rows)):
        where = f"row {number}, {op}"
        cells += compare_cells(line.get("before") or line.get("key") or {}, before, {}, where)
        cells += compare_cells(line.get("after") or {}, after, before, where)
    assert cells > 1000
