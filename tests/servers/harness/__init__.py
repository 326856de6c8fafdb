"""What the live tests share: the program under test, databases, a proxy that breaks connections, an oracle."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

BINARY = Path(os.environ.get("TIDEWIRE_BINARY") or ROOT / "build" / "release" / "tidewire" / "tidewire").absolute()
MAJOR = int(os.environ.get("TIDEWIRE_PG") or 15)
