"""Where the panel may be plugged in. A candidate is not yet a panel: a GPS puck may carry the same USB chip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from serial.tools import list_ports

# (vendor, product), the likelier first: the panel's own chip (CH343), then a CH340, which many devices carry.
USB_IDS = ((0x1A86, 0x55D3), (0x1A86, 0x7523))
STABLE_NAME = "usb-1a86_"  # how udev's by-id names begin for this vendor


class Listed(Protocol):
    """The part of pyserial's ListPortInfo that is needed."""

    device: str
    vid: int | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A serial device worth a look.

    Args:
        path: stable name where there is one.
        identity: of the device node behind it: another one after it was plugged in anew.
    """

    path: str
    identity: tuple[str, int]


def candidates(by_id: str) -> list[Candidate]:
    """Look for the panel among this machine's serial devices. Reads /dev and /sys: may block.

    Args:
        by_id: folder of stable names.
    """
    return rank(Path(by_id), list_ports.comports())


def rank(by_id: Path, listed: Iterable[Listed]) -> list[Candidate]:
    """Order the devices that may be a panel.

    Args:
        by_id: folder with links to device nodes; need not exist.
        listed: serial devices with their USB ids.
    Returns:
        Each device node once; stable names before others, and of these the likelier USB id first.
    """
    ids = {_node(port.device): (port.vid, port.pid) for port in listed}
    rows: list[tuple[int, int, str, str]] = []
    for link in _links(by_id):
        node = _node(str(link))
        usb = ids.get(node)
        if usb in USB_IDS:
            rows.append((0, USB_IDS.index(usb), str(link), node))
        elif usb in (None, (None, None)) and link.name.startswith(STABLE_NAME) and Path(node).exists():
            rows.append((0, len(USB_IDS), str(link), node))  # its name says the vendor where /sys does not
    rows += [(1, USB_IDS.index(usb), node, node) for node, usb in ids.items() if usb in USB_IDS]
    found: dict[str, Candidate] = {}
    for _, _, path, node in sorted(rows):
        found.setdefault(node, Candidate(path, identity(node)))
    return list(found.values())


def identity(path: str) -> tuple[str, int]:
    """Tell a device node from one of the same name that was made after a replug."""
    node = _node(path)
    try:
        return node, Path(node).stat().st_ino
    except OSError:
        return node, 0


def _links(by_id: Path) -> list[Path]:
    try:
        return sorted(by_id.iterdir())
    except OSError:
        return []


def _node(path: str) -> str:
    return str(Path(path).resolve())
