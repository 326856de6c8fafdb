"""tidewire setup: what it prints, does, leaves alone and refuses; passwords, second runs; and then a stream."""

import re

import pytest
from harness.report import Done, Report, tidewire
from harness.stream import Streamed, stream, url
from mysql import Mysql


@pytest.fixture
def admin(server, database):
    """The URL of an administrator; what setup made is removed afterwards."""
    server.sql("CREATE USER IF NOT EXISTS admin@'%' IDENTIFIED BY 'ad min'; GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION; "
               "DROP USER IF EXISTS tidewire@'%'; CREATE TABLE d.items (id INT PRIMARY KEY, note TEXT)")
    yield url(server, "admin", "ad%20min")
    server.sql("DROP USER IF EXISTS tidewire@'%'; DROP USER admin@'%'")
    if not server.mariadb:
        server.sql("RESET PERSIST")


def state_of(server) -> str:
    """All that setup could have changed."""
    users = server.rows("SELECT user, host FROM mysql.user ORDER BY 1, 2")
    told = [server.sql(f"SHOW GRANTS FOR `{user}`@`{host}`; SHOW CREATE USER `{user}`@`{host}`")
            for user, host in users if host and user != "mariadb.sys" and user != "PUBLIC"]
    settings = server.sql("SHOW GLOBAL VARIABLES WHERE Variable_name LIKE 'binlog%' OR Variable_name LIKE '%gtid%mode%'")
    return "\n".join([*map(str, users), *told, settings])


def works(server, password: str, tmp_path, **parameters: str) -> None:
    """check is green, and a stream has what is written."""
    place = url(server, "tidewire", password, **parameters)
    Report(place).is_ready()
    out = tmp_path / "out"
    stream(place, "--to", f"file:{out}", "--until", "now").good()
    server.sql("INSERT INTO d.items VALUES (7, 'seven')")
    stream(place, "--to", f"file:{out}", "--until", "now").good()
    lines = Streamed(0, out.read_bytes(), b"").lines
    assert [each["after"] for each in lines if each["op"] == "insert"] == [{"id": 7, "note": "seven"}]
    server.sql("DELETE FROM d.items")


def test_apply_then_check_and_stream_and_a_second_run(server, admin, tmp_path):
    done = Done(admin, "--apply")
    assert done.exit == 0 and {step["state"] for step in done.steps} == {"done"}, done.describe()
    assert done.whole["role"] == "tidewire" and re.fullmatch("[A-Za-z0-9]{32}", done.password)
    works(server, done.password, tmp_path)
    before = state_of(server)
    again = Done(admin, "--apply")
    assert again.exit == 0 and again.steps == [] and again.password is None, again.describe()
    assert state_of(server) == before
    server.sql("CREATE DATABASE IF NOT EXISTS d_2; CREATE TABLE d_2.t (id INT PRIMARY KEY)")
    try:
        assert Done(admin, "--apply").texts("done") == ["GRANT SELECT ON `d\\_2`.* TO `tidewire`@`%`;"]
    finally:
        server.sql("DROP DATABASE d_2")


def test_dry_run_changes_nothing_and_its_text_is_a_script(server, admin, tmp_path):
    before = state_of(server)
    run = tidewire("setup", admin)
    assert run.returncode == 0 and state_of(server) == before
    password = re.search(r"^-- ([A-Za-z0-9]{32})$", run.stdout, re.M).group(1)
    server.sql(run.stdout)
    works(server, password, tmp_path)


def test_only_the_tables_that_are_named(server, admin):
    server.sql("CREATE TABLE d.hidden (id INT PRIMARY KEY)")
    done = Done(admin, "--apply", "--table", "d.items")
    assert done.exit == 0, done.describe()
    place = url(server, "tidewire", done.password)
    Report(place, "--table", "d.items").is_ready()
    assert Report(place, "--table", "d.hidden").exit == 3
    assert Done(admin, "--apply", "--table", "d.items").steps == []
    assert Done(admin, "--table", "d.gone").exit == 3


def test_an_odd_name_and_a_host(server, admin):
    name = "o`d'd\"\\"
    done = Done(admin, "--apply", "--role", name + "@127.0.0.%")
    try:
        assert done.exit == 0, done.describe()
        Report(url(server, "o%60d%27d%22%5c", done.password)).is_ready()
        assert Done(admin, "--apply", "--role", name + "@127.0.0.%").steps == []
    finally:
        server.sql("DROP USER IF EXISTS `o``d'd\"\\\\`@`127.0.0.%`; DROP USER IF EXISTS `o``d'd\"\\`@`127.0.0.%`")


