"""What the live tests of MySQL and MariaDB share: servers, the program that prints binlogs, columns of every type."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

TOOL = Path(os.environ.get("TIDEWIRE_BINLOG_TOOL") or ROOT / "build" / "sanitize" / "tests" / "binlog_tool").absolute()
SERVERS = (os.environ.get("TIDEWIRE_MYSQL") or "mariadb-10.11,mysql-8.0").split(",")
