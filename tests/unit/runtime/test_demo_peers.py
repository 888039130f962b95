"""Which parts of a host a demo emulates: those that are not there, each decided by itself."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from ndefender.config.settings import Settings
from ndefender.runtime import demo
from ndefender.system import upsmap

ALL = frozenset({"services", "power", "network", "wifi", "bluetooth", "audio", "gps", "esp32", "ups"})


class Bus:
    """Stands for smbus2.SMBus; `outcome` is what a look at the address comes to."""

    outcome: int | None = errno.ENXIO
    asked: tuple[tuple[int, int], ...] = ()

    def __init__(self, path: str) -> None:
        if not Path(path).exists():
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read_byte_data(self, address: int, register: int) -> int:
        Bus.asked += ((address, register),)
        if Bus.outcome is not None:
            raise OSError(Bus.outcome, os.strerror(Bus.outcome))
        return 0x20


class Machine:
    """A host that has nothing until a test gives it something."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.bus = folder / "system_bus_socket"
        self.devices = folder / "dev"
        (self.devices / "snd").mkdir(parents=True)
        self.panels: list[object] = []
        self.settings = Settings()
        Bus.outcome, Bus.asked = errno.ENXIO, ()
        patch.setattr(demo, "SYSTEM_BUS", self.bus)
        patch.setattr(demo, "DEVICES", self.devices)
        patch.setattr(demo, "SMBus", Bus)
        patch.setattr(demo, "candidates", lambda by_id: self.panels)
        patch.setattr("ndefender.system.pulse.SYSTEM_FOLDER", folder / "none")
        for name in ("PULSE_SERVER", "PULSE_RUNTIME_PATH"):
            patch.delenv(name, raising=False)
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.change("gps", port=free.getsockname()[1])

    def change(self, table: str, **values: object) -> None:
        """Configure."""
        new = msgspec.structs.replace(getattr(self.settings, table), **values)
        self.settings = msgspec.structs.replace(self.settings, **{table: new})

    def look(self) -> tuple[Settings, frozenset[str]]:
        """What the demo makes of it."""
        return demo.with_peers(self.settings, self.folder / "demo")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Lets somebody listen at a Unix socket."""
    opened: list[socket.socket] = []

    def listen(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened.append(socket.socket(socket.AF_UNIX))
        opened[-1].bind(str(path))
        opened[-1].listen()

    yield listen
    for listener in opened:
        listener.close()


def test_a_machine_with_nothing_has_all_of_it_emulated(machine: Machine) -> None:
    settings, emulated = machine.look()
    assert emulated == ALL
    assert settings.host.dbus_address.startswith("unix:path=")
    assert settings.host.pulse_server.startswith("unix:")
    assert settings.gps.port not in (0, machine.settings.gps.port)
    assert settings.esp32.port
    # Nothing else of the configuration is another one.
    assert msgspec.structs.replace(settings, host=None, gps=None, esp32=None) == msgspec.structs.replace(
        machine.settings, host=None, gps=None, esp32=None
    )


def test_a_real_bus_is_used_for_all_that_is_on_it(machine: Machine, listening: Callable[[Path], None]) -> None:
    listening(machine.bus)
    settings, emulated = machine.look()
    assert emulated == ALL - demo.DBUS_PARTS
    assert settings.host.dbus_address == ""


def test_a_socket_that_nobody_is_behind_is_no_bus(machine: Machine) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(machine.bus))
    assert machine.bus.exists()
    assert machine.look()[1] == ALL


def test_what_is_configured_is_never_replaced(machine: Machine) -> None:
    machine.change("host", dbus_address="unix:path=/elsewhere", pulse_server="unix:/elsewhere")
    machine.change("esp32", port="/dev/ttyUSB7")
    settings, emulated = machine.look()
    assert emulated == {"gps", "ups"}
    assert settings.host == machine.settings.host
    assert settings.esp32 == machine.settings.esp32


def test_what_is_switched_off_stays_off(machine: Machine) -> None:
    for table in ("gps", "esp32", "ups"):
        machine.change(table, enabled=False)
    settings, emulated = machine.look()
    assert emulated == demo.DBUS_PARTS | {"audio"}
    assert settings.gps == machine.settings.gps
    assert Bus.asked == ()


def test_a_sound_card_or_a_server_is_used(
    machine: Machine, listening: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.devices / "snd" / "controlC0").touch()
    assert "audio" not in machine.look()[1]
    (machine.devices / "snd" / "controlC0").unlink()
    assert "audio" in machine.look()[1]
    with monkeypatch.context() as patch:
        patch.setenv("PULSE_SERVER", "tcp:elsewhere")
        assert "audio" not in machine.look()[1]
    listening(machine.folder / "runtime" / "pulse" / "native")
    settings, emulated = machine.look()
    assert "audio" not in emulated
    assert settings.host.pulse_server == ""


def test_a_gpsd_that_listens_is_used(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gpsd:
        machine.change("gps", port=gpsd.getsockname()[1])
        settings, emulated = machine.look()
    assert emulated == ALL - {"gps"}
    assert settings.gps == machine.settings.gps


def test_a_panel_that_is_plugged_in_is_used(machine: Machine) -> None:
    machine.panels.append(object())
    settings, emulated = machine.look()
    assert emulated == ALL - {"esp32"}
    assert settings.esp32.port == ""


@pytest.mark.parametrize(
    ("outcome", "there"),
    [
        (None, True),
        (errno.ENXIO, False),
        (errno.EREMOTEIO, False),
        (errno.EACCES, True),  # not for the demo to decide: the section says what is missing
        (errno.EIO, True),
    ],
)
def test_a_ups_is_used_where_somebody_answers_at_its_address(
    machine: Machine, outcome: int | None, there: bool
) -> None:
    assert "ups" in machine.look()[1]  # no bus at all
    assert Bus.asked == ()
    (machine.devices / "i2c-1").touch()
    Bus.outcome = outcome
    assert ("ups" not in machine.look()[1]) is there
    # It is only looked at: what is there may be something else.
    assert Bus.asked == ((upsmap.ADDRESS, upsmap.FLAGS_REGISTER),)
