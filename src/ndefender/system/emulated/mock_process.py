"""One emulated D-Bus service: python-dbusmock with one of our templates, in its own process group."""

from __future__ import annotations

import os
import signal
import subprocess
from functools import cache
from pathlib import Path

from ndefender.system.emulated.bus_daemon import START_TIMEOUT_S, EmulationError, guarded

# python-dbusmock needs dbus-python, which has no wheels: Debian's, with Debian's interpreter.
PYTHON = "/usr/bin/python3"
TEMPLATES = Path(__file__).parent / "templates"


@cache
def dbusmock_missing() -> str:
    """Why python-dbusmock cannot run, empty where it can."""
    try:
        found = subprocess.run(
            [PYTHON, "-c", "import dbusmock.mockobject"], capture_output=True, timeout=START_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{PYTHON} does not run: {error}"
    return "" if found.returncode == 0 else f"{PYTHON} has no dbusmock (Debian: python3-dbusmock)"


class MockProcess:
    """A process that plays a service.

    Args:
        template: name of a file in `templates`, without `.py`.
        address: of the bus.
        log: where its complaints go.
    """

    def __init__(self, template: str, address: str, log: Path) -> None:
        self._template = TEMPLATES / f"{template}.py"
        self._address = address
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it answers a little later. Raises EmulationError where dbusmock is missing."""
        if self._process is not None:
            return
        missing = dbusmock_missing()
        if missing:
            raise EmulationError(missing)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                guarded([PYTHON, "-m", "dbusmock", "--system", "--template", str(self._template)]),
                stdin=subprocess.DEVNULL,
                # It prints every call with its arguments, passwords too.
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self._address, "PYTHONDONTWRITEBYTECODE": "1"},
            )

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def hang(self) -> None:
        """Stop the process in its tracks: it keeps its name and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it. Safe to call twice."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(START_TIMEOUT_S)
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
