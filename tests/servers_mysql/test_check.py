"""tidewire check: each prerequisite missing and there, with the fix it names, which is run and puts it right."""

import re
import time
from random import Random

import pytest
from harness.report import Report, tidewire
from harness.stream import url
from mysql import Mysql

RIGHTS = ["REPLICATION SLAVE", "REPLICATION CLIENT"]


@pytest.fixture
def account(server, database):
    """account(right, …): the URL of an account with SELECT on d and these rights; by itself just what it needs."""
    made = []

    def make(*rights: str, select: str = "d.*", require: str = "", xa: bool = True) -> str:
        name = f"c{len(made)}"
        made.append(name)
        server.sql(f"DROP USER IF EXISTS {name}@'%'; CREATE USER {name}@'%' IDENTIFIED BY 'pw' {require}")
        for right in rights:
            server.sql(f"GRANT {right} ON *.* TO {name}@'%'")
        if server.mariadb and "REPLICATION CLIENT" in rights:
            server.sql(f"GRANT REPLICA MONITOR ON *.* TO {name}@'%'")
        if not server.mariadb and xa:
            server.sql(f"GRANT XA_RECOVER_ADMIN ON *.* TO {name}@'%'")
        if select:
            server.sql(f"GRANT SELECT ON {select} TO {name}@'%'")
        return url(server, name, "pw")
    server.sql("CREATE TABLE d.items (id INT PRIMARY KEY, note TEXT)")
    yield make
    for name in made:
        server.sql(f"DROP USER IF EXISTS {name}@'%'")


@pytest.fixture
def reader(account):
    return account(*RIGHTS)


@pytest.fixture
def own(server, scratch):
    """own(setting=value, …): a server of this test alone; None leaves a setting out."""
    running = []

    def start(*options: str, **settings) -> Mysql:
        made = Mysql(scratch / f"own{len(list(scratch.iterdir()))}", server.name)
        made.settings |= {each.partition("=")[0]: each.partition("=")[2] for each in options}
        for name, value in settings.items():
            made.settings[name.replace("_", "-")] = False if value is None else value
        made.start()
        running.append(made)
        made.sql("CREATE DATABASE d; CREATE TABLE d.items (id INT PRIMARY KEY); CREATE USER admin@'%' IDENTIFIED BY 'pw'; "
                 "GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION")
        return made
    yield start
    for each in running:
        each.stop()


# Everything is there

def test_ready(server, reader):
    report = Report(reader).is_ready()
    assert report.whole["version"] == server.version()
    assert report.whole["source"] == ("MariaDB" if server.mariadb else "MySQL")
    assert report.whole["hoster"] == "self-hosted"
    assert not report.with_status("warn"), report.describe()
    assert "takes us as a replica" in report["REPLICATION"]["found"]


def test_text_for_people(server, account):
    run = tidewire("check", account("REPLICATION CLIENT"))
    assert run.returncode == 3
    lines = run.stdout.splitlines()
    assert lines[0].startswith("mysql://c0@127.0.0.1:")
    first_finding = next(line for line in lines[2:] if line)
    assert first_finding.startswith("fail") and "TW-CHECK-MY-REPLICATION" in first_finding
    assert re.fullmatch(r"not ready: 1 failed, .*\d+ ok", lines[-1]), lines[-1]
    assert "\x1b" not in run.stdout


def test_it_takes_less_than_a_second_and_changes_nothing(server, reader):
    file = server.binlog()
    began = time.monotonic()
    Report(reader)
    assert time.monotonic() - began < 1
    assert server.binlog() == file


def test_many_tables(server, reader):
    server.sql("".join(f"CREATE TABLE d.t{n} (id INT PRIMARY KEY);" for n in range(300)), "d")
    began = time.monotonic()
    report = Report(reader).is_ready()
    assert time.monotonic() - began < 2
    assert "301 tables" in report["TABLES"]["found"] and len(report["TABLES"]["objects"]) <= 5


def test_secrets_are_shown_nowhere(server, account):
    server.sql("DROP USER IF EXISTS s@'%'; CREATE USER s@'%' IDENTIFIED BY 's3cr3t'")
    try:
        for extra in ((), ("--table", "d.nothing")):
            report = Report(url(server, "s", "s3cr3t"), *extra)
            text = report.run.stdout + report.run.stderr
            assert "s3cr3t" not in text and not re.search(r"\*[0-9A-F]{40}|\$A\$", text)
    finally:
        server.sql("DROP USER s@'%'")


# The connection and the command line

