"""A folder that `deploy/install.sh` installs into, and a stand-in for Python's venv and pip."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[3]
# Makes an "environment" in which it stands itself; notes what pip is asked for; all else the real interpreter does.
PYTHON = """#!/bin/sh
case "$*" in
"-m venv "*)
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    printf '#!%s/bin/python\\n' "$3" >"$3/bin/ndefender"
    printf 'command = python -m venv %s\\n' "$3" >"$3/pyvenv.cfg" ;;
"-m pip "*)
    [ -z "${NO_NETWORK:-}" ] || { echo "no network" >&2; exit 1; }
    printf '%s\\n' "$*" >>"${0%/bin/python}/pip.log"
    for word in "$@"; do
        [ "${folder:-}" != --wheel-dir ] || { mkdir -p "$word"; : >"$word/ndefender-1-py3-none-any.whl"; }
        folder=$word
    done ;;
*) exec REAL "$@" ;;
esac
"""


class Machine:
    """A folder to install into."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.python = folder / "python3"
        self.python.write_text(PYTHON.replace("REAL", sys.executable))
        self.python.chmod(0o755)

    def install(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(TOP / "deploy" / "install.sh"), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "DESTDIR": f"{self.root}/",
                "NDEFENDER_PYTHON": str(self.python),
                "NDEFENDER_RADIO__URI": "nonsense",  # of the shell that installs: not the service's
                **environ,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def done(self, *arguments: str) -> str:
        outcome = self.install(*arguments)
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout == ""
        return outcome.stderr

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Every file: its mode and content."""
        return {
            str(path.relative_to(self.root)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
            for path in self.root.rglob("*")
            if path.is_file()
        }

    def stamps(self) -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in self.root.rglob("*") if path.is_file()}
