from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ndefender.ingest.esp32_discovery import candidates, rank


@dataclass
class Row:
    """As pyserial lists a port."""

    device: str
    vid: int | None = None
    pid: int | None = None


def nodes(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).touch()
    return [str(folder / name) for name in names]


def by_id(folder: Path, **links: str) -> Path:
    made = folder / "by-id"
    made.mkdir()
    for name, target in links.items():
        (made / name).symlink_to(target)
    return made


def test_the_stable_name_is_preferred_and_a_device_is_listed_once(tmp_path: Path) -> None:
    (panel,) = nodes(tmp_path, "ttyACM0")
    links = by_id(tmp_path, **{"usb-1a86_USB_Single_Serial_5A-if00": panel})
    found = rank(links, [Row(panel, 0x1A86, 0x55D3)])
    assert [c.path for c in found] == [str(links / "usb-1a86_USB_Single_Serial_5A-if00")]


def test_the_panels_chip_comes_before_a_common_one_and_others_not_at_all(tmp_path: Path) -> None:
    ch340, panel, gps, legacy = nodes(tmp_path, "ttyUSB0", "ttyUSB1", "ttyUSB2", "ttyS0")
    links = by_id(tmp_path, **{"usb-u-blox_AG-if00": gps})
    rows = [Row(ch340, 0x1A86, 0x7523), Row(panel, 0x1A86, 0x55D3), Row(gps, 0x1546, 0x01A8), Row(legacy)]
    assert [c.path for c in rank(links, rows)] == [panel, ch340]


def test_a_vendors_name_is_enough_where_the_ids_are_not_known(tmp_path: Path) -> None:
    panel, other = nodes(tmp_path, "ttyACM0", "ttyACM1")
    links = by_id(tmp_path, **{"usb-1a86_USB_Serial-if00-port0": panel, "usb-1a86_Other-if00": other})
    found = rank(links, [Row(other, 0x1A86, 0x8010)])
    assert [c.path for c in found] == [str(links / "usb-1a86_USB_Serial-if00-port0")]


def test_a_dangling_link_is_no_candidate(tmp_path: Path) -> None:
    links = by_id(tmp_path, **{"usb-1a86_USB_Serial-if00-port0": str(tmp_path / "gone")})
    assert rank(links, []) == []


def test_no_folder_no_devices(tmp_path: Path) -> None:
    assert rank(tmp_path / "none", []) == []


def test_a_device_plugged_in_anew_is_another(tmp_path: Path) -> None:
    (panel,) = nodes(tmp_path, "ttyACM0")
    before = rank(tmp_path / "none", [Row(panel, 0x1A86, 0x55D3)])[0].identity
    beside = tmp_path / "new"
    beside.touch()
    beside.replace(panel)
    assert rank(tmp_path / "none", [Row(panel, 0x1A86, 0x55D3)])[0].identity != before


def test_this_machine_can_be_looked_at(tmp_path: Path) -> None:
    assert isinstance(candidates(str(tmp_path)), list)
