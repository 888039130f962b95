"""Measurements, positions and texts as the fields of Open Drone ID messages hold them, and back.

Writing rounds to the nearest step and refuses what the bits do not hold: nothing is clipped in silence.
"""

from __future__ import annotations

import re
from typing import Final

from ndefender.remoteid.odid.values import BadMessage

UNITS_PER_DEG: Final = 10_000_000
ALTITUDE_UNITS_PER_M: Final = 2
ALTITUDE_ZERO_M: Final = -1000.0  # as raw 0, which also says "unknown"


def altitude_m(raw: int) -> float | None:
    """Metres of an altitude or height, -999.5 to 31767.5; None for raw 0, "unknown"."""
    return raw / ALTITUDE_UNITS_PER_M + ALTITUDE_ZERO_M if raw else None


def altitude_raw(name: str, value_m: float | None) -> int:
    """The raw value of an altitude, to the nearest half metre.

    Raises:
        BadMessage: outside of -999.5 to 31767.5 m.
    """
    if value_m is None:
        return 0
    return scaled(name, value_m - ALTITUDE_ZERO_M, ALTITUDE_UNITS_PER_M, 1, 0xFFFF)


def position_raw(name: str, lat_deg: float | None, lon_deg: float | None) -> tuple[int, int]:
    """Raw latitude and longitude; 0/0 says that there is no position.

    Raises:
        BadMessage: one of the two without the other, beyond what 32 bits hold (±214.7 degrees), or 0/0 itself.
    """
    if lat_deg is None and lon_deg is None:
        return 0, 0
    if lat_deg is None or lon_deg is None:
        raise BadMessage(f"{name}: {lat_deg}/{lon_deg} degrees, half a position")
    limit = 1 << 31
    lat = scaled(f"{name} latitude", lat_deg, UNITS_PER_DEG, -limit, limit - 1)
    lon = scaled(f"{name} longitude", lon_deg, UNITS_PER_DEG, -limit, limit - 1)
    if lat == 0 and lon == 0:
        raise BadMessage(f"{name}: 0/0 says unknown")
    return lat, lon


def scaled(name: str, value: float, units: float, low: int, high: int) -> int:
    """A measurement in raw units, rounded to the nearest.

    Raises:
        BadMessage: it is no number, or outside of the raw values `low` to `high`.
    """
    try:
        raw = round(value * units)
    except (ValueError, OverflowError) as error:  # NaN and the infinities
        raise BadMessage(f"{name}: {value} is no number") from error
    return within(name, raw, low, high)


def within(name: str, raw: int, low: int, high: int) -> int:
    """The raw value itself.

    Raises:
        BadMessage: outside of `low` to `high`.
    """
    if not low <= raw <= high:
        raise BadMessage(f"{name}: raw value {raw}, allowed {low} to {high}")
    return int(raw)


def header(kind: int, version: int) -> int:
    """First byte of a message: type in the upper half, protocol version in the lower."""
    return kind << 4 | within("version", version, 0, 15)


def reserved_bytes(given: bytes, masks: bytes) -> bytes:
    """Check the reserved bits that a message carries.

    Args:
        given: one byte for each byte of the message that has reserved bits.
        masks: which bits of them are reserved.
    Raises:
        BadMessage: another number of bytes, or other bits set.
    """
    if len(given) != len(masks) or any(byte & ~mask for byte, mask in zip(given, masks, strict=True)):
        raise BadMessage(f"reserved: {given.hex(':')}, bits available {masks.hex(':')}")
    return given


_ESCAPE: Final = re.compile(rb"\\x([0-9a-f]{2})")


def text(raw: bytes) -> str | None:
    """A text field without its padding of NUL; None where nothing is left.

    Printable ASCII reads as it is. Any other byte, and the backslash, is written as `\\xNN`: nothing that a sender put
    there is lost, and nothing of it reaches a terminal or a log as a control character.
    """
    raw = raw.rstrip(b"\0")
    if not raw:
        return None
    said = raw.decode("latin-1")
    if raw.isascii() and said.isprintable() and "\\" not in said:
        return said
    return "".join(chr(b) if 0x20 <= b < 0x7F and b != 0x5C else f"\\x{b:02x}" for b in raw)


def text_raw(name: str, said: str | None, size: int) -> bytes:
    """A text as bytes, padded with NUL to `size`.

    Raises:
        BadMessage: too long, not printable ASCII, or a backslash that begins no `\\xNN`.
    """
    given = said or ""
    if not (given.isascii() and given.isprintable()) or "\\" in re.sub(r"\\x[0-9a-f]{2}", "", given):
        raise BadMessage(f"{name}: {given!r}, allowed are printable ASCII and \\xNN")
    raw = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), given.encode("ascii"))
    if len(raw) > size:
        raise BadMessage(f"{name}: {len(raw)} bytes, at most {size}")
    return raw.ljust(size, b"\0")
