"""What the service manager is told, and that nothing it does harms the service."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ndefender.runtime.notify import Notifier


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Manager:
    """systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address[0] == "@" else address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        lines = []
        while True:
            try:
                lines += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return lines


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"@ndefender-test-{uuid.uuid4().hex}" if request.param == "abstract" else str(tmp_path / "notify")


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    made = Manager(address)
    yield made
    made.socket.close()


def test_a_life(manager: Manager, address: str) -> None:
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "7", "HOME": "/"}
    clock = Clock()
    notifier = Notifier(environ, 7, clock)
    assert environ == {"HOME": "/"}, "children must not speak for the service"
    assert notifier.interval_s == 5.0
    notifier.alive()
    notifier.status("1 of 2\nprocesses up")
    notifier.ready()
    notifier.ready()
    notifier.status("1 of 2 processes up")
    clock.now_s += 4.9
    notifier.alive()
    assert manager.heard() == ["WATCHDOG=1", "STATUS=1 of 2 processes up", "READY=1"]
    clock.now_s += 0.2
    notifier.alive()
    notifier.alive()
    notifier.stopping()
    notifier.close()
    notifier.status("more")
    assert manager.heard() == ["WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize(
    "watchdog", [{}, {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "8"}, {"WATCHDOG_USEC": "soon"}]
)
def test_no_watchdog_or_that_of_another_process(manager: Manager, address: str, watchdog: dict[str, str]) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address, **watchdog}, 7)
    notifier.alive()
    assert (notifier.interval_s, manager.heard()) == (0.0, [])
    notifier.close()


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "@"])
def test_nobody_to_tell(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
    notifier.ready()
    notifier.status("up")
    notifier.alive()
    notifier.stopping()
    notifier.close()
    assert notifier.interval_s == 0.0


def test_a_manager_that_is_gone_or_does_not_read_holds_nothing_up(manager: Manager, address: str) -> None:
    clock = Clock()
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "4000000"}, clock=clock)
    for _ in range(10_000):  # more than its socket takes
        clock.now_s += 1.0
        notifier.alive()
    taken = manager.heard()
    assert taken
    assert len(taken) < 10_000
    notifier.alive()  # dropped signs of life are made good as soon as there is room, not an interval later
    assert manager.heard() == ["WATCHDOG=1"]
    manager.socket.close()
    clock.now_s += 1.0
    notifier.alive()
    notifier.status("gone")
    notifier.close()
