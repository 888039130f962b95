"""What gpsd says on its JSON socket, one object a line: the reports that are read here, and the lines they come in.

Names and units are gpsd's own (gpsd_json(5)): `mode` 0 unknown, 1 no fix, 2 2D, 3 3D; degrees, metres, metres a second;
`time` ISO 8601 in UTC. A class that is not read here is no error; a line that is no report is.
"""

from __future__ import annotations

import datetime
from typing import Annotated

import msgspec

MAX_LINE_BYTES = 65_536  # gpsd's own bound is 10,240
MAX_SATELLITES = 256  # all constellations together have about 140

Utc = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class Tpv(msgspec.Struct, frozen=True, tag_field="class", tag="TPV"):
    """Where a receiver is, and when."""

    device: str = ""
    mode: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    time: Utc | None = None
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    alt_msl: float | None = msgspec.field(default=None, name="altMSL")
    alt_hae: float | None = msgspec.field(default=None, name="altHAE")
    alt: float | None = None
    speed: Annotated[float, msgspec.Meta(ge=0)] | None = None
    track: Annotated[float, msgspec.Meta(ge=0, le=360)] | None = None


class Satellite(msgspec.Struct, frozen=True):
    """One satellite of a sky view."""

    used: bool = False


class Sky(msgspec.Struct, frozen=True, tag_field="class", tag="SKY"):
    """What a receiver sees of the sky; newer versions send the dilutions and the satellites apart."""

    device: str = ""
    hdop: Annotated[float, msgspec.Meta(ge=0)] | None = None
    vdop: Annotated[float, msgspec.Meta(ge=0)] | None = None
    pdop: Annotated[float, msgspec.Meta(ge=0)] | None = None
    seen: Annotated[int, msgspec.Meta(ge=0, le=MAX_SATELLITES)] | None = msgspec.field(default=None, name="nSat")
    used: Annotated[int, msgspec.Meta(ge=0, le=MAX_SATELLITES)] | None = msgspec.field(default=None, name="uSat")
    satellites: Annotated[list[Satellite], msgspec.Meta(max_length=MAX_SATELLITES)] | None = None


class Device(msgspec.Struct, frozen=True, tag_field="class", tag="DEVICE"):
    """A receiver that came (`activated` says when) or went (0)."""

    path: str = ""
    activated: str | float | None = None


class Devices(msgspec.Struct, frozen=True, tag_field="class", tag="DEVICES"):
    """All receivers that gpsd has."""

    devices: Annotated[list[Device], msgspec.Meta(max_length=256)] = []


class Version(msgspec.Struct, frozen=True, tag_field="class", tag="VERSION"):
    """gpsd's greeting, and its answer to being asked whether it lives."""

    release: str = ""


Report = Tpv | Sky | Device | Devices | Version


class _Head(msgspec.Struct, frozen=True):
    kind: str = msgspec.field(name="class")


_REPORT: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)
_HEAD = msgspec.json.Decoder(_Head)
_READ_HERE = {"TPV", "SKY", "DEVICE", "DEVICES", "VERSION"}


class NotAReport(Exception):
    """A line that gpsd does not say. Reaction: count it, skip it."""


def decode(line: bytes) -> Report | None:
    """Decode one line.

    Returns:
        The report; None for one of a class that is not read here.
    Raises:
        NotAReport: no JSON object with a class, or a value that cannot be.
    """
    try:
        if _HEAD.decode(line).kind not in _READ_HERE:
            return None
        return _REPORT.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAReport(str(error)) from None


class Lines:
    """Cuts a byte stream into lines; one that is too long is left out whole, and counted.

    Args:
        max_line_bytes: bound of a line, and so of the memory.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.too_long = 0
        self._max_bytes = max_line_bytes
        self._rest = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take what came; return the lines that it completes, without their ends, blank ones left out."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if whole and self._skipping:
            self._skipping = False
            whole = whole[1:]
        fit = [line.strip() for line in whole if len(line) <= self._max_bytes]
        self.too_long += len(whole) - len(fit)
        if len(self._rest) > self._max_bytes:
            self.too_long += not self._skipping
            self._skipping = True
        if self._skipping:
            self._rest = b""
        return [line for line in fit if line]