def test_a_new_password(server, admin, tmp_path):
    old = Done(admin, "--apply").password
    done = Done(admin, "--apply", "--new-password")
    assert done.exit == 0 and len(done.steps) == 1 and done.password != old, done.describe()
    assert Report(url(server, "tidewire", old)).exit == 3
    works(server, done.password, tmp_path)


def test_the_password_is_shown_once_and_kept_out_of_the_log(server, admin):
    log = server.folder / "general"
    server.sql(f"SET GLOBAL general_log_file='{log}'; SET GLOBAL general_log=ON")
    try:
        run = tidewire("setup", admin, "--apply")
    finally:
        server.sql("SET GLOBAL general_log=OFF")
    password = re.search(r"^-- ([A-Za-z0-9]{32})$", run.stdout, re.M).group(1)
    assert run.stdout.count(password) == 1 and password not in run.stderr
    text = log.read_text(errors="replace")
    assert "GRANT REPLICATION SLAVE" in text and password not in text
    binlog, _ = server.binlog()
    assert password.encode() not in binlog.read_bytes()


def test_a_server_with_rules_for_passwords(server, admin, tmp_path):
    install, remove = (("INSTALL SONAME 'simple_password_check'", "UNINSTALL SONAME 'simple_password_check'")
                       if server.mariadb else
                       ("INSTALL COMPONENT 'file://component_validate_password'",
                        "UNINSTALL COMPONENT 'file://component_validate_password'"))
    if server.client(install).returncode:
        pytest.skip("this server has no such plugin here")
    try:
        done = Done(admin, "--apply")
        assert done.exit == 0, done.describe()
        works(server, done.password, tmp_path)
    finally:
        server.sql(remove)


def test_settings_of_a_running_server(server, admin, tmp_path):
    names = {"binlog_format": "MIXED", "binlog_row_image": "MINIMAL", "binlog_row_metadata": "MINIMAL"}
    for name, value in names.items():
        server.sql(f"SET GLOBAL {name}={value}")
    try:
        done = Done(admin, "--apply")
        assert done.exit == 0, done.describe()
        kept = done.texts("left")
        assert (len(kept) == 3 and all("option file" in each for each in kept)) if server.mariadb else kept == []
        works(server, done.password, tmp_path)
        assert Done(admin, "--apply").steps == []
        assert not Report(url(server, "tidewire", done.password)).with_status("warn")
    finally:
        server.sql("SET GLOBAL binlog_format=ROW; SET GLOBAL binlog_row_image=FULL; SET GLOBAL binlog_row_metadata=FULL")


def test_what_takes_a_restart_is_left(server, scratch, tmp_path):
    made = Mysql(scratch / "setup", server.name)
    made.settings |= {"log-bin": False} if server.mariadb else {
        "log-bin": False, "skip-log-bin": "", "gtid-mode": False, "enforce-gtid-consistency": False}
    made.start()
    try:
        made.sql("CREATE DATABASE d; CREATE TABLE d.items (id INT PRIMARY KEY, note TEXT); "
                 "CREATE USER admin@'%' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION")
        done = Done(url(made, "admin", "pw"), "--apply")
        assert done.exit == 3, done.describe()
        left = [step for step in done.steps if step["state"] == "left"]
        assert "log_bin" in [step["what"] for step in left] and left[0]["kind"] == "setting"
        made.stop()
        made.settings.pop("skip-log-bin", None)
        made.start(log_bin="binlog", server_id="1", gtid_mode=False if server.mariadb else "ON",
                   enforce_gtid_consistency=False if server.mariadb else "ON")
        works(made, done.password, tmp_path)
        assert Done(url(made, "admin", "pw"), "--apply").exit == 0
    finally:
        made.stop()


def test_who_is_no_administrator(server, admin):
    server.sql("DROP USER IF EXISTS nobody_much@'%'; CREATE USER nobody_much@'%' IDENTIFIED BY 'pw'")
    try:
        done = Done(url(server, "nobody_much", "pw"), "--apply")
        assert done.exit == 3 and "TW-MY-PRIVILEGE" in done.run.stderr, done.describe()
        server.sql("GRANT SELECT ON *.* TO nobody_much@'%'")
        done = Done(url(server, "nobody_much", "pw"), "--apply")
        assert done.exit == 3 and [step["state"] for step in done.steps].count("failed") == 1, done.describe()
        assert done.password is None and done.texts("done") == []
    finally:
        server.sql("DROP USER nobody_much@'%'")
    assert server.sql("SELECT COUNT(*) FROM mysql.user WHERE user='tidewire'") == "0"


def test_wrong_options_are_usage_errors(admin):
    for options in (["--publication", "p"], ["--replica-identity-full"], ["--role", ""], ["--role", "x" * 33],
                    ["--hoster", "supabase"], ["--table", "x"]):
        run = tidewire("setup", admin, *options)
        assert run.returncode == 2 and not run.stdout, (options, run.stderr)