def test_no_server():
    report = Report("mysql://me@127.0.0.1:1/")
    assert report.exit == 1 and "TW-NET-CONNECT" in report["CONNECT"]["why"]


def test_a_wrong_password(server, account):
    account()
    report = Report(url(server, "c0", "wrong"))
    assert report.exit == 3 and "TW-AUTH-PASSWORD" in report["CONNECT"]["why"]


def test_wrong_options_are_usage_errors(reader):
    for options in (["--table", "a.b.c"], ["--table", "items"], ["--hoster", "neon"], ["--slot", "s"],
                    ["--publication", "p"], ["--open-transactions", "1s"]):
        run = tidewire("check", reader, *options)
        assert run.returncode == 2 and "TW-USAGE-OPTION" in run.stderr, (options, run.stderr)
        assert not run.stdout


def test_an_account_that_must_use_tls(server, account):
    if server.sql("SHOW VARIABLES LIKE 'have_ssl'").endswith("DISABLED"):
        pytest.skip("this server has no TLS")
    must = account(*RIGHTS, require="REQUIRE SSL")
    report = Report(must).is_ready()
    assert report["TLS"]["why"] == "the account needs it" and "TLSv1" in report["TLS"]["found"]
    assert Report(account(*RIGHTS))["TLS"]["why"] == ""
    refused = Report(must + "ssl-mode=disabled")
    assert refused.exit == 3 and any("ssl-mode=required" in each for each in refused.fixes("CONNECT", "setting"))


# Rights

@pytest.mark.parametrize("missing, code", [("REPLICATION SLAVE", "REPLICATION"), ("REPLICATION CLIENT", "MONITOR"),
                                           ("SELECT", "SELECT")])
def test_a_right_that_is_missing(server, account, missing, code):
    place = account(*(each for each in RIGHTS if each != missing), select="" if missing == "SELECT" else "d.*")
    if missing == "SELECT":
        server.sql("GRANT INSERT ON d.* TO c0@'%'")
    report = Report(place)
    assert report.exit == 3 and report.with_status("fail") == [code], report.describe()
    server.sql(report.fixes(code)[0])
    if missing == "REPLICATION CLIENT" and server.mariadb:
        server.sql(report.fixes("REPLICA")[0])
    Report(place).is_ready()


@pytest.mark.only("mysql", "MariaDB lets everybody look")
def test_who_may_not_see_prepared_transactions(server, account):
    place = account(*RIGHTS, xa=False)
    report = Report(place)
    assert report.exit == 0 and report.with_status("unknown") == ["XA"], report.describe()
    assert "XA_RECOVER_ADMIN" in report["XA"]["found"], "the server's words"
    server.sql(report.fixes("XA")[0])
    assert Report(place).is_ready()["XA"]["found"] == "none"


def test_prepared_transactions(server, reader):
    server.sql("XA START 'x','y',7; INSERT INTO d.items VALUES (1, 'x'); XA END 'x','y',7; XA PREPARE 'x','y',7")
    report = Report(reader)
    assert report.exit == 0 and report.with_status("warn") == ["XA"] and "X'78',X'79',7" in report["XA"]["found"], report.describe()
    server.sql(report.fixes("XA")[0].partition(";")[0])
    assert Report(reader).is_ready().status("XA") == "ok"


def test_the_right_for_exact_copies(server, account):
    place = account(*RIGHTS)
    report = Report(place).is_ready()
    assert report.status("LOCK-TABLES") == "ok" and "d" in report["LOCK-TABLES"]["found"], report.describe()
    server.sql(report.can_apply("LOCK-TABLES"))
    report = Report(place).is_ready()
    assert report["LOCK-TABLES"]["found"] == "on 1 table" and not report.fixes("LOCK-TABLES"), report.describe()


def test_no_right_at_all(server, account):
    report = Report(account(select="", xa=False))
    assert report.exit == 3 and set(report.with_status("fail")) == {"REPLICATION", "MONITOR", "SELECT"}, report.describe()
    assert set(report.with_status("unknown")) == {"REPLICA", "FILTER"} | (set() if server.mariadb else {"XA"})
    assert "1227" in report["REPLICA"]["found"], "the server's words"


def test_rights_of_a_role_count_when_it_is_in_force(server, account):
    place = account(select="")
    server.sql("CREATE ROLE tw_role; GRANT SELECT ON d.* TO tw_role; GRANT tw_role TO c0@'%'")
    try:
        for right in RIGHTS + (["REPLICA MONITOR"] if server.mariadb else []):
            server.sql(f"GRANT {right} ON *.* TO tw_role")
        report = Report(place)
        assert report.exit == 3 and "REPLICATION" in report.with_status("fail"), report.describe()
        default = next(each for each in report.fixes("REPLICATION") if each.startswith("SET DEFAULT ROLE"))
        server.sql(default.partition(";")[0])
        Report(place).is_ready()
    finally:
        server.sql("DROP ROLE tw_role")


