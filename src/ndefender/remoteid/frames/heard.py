"""What comes out of a frame, and what was counted on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from ndefender.errors import NdefenderError

Transport = Literal["wifi_beacon", "wifi_nan", "bt_legacy", "bt_long_range"]

MESSAGE_BYTES = 25
_PACK_HEADER_BYTES = 3
_PACK_TYPE = 0xF


class CaptureUnreadable(NdefenderError):
    """A file is no capture, or cannot be opened. Reaction: show which file and why.

    Args:
        path: the file.
        reason: what is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Radio(msgspec.Struct, frozen=True, gc=False):
    """How a frame was received.

    Args:
        time_s: seconds since 1970, by the receiver's clock.
        rssi_dbm: received signal strength, None where the receiver does not say.
        freq_mhz: centre of the channel, None where the receiver does not say.
    """

    time_s: float
    rssi_dbm: int | None = None
    freq_mhz: int | None = None


class Heard(msgspec.Struct, frozen=True, gc=False):
    """One Open Drone ID transmission.

    Args:
        sender: transmitter's address, lower case with colons; empty where a Bluetooth advertiser is anonymous.
        transport: how it came. Extended advertising counts as `bt_long_range` on whatever PHY it came.
        counter: the transport's message counter (0 to 255).
        payload: exactly one 25-byte message, or one pack with the messages it declares.
        rssi_dbm: received signal strength, None where the receiver does not say.
        freq_mhz: centre of the channel, None where the receiver does not say.
        time_s: seconds since 1970, by the receiver's clock.
    """

    sender: str
    transport: Transport
    counter: int | None
    payload: bytes
    rssi_dbm: int | None
    freq_mhz: int | None
    time_s: float


class DjiHeard(msgspec.Struct, frozen=True, gc=False):
    """A beacon with DJI's own vendor element (26:37:12): not Open Drone ID, and not to be taken for it.

    Args:
        sender: transmitter's address, lower case with colons.
        payload: the element's content after the OUI, undecoded.
        rssi_dbm: received signal strength, None where the receiver does not say.
        freq_mhz: centre of the channel, None where the receiver does not say.
        time_s: seconds since 1970, by the receiver's clock.
    """

    sender: str
    payload: bytes
    rssi_dbm: int | None
    freq_mhz: int | None
    time_s: float


@dataclass(slots=True)
class FrameCounters:
    """What was seen, for status and for the end of a replay.

    Args:
        frames: frames looked at, whatever is in them.
        odid: Open Drone ID transmissions found.
        dji: DJI vendor elements found.
        bad_fcs: frames that failed their check (FCS, CRC, or the receiver's word): nothing was taken from them.
        malformed: frames whose lengths do not fit together, where that kept something from being read.
        unsupported: frames of a link type that cannot carry Remote ID, or that is not known.
        cut_short: captures that end within a record or become unreadable.
    """

    frames: int = 0
    odid: int = 0
    dji: int = 0
    bad_fcs: int = 0
    malformed: int = 0
    unsupported: int = 0
    cut_short: int = 0


def one_payload(data: bytes) -> bytes | None:
    """The message or the pack that `data` begins with, without what follows it.

    Returns:
        None where `data` is shorter than it says, or a pack says something impossible about its size.
    """
    if len(data) < _PACK_HEADER_BYTES:
        return None
    size = MESSAGE_BYTES
    if data[0] >> 4 == _PACK_TYPE:
        if data[1] != MESSAGE_BYTES or not data[2]:
            return None
        size = _PACK_HEADER_BYTES + MESSAGE_BYTES * data[2]
    return data[:size] if len(data) >= size else None


def address(raw: bytes) -> str:
    """Six bytes in reading order as `aa:bb:cc:dd:ee:ff`."""
    return raw.hex(":")


Found = Heard | DjiHeard
