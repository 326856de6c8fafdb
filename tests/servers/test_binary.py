"""The static binary: one file that runs anywhere, is small and starts at once."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from harness import BINARY
from harness.program import clean_environment

CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")

LEGACY = """
openssl_conf = here
[here]
providers = providers
[providers]
default = on
legacy = on
[on]
activate = 1
"""


@pytest.fixture
def cage(tmp_path):
    """A folder with nothing but the binary in it."""
    folder = tmp_path / "cage"
    folder.mkdir()
    shutil.copy(BINARY, folder / "tidewire")
    return folder


def in_cage(folder: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
    environment = options.pop("env", {})
    return subprocess.run([CHROOT, folder, "/tidewire", *arguments], capture_output=True, text=True, timeout=30,
                          env=environment, **options)


def test_it_is_static():
    kind = subprocess.run(["ldd", BINARY], capture_output=True, text=True, env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
    assert "not a dynamic executable" in kind.stdout + kind.stderr or "statically linked" in kind.stdout


@root
def test_empty_chroot(cage):
    done = in_cage(cage, "--version")
    assert done.returncode == 0 and done.stdout.startswith("tidewire "), done
    assert in_cage(cage, "--help").returncode == 0
    assert in_cage(cage, "stream", "postgres://").returncode in (1, 2, 3)


@root
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_streams_out_of_an_empty_chroot(cage, db, host):
    """Names, TLS and files without a single file of a system."""
    db.ready().sql("INSERT INTO items VALUES (1, 'x')")
    shutil.copy(db.server.tls / "ca.crt", cage)
    arguments = db.stream("--until", "now", to="file:/out", host=host, sslmode="verify-full", sslrootcert="/ca.crt")
    done = in_cage(cage, *map(str, arguments))
    assert done.returncode == 0, done
    assert (cage / "out").read_text().count('"op":"insert"') == 1


@root
def test_a_name_that_nobody_knows(cage):
    done = in_cage(cage, "stream", "postgres://u@no-such-host.invalid/d?connect_timeout=3", "--until", "now")
    assert done.returncode in (1, 3) and "no-such-host.invalid" in done.stderr, done


def test_openssl_settings_of_the_machine(db, tidewire, tmp_path):
    """A static binary can load no provider: it must say so or do without, never crash."""
    settings = tmp_path / "openssl.cnf"
    settings.write_text(LEGACY)
    environment = {"OPENSSL_CONF": str(settings)}
    tidewire("--version", env=environment).succeed()
    db.ready().sql("INSERT INTO items VALUES (1, 'x')")
    tidewire(*db.stream("--until", "now", sslmode="require"), env=environment).succeed()


def test_starts_at_once():
    """In one start of many at least: the others had to wait for a processor."""
    times = []
    end = time.monotonic() + 10
    while len(times) < 15 or (min(times) >= 0.020 and time.monotonic() < end):
        start = time.monotonic()
        subprocess.run([BINARY, "--version"], capture_output=True, check=True, env=clean_environment())
        times.append(time.monotonic() - start)
    assert min(times) < 0.020, times
