"""Throttling of a Raspberry Pi: the mailbox's message, sysfs, and every way of not answering."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ndefender.system import throttle
from ndefender.system.backend import Offline


class Firmware:
    """Answers the mailbox as the firmware does."""

    def __init__(self, flags: int = 0x50005, answer: int = throttle.ANSWERED, value: int = 0x8000_0004) -> None:
        self.flags, self.answer, self.value = flags, answer, value
        self.asked: tuple[int, tuple[int, ...]] | None = None

    def __call__(self, fd: int, request: int, message: bytearray) -> int:
        self.asked = (request, throttle.MESSAGE.unpack(message))
        message[:] = throttle.MESSAGE.pack(28, self.answer, throttle.TAG, 4, self.value, self.flags, 0)
        return 0


@pytest.fixture
def vcio(tmp_path: Path) -> Path:
    path = tmp_path / "vcio"
    path.touch()
    return path


def test_the_mailbox_is_asked_without_clearing_anything(tmp_path: Path, vcio: Path) -> None:
    firmware = Firmware(flags=0x50005)
    assert throttle.read_flags(tmp_path / "none", vcio, firmware) == 0x50005
    assert firmware.asked is not None
    request, words = firmware.asked
    assert words == (28, 0, 0x0003_0046, 4, 0, 0, 0)
    assert request in (0xC008_6400, 0xC004_6400)  # 64-bit and 32-bit machines


@pytest.mark.parametrize(("answer", "value"), [(0x8000_0001, 0x8000_0004), (0x8000_0000, 0), (0, 0)])
def test_an_error_of_the_firmware_is_no_reading(tmp_path: Path, vcio: Path, answer: int, value: int) -> None:
    with pytest.raises(Offline, match="the firmware answered"):
        throttle.read_flags(tmp_path / "none", vcio, Firmware(answer=answer, value=value))


def test_a_refused_mailbox_is_said(tmp_path: Path, vcio: Path) -> None:
    def refuse(fd: int, request: int, message: bytearray) -> object:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    with pytest.raises(Offline, match="vcio: Permission denied"):
        throttle.read_flags(tmp_path / "none", vcio, refuse)


def test_the_real_ioctl_on_what_is_no_mailbox(tmp_path: Path, vcio: Path) -> None:
    with pytest.raises(Offline, match="Inappropriate ioctl"):
        throttle.read_flags(tmp_path / "none", vcio)


@pytest.mark.parametrize(("text", "flags"), [("0", 0), ("50005\n", 0x50005), ("0x20002\n", 0x20002)])
def test_sysfs_needs_no_mailbox(tmp_path: Path, text: str, flags: int) -> None:
    sysfs = tmp_path / "get_throttled"
    sysfs.write_text(text, encoding="ascii")
    assert throttle.read_flags(sysfs, tmp_path / "none") == flags


def test_nonsense_in_sysfs_is_said(tmp_path: Path) -> None:
    sysfs = tmp_path / "get_throttled"
    sysfs.write_text("hot", encoding="ascii")
    with pytest.raises(Offline, match="get_throttled"):
        throttle.read_flags(sysfs, tmp_path / "none")


def test_elsewhere_nobody_knows(tmp_path: Path) -> None:
    assert throttle.read_flags(tmp_path / "none", tmp_path / "nothing") is None
