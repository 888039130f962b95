"""Open Drone ID in 802.11 management frames.

Header: frame control (version and type in byte 0, flags in byte 1), duration, receiver, transmitter (byte 10), BSSID,
sequence control (byte 22; its lower 4 bits are a fragment's number), and 4 bytes more where the order flag is set.
Then:

- beacon (and the probe response of the same station): time u64, interval u16, capabilities u16, elements of number u8,
  length u8, content. Number 221 is a vendor's: OUI FA:0B:BC, type 0D, message counter u8, message pack; OUI 26:37:12
  is DJI's own.
- NAN service discovery: public action 04 09, OUI 50:6F:9A, type 13, attributes of number u8, length u16, content.
  Number 3 is a service: hash of its name (6 bytes), instance u8, requestor u8, control u8; then, each where its bit of
  control says so, bitmap (bit 6, 2 bytes), matching filter (bit 2), response filter (bit 3), information (bit 4), the
  last three with a length u8 before them. The information is the message counter u8 and a message pack.
"""

from __future__ import annotations

from collections.abc import Sequence

from ndefender.remoteid.frames.heard import (
    DjiHeard,
    Found,
    FrameCounters,
    Heard,
    Radio,
    Transport,
    address,
    one_payload,
)

VENDOR_ELEMENT = 221
ODID_VENDOR = b"\xfa\x0b\xbc\x0d"
DJI_VENDOR = b"\x26\x37\x12"
NAN_ACTION = b"\x04\x09\x50\x6f\x9a\x13"
NAN_SERVICE = 3
ODID_SERVICE = bytes.fromhex("8869199d9209")

_MORE_FRAGMENTS, _PROTECTED, _ORDER = 0x04, 0x40, 0x80
_HEADER_BYTES, _HT_CONTROL_BYTES, _BEACON_FIXED_BYTES = 24, 4, 12
_HAS_MATCHING, _HAS_RESPONSE, _HAS_INFORMATION, _HAS_BITMAP = 0x04, 0x08, 0x10, 0x40


def read(frame: bytes, radio: Radio, counters: FrameCounters) -> Sequence[Found]:
    """What a frame, without its check sequence, announces; mostly nothing."""
    if len(frame) < _HEADER_BYTES:
        return ()
    flags = frame[1]
    at = _HEADER_BYTES + (_HT_CONTROL_BYTES if flags & _ORDER else 0)
    match frame[0]:  # version 0, management, and the kind
        case 0x80 | 0x50:  # beacon, probe response
            # A search of the whole frame is cheap, and says of nearly all of them that they are not for us.
            if ODID_VENDOR not in frame and DJI_VENDOR not in frame:
                return ()
            walk, at = _elements, at + _BEACON_FIXED_BYTES
        case 0xD0 | 0xE0:  # action, with and without acknowledgement
            if ODID_SERVICE not in frame or frame[at : at + len(NAN_ACTION)] != NAN_ACTION:
                return ()
            walk, at = _attributes, at + len(NAN_ACTION)
        case _:
            return ()
    if flags & (_MORE_FRAGMENTS | _PROTECTED) or frame[22] & 0x0F:
        return ()
    return walk(frame, at, radio, counters)


def _elements(frame: bytes, at: int, radio: Radio, counters: FrameCounters) -> list[Found]:
    found: list[Found] = []
    end = len(frame)
    while at + 2 <= end:
        after = at + 2 + frame[at + 1]
        if frame[at] == VENDOR_ELEMENT:
            if frame.startswith(ODID_VENDOR, at + 2, after):
                _heard("wifi_beacon", frame, at + 6, after, radio, counters, found)
            elif frame.startswith(DJI_VENDOR, at + 2, after):
                if after > end:
                    counters.malformed += 1
                    break
                counters.dji += 1
                payload = frame[at + 5 : after]
                found.append(DjiHeard(address(frame[10:16]), payload, radio.rssi_dbm, radio.freq_mhz, radio.time_s))
        at = after
    return found


def _attributes(frame: bytes, at: int, radio: Radio, counters: FrameCounters) -> list[Found]:
    found: list[Found] = []
    end = len(frame)
    while at + 3 <= end:
        after = at + 3 + (frame[at + 1] | frame[at + 2] << 8)
        if frame[at] == NAN_SERVICE and frame.startswith(ODID_SERVICE, at + 3, after):
            span = _information(frame, at + 9, min(after, end))
            if span is None:
                counters.malformed += 1
            elif span:
                _heard("wifi_nan", frame, *span, radio, counters, found)
        at = after
    return found


def _information(frame: bytes, at: int, end: int) -> tuple[int, int] | tuple[()] | None:
    """Where a service's information stands: empty where it has none, None where its lengths do not fit."""
    if at + 3 > end:
        return None
    control = frame[at + 2]
    if not control & _HAS_INFORMATION:
        return ()
    at += 5 if control & _HAS_BITMAP else 3
    for bit in (_HAS_MATCHING, _HAS_RESPONSE):
        if control & bit and at < end:
            at += 1 + frame[at]
    if at >= end or at + 1 + frame[at] > end:
        return None
    return at + 1, at + 1 + frame[at]


def _heard(
    transport: Transport, frame: bytes, at: int, end: int, radio: Radio, counters: FrameCounters, found: list[Found]
) -> None:
    """Message counter and payload from `at` to `end`, which may be beyond the frame."""
    payload = one_payload(frame[at + 1 : end]) if end <= len(frame) else None
    if payload is None:
        counters.malformed += 1
        return
    counters.odid += 1
    found.append(
        Heard(address(frame[10:16]), transport, frame[at], payload, radio.rssi_dbm, radio.freq_mhz, radio.time_s)
    )
