"""The System Controller of the tests: real backends in a process of its own, over emulated peers on real transports."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pytest
from host_rig import Peers, Served, open_folder

from ndefender.config.settings import Settings
from ndefender.system.emulated.bus_daemon import EmulationError
from ndefender.system.emulated.daemon import DaemonMissing
from ndefender.system.emulated.mock_process import dbusmock_missing

# No command limits: cool-downs and equal commands are what is looked at.
FREE = {"command_rate_per_min": 0.0}
UNSAFE = {"allow_unsafe_operations": True}


class Rig(NamedTuple):
    """A host and its controller."""

    peers: Peers
    served: Served


def changed(settings: Settings, **tables: dict[str, object]) -> Settings:
    """The settings with other values in some tables."""
    new = {name: msgspec.structs.replace(getattr(settings, name), **values) for name, values in tables.items()}
    return msgspec.structs.replace(settings, **new)


def no_complaints(served: Served) -> None:
    """Hold that the operator's log can be read: nothing that nobody caught, of a callback, a thread or a library."""
    lines = served.log().splitlines()
    wrong = [i for i, line in enumerate(lines) if any(word in line for word in ("Traceback", "never ", "ignored"))]
    assert not wrong, "\n".join(lines[max(0, wrong[0] - 3) : wrong[0] + 30])


@contextlib.contextmanager
def rig(user_id: int | None = None, **tables: dict[str, object]) -> Iterator[Rig]:
    """Run both while the body runs; skips where this machine lacks what the peers take.

    Args:
        user_id: whose rights the controller has.
        tables: other values of the settings.
    """
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    if missing := dbusmock_missing():
        pytest.skip(missing)
    with open_folder() as folder, contextlib.ExitStack() as stack:
        peers = Peers(folder)
        stack.callback(peers.stop)
        try:
            peers.start()
        except (DaemonMissing, EmulationError) as error:
            pytest.skip(str(error))
        served = Served(changed(peers.settings(), **tables), folder / "log", user_id=user_id)
        stack.callback(served.stop)
        served.start()
        yield Rig(peers, served)
        assert served.stop() == 0
        no_complaints(served)
