"""Every type with extreme values, in every row image and with all the metadata a server can write: what the binlog
decodes to is what SELECT says."""

import pytest
from harness.columns import columns_for, same
from harness.log import Log

SESSION = "SET sql_mode='', time_zone='+00:00', group_concat_max_len=1000000; "


def metadata_modes(server):
    return ["FULL", "MINIMAL"] + (["NO_LOG"] if server.mariadb else [])


def row_images(server):
    images = ["FULL", "MINIMAL", "NOBLOB"]
    return images + (["FULL_NODUP"] if server.name == "mariadb-11.8" else [])


def truth_of(column, mode):
    """(expression, kind), or None if nothing can be compared."""
    if mode == "MINIMAL" and column.minimal:
        return column.minimal, "text"
    if mode == "NO_LOG" and column.plain:
        return None if column.plain == "-" else (column.plain, "text")
    return column.truth, column.kind


def nullable(column):
    return "NOT NULL" not in column.type


@pytest.fixture
def tables(server, database):
    """One table per column, empty."""
    columns = columns_for(server.name)
    ddl = "".join(f"CREATE TABLE t{n} (id INT PRIMARY KEY AUTO_INCREMENT, c {column.type}{'' if 'NULL' in column.type else ' NULL'});"
                  for n, column in enumerate(columns))
    numbers = ("CREATE TABLE numbers (n INT PRIMARY KEY); INSERT INTO numbers WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL "
               "SELECT n + 1 FROM r WHERE n < 900) SELECT n FROM r;")
    server.sql(SESSION + ddl + numbers, database)
    return columns


def insert_all(columns):
    script = ""
    for n, column in enumerate(columns):
        values = column.values + (["NULL"] if nullable(column) else [])
        for value in values:  # one by one, because servers unite the types of rows in one statement
            script += f"INSERT INTO t{n} (c) VALUES ({value});"
    return script


def read_truth(server, database, columns, mode):
    """Per table the values in the order of their ids; None is NULL."""
    parts = []
    for n, column in enumerate(columns):
        expression = (truth_of(column, mode) or ("''", ""))[0]
        parts.append(f"SELECT {n}, IF(c IS NULL, 'N', CONCAT('=', HEX(CONVERT({expression} USING utf8mb4)))) FROM t{n} ORDER BY id;")
    truth = [[] for _ in columns]
    for number, shown in server.rows(SESSION + "SET NAMES utf8mb4;" + "".join(parts), database):
        truth[int(number)].append(None if shown == "N" else bytes.fromhex(shown[1:]).decode())
    return truth


def check(column, mode, ours, truth, where):
    wanted = truth_of(column, mode)
    if wanted:
        assert same(column, wanted[1], ours, truth), f"{column.type} {where}: {ours!r:.300} is not {truth!r:.300}"


@pytest.mark.parametrize("mode", ["FULL", "MINIMAL", "NO_LOG"])
def test_inserts(server, database, tables, mode):
    if mode not in metadata_modes(server):
        pytest.skip(f"{server.name} always writes metadata")
    server.sql(f"SET GLOBAL binlog_row_metadata={mode}")
    log = Log(server)
    server.sql(SESSION + insert_all(tables), database)
    printed = log.read()
    truth = read_truth(server, database, tables, mode)
    checked = 0
    for n, column in enumerate(tables):
        rows = printed.rows(f"t{n}")
        assert len(rows) == len(truth[n]) >= len(column.values)
        for row, value in zip(rows, truth[n]):
            check(column, mode, row["after"][1], value, "insert")
            checked += 1
    assert checked > 500


@pytest.mark.parametrize("image", ["FULL", "MINIMAL", "NOBLOB", "FULL_NODUP"])
def test_row_images(server, database, tables, image):
    if image not in row_images(server):
        pytest.skip(f"{server.name} has no row image {image}")
    server.sql("SET GLOBAL binlog_row_metadata=FULL")
    server.sql(SESSION + insert_all(tables), database)
    truth = read_truth(server, database, tables, "FULL")
    log = Log(server)
    session = f"SET SESSION binlog_row_image={image};"
    script = "".join(f"UPDATE t{n} SET id = id + 1000; DELETE FROM t{n};" for n in range(len(tables)))
    server.sql(SESSION + session + script, database)
    printed = log.read()
    absent, unchanged = {"absent": True}, {"unchanged": True}
    for n, column in enumerate(tables):
        rows = printed.rows(f"t{n}")
        updates = [each for each in rows if "after" in each]
        deletes = [each for each in rows if "after" not in each]
        assert len(updates) == len(deletes) == len(truth[n])
        is_blob = any(word in column.type for word in ("TEXT", "BLOB"))
        for number, (update, value) in enumerate(zip(updates, truth[n]), 1):
            assert update["before"][0] == str(number) and update["after"][0] == str(number + 1000)
            if image == "MINIMAL":
                assert update["before"][1] == absent and update["after"][1] == unchanged
            elif image == "NOBLOB" and (is_blob or update["before"][1] == absent):
                assert update["before"][1] == absent and update["after"][1] == unchanged, column.type
            elif image == "FULL_NODUP":
                check(column, "FULL", update["before"][1], value, "before")
                assert update["after"][1] == unchanged
            else:
                check(column, "FULL", update["before"][1], value, "before")
                check(column, "FULL", update["after"][1], value, "after")
        for number, (delete, value) in enumerate(zip(deletes, truth[n]), 1):
            assert delete["before"][0] == str(number + 1000)
            if image == "MINIMAL" or (image == "NOBLOB" and (is_blob or delete["before"][1] == absent)):
                assert delete["before"][1] == absent, column.type
            else:
                check(column, "FULL", delete["before"][1], value, "delete")