@pytest.mark.only("mysql", "MariaDB has no partial revokes")
def test_partial_revokes(server, account):
    server.sql("SET GLOBAL partial_revokes=ON")
    try:
        place = account(*RIGHTS, select="*.*")
        Report(place).is_ready()
        server.sql("GRANT INSERT ON *.* TO c0@'%'; REVOKE SELECT ON d.* FROM c0@'%'")
        report = Report(place)
        assert report.with_status("fail") == ["SELECT"] and report["SELECT"]["objects"] == ["d.items"], report.describe()
        server.sql(report.can_apply("SELECT"))
        Report(place).is_ready()
    finally:
        server.sql("DROP USER c0@'%'; SET GLOBAL partial_revokes=OFF")


def test_grants_with_patterns_and_odd_names(server, account):
    server.sql("CREATE DATABASE `d``_x`; CREATE TABLE `d``_x`.`t``%'\"` (id INT PRIMARY KEY)")
    try:
        place = account(*RIGHTS)
        server.sql("GRANT INSERT ON `d``\\_x`.* TO c0@'%'")
        report = Report(place)
        assert report["SELECT"]["objects"] == ["d`_x.t`%'\""], report.describe()
        server.sql(report.can_apply("SELECT"))
        Report(place).is_ready()
        Report(place, "--table", "`d``_x`.`t``%'\"`").is_ready()
    finally:
        server.sql("DROP DATABASE `d``_x`")


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 143, 157])
def test_the_verdict_on_select_is_the_servers_own(server, account, seed):
    """Random grants: of every table that the account sees, the report says what a SELECT says."""
    random = Random(seed)
    schemas = ["sh_p", "shxp", "shop", "Shop"]
    for schema in schemas:
        server.sql(f"CREATE DATABASE {schema}; CREATE TABLE {schema}.t (id INT PRIMARY KEY, note INT)")
    try:
        place = account(*RIGHTS, select="")
        for _ in range(random.randint(1, 5)):
            what = random.choice(["SELECT", "INSERT", "SELECT, INSERT", "SELECT (id)", "INSERT (id)"])
            on = random.choice(["`sh%`.*", "`sh\\_p`.*", "`sh_p`.*", "`shop`.*", "`%p`.*", "`S%`.*", "shop.t", "sh_p.t", "shxp.t"])
            if "(" in what and on.endswith(".*"):
                continue
            server.sql(f"GRANT {what} ON {on} TO c0@'%'")
        login = ["--user=c0", "--password=pw", "--host=127.0.0.1", f"--port={server.port}", "--protocol=tcp"]
        seen = server.client("SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables WHERE table_name='t'",
                             "", *login).stdout.decode().split()
        denied = [each for each in seen if server.client(f"SELECT COUNT(note) FROM {each}", "", *login).returncode]
        report = Report(place)
        objects = report["SELECT"]["objects"]
        context = server.sql("SHOW GRANTS FOR c0@'%'"), report.describe()
        if report.status("SELECT") == "unknown":  # several patterns fit
            assert len(objects) > 0 and set(denied) <= set(objects), context
            server.sql(report.can_apply("SELECT"))
            assert Report(place).status("SELECT") == "ok"
        else:
            assert set(objects) <= set(denied), context
            assert (report.status("SELECT") == "fail") == bool(denied or not seen), context
    finally:
        for schema in schemas:
            server.sql(f"DROP DATABASE {schema}")


# Settings of a running server

