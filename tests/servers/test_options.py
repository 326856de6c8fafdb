"""An option that has no effect on a source is refused before anything is connected, and named."""

import pytest

POSTGRES = [["--slot", "a"], ["--publication", "p"], ["--create-slot"], ["--temporary-slot"], ["--drop-slot-on-exit"],
            ["--create-slot", "--failover"], ["--two-phase"], ["--binary"], ["--messages"], ["--streaming", "off"], ["--origin", "none"],
            ["--protocol", "2"], ["--heartbeat", "1s"], ["--watch-interval", "1s"], ["--status-interval", "1s"],
            ["--stall-limit", "1s"], ["--lock-timeout", "1s"], ["--slot-wait", "1s"]]
MYSQL = [["--server-id", "7"], ["--schema", "/nowhere"], ["--exact", "--snapshot", "initial"]]
MONGODB = [["--post-images", "off"], ["--full-document", "default"], ["--before-image", "off"],
           ["--no-expanded-events"], ["--start-at", "@1.1"], ["--canonical"], ["--await", "1s"]]
FOREIGN = {
    "postgres": [*MYSQL, *MONGODB],
    "mysql": [*POSTGRES, *MONGODB],
    "mariadb": [["--slot", "a"]],
    "mongodb": [*POSTGRES, *MYSQL, ["--spill-dir", "/tmp"], ["--spill-memory", "1MB"]],
}


@pytest.mark.parametrize("source", FOREIGN)
def test_stream(tidewire, source):
    for option in FOREIGN[source]:
        run = tidewire("stream", f"{source}://nobody@127.0.0.1:1/nothing", *option)
        run.refuse(2, "TW-USAGE-OPTION")
        assert f"{option[0]} means nothing for" in run.stderr, option


@pytest.mark.parametrize("command,source,option", [
    ("snapshot", "mysql", ["--publication", "p"]), ("snapshot", "mongodb", ["--publication", "p"]),
    ("snapshot", "postgres", ["--canonical"]), ("snapshot", "postgres", ["--exact", "--lock-timeout", "1s"]),
    ("snapshot", "mongodb", ["--exact"]), ("check", "mysql", ["--slot", "a"]),
    ("check", "mongodb", ["--publication", "p"]), ("check", "postgres", ["--post-images", "off"]),
    ("setup", "mysql", ["--publication", "p"]), ("setup", "mongodb", ["--table", "a.b"]),
    ("setup", "postgres", ["--post-images", "off"])])
def test_other_commands(tidewire, command, source, option):
    run = tidewire(command, f"{source}://nobody@127.0.0.1:1/nothing", *option)
    run.refuse(2, "TW-USAGE-OPTION")
    assert f"{option[0]} means nothing for" in run.stderr
