"""What the live tests of MySQL and MariaDB share: servers, the programs under test, columns of every type."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))


def built(variable: str, *places: str) -> Path:
    """What the variable names, or the first of the places below build/ that is there."""
    if os.environ.get(variable):
        return Path(os.environ[variable]).absolute()
    found = [ROOT / "build" / each for each in places if (ROOT / "build" / each).exists()]
    return found[0] if found else ROOT / "build" / places[0]


TOOL = built("TIDEWIRE_BINLOG_TOOL", "sanitize/tests/binlog_tool", "debug/tests/binlog_tool", "gcc/tests/binlog_tool")
BINARY = built("TIDEWIRE_BINARY", "release/tidewire/tidewire", "sanitize/tidewire/tidewire", "debug/tidewire/tidewire")
SERVERS = (os.environ.get("TIDEWIRE_MYSQL") or "mariadb-10.11,mysql-8.0").split(",")