@pytest.mark.parametrize("name, bad, code, status, only", [
    ("binlog_format", "MIXED", "FORMAT", "fail", ""),
    ("binlog_format", "STATEMENT", "FORMAT", "fail", ""),
    ("binlog_row_image", "MINIMAL", "ROW-IMAGE", "warn", ""),
    ("binlog_row_image", "NOBLOB", "ROW-IMAGE", "warn", ""),
    ("binlog_row_metadata", "MINIMAL", "METADATA", "warn", ""),
    ("binlog_row_metadata", "NO_LOG", "METADATA", "warn", "mariadb"),
    ("binlog_expire_logs_seconds", "86400", "RETENTION", "warn", ""),
    ("gtid_strict_mode", "OFF", "GTID", "warn", "mariadb"),
])
def test_a_setting(server, reader, name, bad, code, status, only):
    if not server.name.startswith(only):
        pytest.skip(f"only {only} has it")
    if name == "binlog_expire_logs_seconds" and server.name == "mariadb-10.5":
        pytest.skip("it came with 10.6")
    old = server.sql(f"SELECT @@GLOBAL.{name}")
    server.sql(f"SET GLOBAL {name}={bad}")
    try:
        report = Report(reader)
        assert report.status(code) == status and report.exit == (3 if status == "fail" else 0), report.describe()
        server.sql(report.can_apply(code))
        Report(reader).is_ready()
        assert Report(reader).status(code) == "ok"
    finally:
        if not server.mariadb:
            server.sql("RESET PERSIST")
        server.sql(f"SET GLOBAL {name}={old}")


@pytest.mark.only("mysql", "MariaDB has no partial JSON")
def test_partial_json(server, reader):
    server.sql("SET GLOBAL binlog_row_value_options=PARTIAL_JSON")
    try:
        assert Report(reader).status("PARTIAL-JSON") == "ok"
        server.sql("SET GLOBAL binlog_row_image=MINIMAL")
        assert Report(reader).status("PARTIAL-JSON") == "warn"
    finally:
        server.sql("SET GLOBAL binlog_row_value_options='', GLOBAL binlog_row_image=FULL")


def test_compression(server, reader):
    name = "log_bin_compress" if server.mariadb else "binlog_transaction_compression"
    server.sql(f"SET GLOBAL {name}=ON")
    try:
        assert "is on" in Report(reader).is_ready()["COMPRESSION"]["found"]
    finally:
        server.sql(f"SET GLOBAL {name}=OFF")


def test_purged(server, reader):
    server.sql("FLUSH BINARY LOGS; INSERT INTO d.items VALUES (1, 'x'); FLUSH BINARY LOGS")
    server.sql(f"PURGE BINARY LOGS TO '{server.binlog()[0].name}'")
    report = Report(reader).is_ready()
    if not server.mariadb:
        assert server.sql("SELECT @@GLOBAL.server_uuid") in report["PURGED"]["found"]


def test_retention_of_rds(server, account):
    server.sql("CREATE TABLE mysql.rds_configuration (name VARCHAR(100), value VARCHAR(100)); "
               "INSERT INTO mysql.rds_configuration VALUES ('binlog retention hours', NULL)")
    try:
        place = account(*RIGHTS)
        assert Report(place, "--hoster", "rds").status("RETENTION") == "unknown"
        server.sql("GRANT SELECT ON mysql.rds_configuration TO c0@'%'")
        report = Report(place, "--hoster", "rds")
        assert report.exit == 3 and report.status("RETENTION") == "fail", report.describe()
        assert report.fixes("RETENTION") == ["CALL mysql.rds_set_configuration('binlog retention hours', 168);"]
        server.sql("UPDATE mysql.rds_configuration SET value='168'")
        Report(place, "--hoster", "rds").is_ready()
    finally:
        server.sql("DROP TABLE mysql.rds_configuration")


# Settings that take a restart

def test_no_binlog(own, server):
    off = own(log_bin=None) if server.mariadb else own("skip-log-bin", log_bin=None, gtid_mode=None,
                                                       enforce_gtid_consistency=None)
    report = Report(url(off, "admin", "pw"))
    assert report.exit == 3 and "LOG-BIN" in report.with_status("fail"), report.describe()
    assert not report.with_status("unknown"), report.describe()
    assert "log_bin=binlog" in report.fixes("LOG-BIN", "setting")[0]
    off.stop()
    off.settings.pop("skip-log-bin", None)
    off.start(log_bin="binlog", server_id="1")
    assert Report(url(off, "admin", "pw")).exit == 0


def test_schemas_that_are_not_logged(own):
    filtered = own("binlog-do-db=other")
    place = url(filtered, "admin", "pw")
    report = Report(place)
    assert report.exit == 0 and report.status("FILTER") == "warn" and report["FILTER"]["objects"] == ["d"]
    report = Report(place, "--table", "d.items")
    assert report.exit == 3 and report.with_status("fail") == ["FILTER"], report.describe()
    filtered.stop()
    del filtered.settings["binlog-do-db"]
    filtered.start(binlog_ignore_db="other")
    assert Report(url(filtered, "admin", "pw"), "--table", "d.items").status("FILTER") == "ok"


