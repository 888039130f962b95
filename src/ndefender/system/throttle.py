"""Throttling of a Raspberry Pi, as its firmware tells it by the property mailbox.

Message to `/dev/vcio`, 32-bit words in the machine's order::

    0  size of the message, 28 bytes
    1  0 asks; the firmware answers 0x80000000, or 0x80000001 for an error
    2  tag 0x00030046, get throttled
    3  size of the value, 4 bytes
    4  0 asks; the firmware answers 0x80000004
    5  the value; what is asked with is a mask of the sticky bits to clear: 0, so that others see them too
    6  0, the end

Bits of the value: 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft limit, 16 to 19 the same since boot.
"""

from __future__ import annotations

import fcntl
import struct
from collections.abc import Callable
from pathlib import Path

from ndefender.system.backend import Offline

VCIO = Path("/dev/vcio")
SYSFS = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")  # where the kernel offers it, no group is needed
TAG = 0x0003_0046
MESSAGE = struct.Struct("=7I")
ANSWERED, VALUE_ANSWERED = 0x8000_0000, 0x8000_0004
# <linux/ioctl.h> _IOWR(100, 0, char *): the size in it is that of a pointer.
IOCTL_PROPERTY = (3 << 30) | (struct.calcsize("P") << 16) | (100 << 8)

Ioctl = Callable[[int, int, bytearray], object]


def _ioctl(fd: int, request: int, message: bytearray) -> object:
    return fcntl.ioctl(fd, request, message, True)


def read_flags(sysfs: Path = SYSFS, vcio: Path = VCIO, ioctl: Ioctl = _ioctl) -> int | None:
    """Throttling bits; None where this is no Raspberry Pi. May block.

    Raises:
        Offline: there is a firmware to ask, and it does not let itself be asked.
    """
    try:
        return int(sysfs.read_text(encoding="ascii"), 16)
    except FileNotFoundError:
        pass  # the mailbox is older, and still there
    except (OSError, ValueError) as error:
        raise Offline(f"throttling: {sysfs}: {_reason(error)}") from error
    try:
        with vcio.open("rb", buffering=0) as device:
            message = bytearray(MESSAGE.pack(MESSAGE.size, 0, TAG, 4, 0, 0, 0))
            ioctl(device.fileno(), IOCTL_PROPERTY, message)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Offline(f"throttling: {vcio}: {_reason(error)}") from error
    _, answer, tag, _, value_answer, flags, _ = MESSAGE.unpack(message)
    if (answer, tag, value_answer) != (ANSWERED, TAG, VALUE_ANSWERED):
        raise Offline(f"throttling: the firmware answered 0x{answer:08X}, 0x{value_answer:08X}")
    return int(flags)


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
