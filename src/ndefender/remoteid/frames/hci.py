"""Advertising reports of a Bluetooth controller (HCI events), as captured or as read from a socket.

Event packet: 04, event u8, length u8, parameters. Event 3E is Low Energy's, with a kind u8 first:

- 02, advertising report: count u8, and of each kind u8, address kind u8, address, data length u8, data, strength i8.
- 0D, extended advertising report: count u8, and of each kind u16 (bit 4 legacy; bits 5 and 6: 0 complete, 1 more comes,
  2 cut off), address kind u8, address, PHY u8, second PHY u8, set u8, power i8, strength i8, interval u16, direct
  address kind u8 and address, data length u8, data.

A strength of 127 is none. An event holds 229 bytes of data at most, a pack of nine messages has 234: such reports come
in parts and are put together here.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Sequence

from ndefender.remoteid.frames import advertising
from ndefender.remoteid.frames.heard import Found, FrameCounters, Radio, address

EVENT_PACKET = 4
LOW_ENERGY_EVENT = 0x3E
REPORT, EXTENDED_REPORT = 0x02, 0x0D

_EXTENDED = struct.Struct("<HB6s2xBxB9xB")
_LEGACY_PDU, _DATA_STATUS, _MORE_COMES = 0x10, 0x60, 0x20
_ANONYMOUS = 0xFF
_NO_STRENGTH = 127
# The longest advertising data there are, and how many advertisers may be in the middle of them.
_MAX_DATA_BYTES = 1650
_MAX_PARTS = 64
# Parts come one after the other. An older one is of a report whose end was lost, and fits no other.
_PART_AGE_S = 0.1


class Reports:
    """Reads events; holds the parts of reports that are not yet complete."""

    def __init__(self, counters: FrameCounters) -> None:
        self._counters = counters
        self._parts: OrderedDict[tuple[bytes, int], tuple[bytes, float]] = OrderedDict()

    def read(self, packet: bytes, time_s: float) -> Sequence[Found]:
        """What an HCI packet, with its kind first, announces."""
        if len(packet) < 4 or packet[0] != EVENT_PACKET or packet[1] != LOW_ENERGY_EVENT:
            return ()
        if packet[3] not in {REPORT, EXTENDED_REPORT}:
            return ()
        if len(packet) < 5 or packet[2] != len(packet) - 3:
            self._counters.malformed += 1
            return ()
        found: list[Found] = []
        at = 5
        one = self._report if packet[3] == REPORT else self._extended_report
        for _ in range(packet[4]):
            after = one(packet, at, time_s, found)
            if after is None:
                self._counters.malformed += 1
                break
            at = after
        return found

    def _report(self, packet: bytes, at: int, time_s: float, found: list[Found]) -> int | None:
        """Reads one report and gives where the next one begins; None where it does not fit."""
        if at + 9 > len(packet):
            return None
        end = at + 9 + packet[at + 8]
        if end + 1 > len(packet):
            return None
        sender = address(packet[at + 2 : at + 8][::-1])
        radio = Radio(time_s, _strength_dbm(packet[end]))
        found.extend(advertising.read(packet[at + 9 : end], sender, "bt_legacy", radio, self._counters))
        return end + 1

    def _extended_report(self, packet: bytes, at: int, time_s: float, found: list[Found]) -> int | None:
        begin = at + _EXTENDED.size
        if begin > len(packet):
            return None
        kind, address_kind, raw, number, strength, size = _EXTENDED.unpack_from(packet, at)
        end = begin + int(size)
        if end > len(packet):
            return None
        data = self._whole((raw, number), kind & _DATA_STATUS, packet[begin:end], time_s)
        if data is not None:
            found.extend(
                advertising.read(
                    data,
                    "" if address_kind == _ANONYMOUS else address(raw[::-1]),
                    "bt_legacy" if kind & _LEGACY_PDU else "bt_long_range",
                    Radio(time_s, _strength_dbm(strength)),
                    self._counters,
                )
            )
        return end

    def _whole(self, of: tuple[bytes, int], status: int, data: bytes, time_s: float) -> bytes | None:
        """Advertising data with the parts before them; None while more is to come."""
        before, before_s = self._parts.pop(of, (b"", time_s))
        if abs(time_s - before_s) <= _PART_AGE_S:
            data = before + data
        if status != _MORE_COMES:
            return data
        if len(data) <= _MAX_DATA_BYTES:
            self._parts[of] = data, time_s
            if len(self._parts) > _MAX_PARTS:
                self._parts.popitem(last=False)
        return None


def _strength_dbm(raw: int) -> int | None:
    """Of an i8 that was read as u8."""
    if raw == _NO_STRENGTH:
        return None
    return raw - 256 if raw > _NO_STRENGTH else raw