def test_a_replica(own, server):
    replica = own(**{"log_slave_updates" if server.mariadb else "log_replica_updates": "OFF"})
    place = url(replica, "admin", "pw")
    assert Report(place).status("REPLICA") == "ok"
    change = "CHANGE MASTER TO MASTER_HOST" if server.mariadb else "CHANGE REPLICATION SOURCE TO SOURCE_HOST"
    replica.sql(f"{change}='127.0.0.1'")
    report = Report(place)
    assert report.exit == 3 and report.status("REPLICA") == "fail", report.describe()
    replica.restart(**{"log_slave_updates" if server.mariadb else "log_replica_updates": "ON", "read_only": "ON"})
    report = Report(url(replica, "admin", "pw"))
    assert report.exit == 0 and report.status("REPLICA") == "warn" and "read_only" in report["REPLICA"]["found"]


@pytest.mark.only("mysql", "MariaDB always has GTIDs")
def test_without_gtids(own):
    plain = own(gtid_mode="OFF", enforce_gtid_consistency="OFF")
    place = url(plain, "admin", "pw")
    report = Report(place)
    assert report.exit == 0 and {"GTID", "GTID-CONSISTENCY"} <= set(report.with_status("warn")), report.describe()
    for each in report.fixes("GTID"):
        plain.sql(each.partition(";")[0])
    report = Report(place).is_ready()
    assert report.status("GTID") == report.status("GTID-CONSISTENCY") == "ok"


def test_a_server_id_of_zero(own, server):
    if server.mariadb:
        pytest.skip("MariaDB takes no 0")
    zero = own(server_id="0")
    place = url(zero, "admin", "pw")
    report = Report(place)
    assert report.exit == 3 and "SERVER-ID" in report.with_status("fail"), report.describe()
    zero.sql(report.can_apply("SERVER-ID"))
    assert Report(place).status("SERVER-ID") == "ok"


# Tables

def test_tables_that_do_not_go_with_a_binlog(server, reader):
    server.sql("CREATE TABLE d.bare (n INT); CREATE TABLE d.uniq (id INT NOT NULL UNIQUE); "
               "CREATE TABLE d.mine (id INT PRIMARY KEY) ENGINE=MyISAM; CREATE VIEW d.v AS SELECT 1 AS one")
    report = Report(reader)
    assert report.exit == 0 and set(report.with_status("warn")) == {"KEYS", "ENGINES"}, report.describe()
    assert report["KEYS"]["objects"] == ["d.bare"] and report["ENGINES"]["objects"] == ["d.mine"]
    for code in ("KEYS", "ENGINES"):
        server.sql("\n".join(report.fixes(code)))
    assert not Report(reader).is_ready().with_status("warn")
    report = Report(reader, "--table", "d.items", "--table", "d.v", "--table", "d.gone")
    assert report.exit == 3 and report.with_status("fail") == ["TABLES"], report.describe()
    assert report["TABLES"]["objects"] == ["d.v", "d.gone"]
    Report(reader, "--table", "d.items").is_ready()


@pytest.mark.parametrize("rule", ["ON DELETE CASCADE", "ON UPDATE CASCADE", "ON DELETE SET NULL"])
def test_foreign_keys_that_act(server, reader, rule):
    server.sql(f"""CREATE TABLE d.p (id INT PRIMARY KEY);
                   CREATE TABLE d.c (id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES d.p (id) {rule});
                   CREATE TABLE d.r (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES d.p (id) ON DELETE RESTRICT)""")
    report = Report(reader).is_ready()
    if server.name == "mysql-9.7":
        assert "logs what they change" in report["CASCADES"]["found"]
        return
    assert report.status("CASCADES") == "warn" and report["CASCADES"]["objects"] == ["d.c"], report.describe()
    assert f"fk {rule}" in report["CASCADES"]["found"]
    server.sql("ALTER TABLE d.c DROP FOREIGN KEY fk")
    assert Report(reader).status("CASCADES") == "ok"


@pytest.mark.only("mariadb", "MySQL 8.0 has no old forms")
def test_old_forms_of_times(server, reader):
    server.sql("SET GLOBAL mysql56_temporal_format=OFF")
    server.sql("CREATE TABLE d.old (id INT PRIMARY KEY, t DATETIME)")
    assert Report(reader).is_ready().status("OLD-TIMES") == "ok"
    server.sql("CREATE TABLE d.older (id INT PRIMARY KEY, t DATETIME(3))")
    report = Report(reader)
    assert report.exit == 3 and report["OLD-TIMES"]["objects"] == ["d.older"], report.describe()
    server.sql("\n".join(report.fixes("OLD-TIMES")))
    Report(reader).is_ready()
