"""`deploy/install.sh` on a machine of its own: a mount namespace in which nothing it writes lasts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from install_machine import TOP, Machine

# /run is empty: no systemd, bus or udev of the real machine is within reach.
ALONE = """
set -e
mount -t tmpfs tmpfs "$SCRATCH"
for name in etc opt usr/local var; do
    mkdir -p "$SCRATCH/$name/upper" "$SCRATCH/$name/work"
    mount -t overlay overlay -o "lowerdir=/$name,upperdir=$SCRATCH/$name/upper,workdir=$SCRATCH/$name/work" "/$name"
done
mount -t tmpfs tmpfs /run
echo alone
"""
INSTALL = """
deploy/install.sh
getent passwd ndefender
stat -c '%A %U %G' /etc/ndefender/config.toml
/usr/local/bin/ndefender version
mkdir -p /var/lib/ndefender /var/log/ndefender /var/cache/ndefender
deploy/install.sh
deploy/install.sh --uninstall
for path in /opt/ndefender /etc/systemd/system/ndefender.service /var/cache/ndefender /etc/ndefender /var/lib/ndefender
do [ ! -e $path ] || echo "left $path"; done
deploy/install.sh --purge
for path in /etc/ndefender /var/lib/ndefender /var/log/ndefender; do [ ! -e $path ] || echo "left $path"; done
getent passwd ndefender || echo "no user"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    if Path("/opt/ndefender").exists() or Path("/etc/ndefender").exists():
        pytest.skip("ndefender is installed on this machine")
    (tmp_path / "scratch").mkdir()
    if run(tmp_path, ALONE, tmp_path / "python3").stdout != "alone\n":
        pytest.skip("no mount namespace with overlays can be had here")
    return tmp_path


def run(folder: Path, script: str, python: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        env={"PATH": os.environ["PATH"], "SCRATCH": str(folder / "scratch"), "NDEFENDER_PYTHON": str(python)},
        cwd=TOP,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_install_again_uninstall_purge(folder: Path) -> None:
    done = run(folder, ALONE + INSTALL, Machine(folder).python)
    assert done.returncode == 0, done.stderr
    alone, user, mode, version, *left, no_user = done.stdout.splitlines()
    assert alone == "alone"
    assert user.startswith("ndefender:")
    assert user.endswith(":/var/lib/ndefender:/usr/sbin/nologin")
    assert mode == "-rw-r----- root ndefender"
    assert version
    assert left == ["left /etc/ndefender", "left /var/lib/ndefender"]
    assert no_user == "no user"
    assert "files are in place, nothing was started" in done.stderr
    assert done.stderr.count("wrote /etc/systemd/system/ndefender.service\n") == 1
    assert not Path("/opt/ndefender").exists(), "it left its namespace"
