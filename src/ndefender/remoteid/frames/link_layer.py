"""Bluetooth Low Energy packets of the advertising channels, as sniffers give them.

Packet: access address u32 (8E89BED6), on the coded PHY one byte of coding indicator, header (kind in the lower 4 bits
of byte 0, length in byte 1), that many bytes, CRC of 3 bytes. Addresses are little-endian.

- Kinds 0, 2, 4, 6 (legacy): address, advertising data.
- Kind 7 (extended): length of the extended header in the lower 6 bits of a byte, then flags and, by their bits, address
  (0), target (1), CTE (2), number and set ADI (3), place of the auxiliary packet (4), synchronisation (5), power (6);
  then the data.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from ndefender.remoteid.frames import advertising
from ndefender.remoteid.frames.heard import Found, FrameCounters, Radio, address

ACCESS_ADDRESS = b"\xd6\xbe\x89\x8e"
CRC_BYTES = 3
LEGACY_KINDS = frozenset({0, 2, 4, 6})
EXTENDED_KIND = 7

_ADDRESS, _TARGET, _CTE, _ADI = 0x01, 0x02, 0x04, 0x08
# An auxiliary packet without an address belongs to the pointer before it, milliseconds earlier.
_POINTER_AGE_S = 1.0
_MAX_POINTERS = 64
# x^24 + x^10 + x^9 + x^6 + x^4 + x^3 + x + 1, bits in the order in which they are sent; so are they in the register.
_POLYNOMIAL = 0xDA6000
_PRESET = 0xAAAAAA


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = register >> 1 ^ (_POLYNOMIAL if register & 1 else 0)
        table.append(register)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc(pdu: bytes) -> bytes:
    """The check sequence of a header with its payload on an advertising channel."""
    register = _PRESET
    table = _CRC_TABLE
    for byte in pdu:
        register = register >> 8 ^ table[(register ^ byte) & 0xFF]
    return register.to_bytes(CRC_BYTES, "little")


class LinkLayer:
    """Reads packets; remembers for a second who pointed to an auxiliary packet."""

    def __init__(self, counters: FrameCounters) -> None:
        self._counters = counters
        self._pointers: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def read(self, packet: bytes, radio: Radio, *, coded: bool = False, checked: bool = False) -> Sequence[Found]:
        """What a packet announces.

        Args:
            packet: from the access address to the CRC.
            radio: how it was received.
            coded: it came on the coded PHY, so that a coding indicator follows the access address.
            checked: the receiver has found the CRC right already; a bad one never comes here.
        """
        counters = self._counters
        if not packet.startswith(ACCESS_ADDRESS):
            return ()
        at = 5 if coded else 4
        end = at + 2 + packet[at + 1] if len(packet) > at + 1 else len(packet) + 1
        if end > len(packet):
            counters.malformed += 1
            return ()
        pdu = packet[at:end]
        if not checked and packet[end : end + CRC_BYTES] != crc(pdu):
            counters.bad_fcs += 1
            return ()
        kind = pdu[0] & 0x0F
        if kind == EXTENDED_KIND:
            return self._extended(pdu, radio)
        return self._legacy(pdu, radio) if kind in LEGACY_KINDS else ()

    def _legacy(self, pdu: bytes, radio: Radio) -> Sequence[Found]:
        if len(pdu) < 8:
            self._counters.malformed += 1
            return ()
        return advertising.read(pdu[8:], address(pdu[7:1:-1]), "bt_legacy", radio, self._counters)

    def _extended(self, pdu: bytes, radio: Radio) -> Sequence[Found]:
        header_end = 3 + (pdu[2] & 0x3F) if len(pdu) > 2 else len(pdu) + 1
        if header_end > len(pdu):
            self._counters.malformed += 1
            return ()
        flags = pdu[3] if header_end > 3 else 0
        at = 4
        sender = ""
        if flags & _ADDRESS:
            sender = address(pdu[at : at + 6][::-1])
            at += 6
        at += 6 * bool(flags & _TARGET) + bool(flags & _CTE)
        # What the fields need must be in the header: otherwise they are read out of the data.
        if at + 2 * bool(flags & _ADI) > max(header_end, 4):
            self._counters.malformed += 1
            return ()
        if flags & _ADI:
            sender = self._join(pdu[at : at + 2], sender, radio.time_s)
        return advertising.read(pdu[header_end:], sender, "bt_long_range", radio, self._counters)

    def _join(self, number_and_set: bytes, sender: str, time_s: float) -> str:
        if sender:
            self._pointers[number_and_set] = (sender, time_s)
            self._pointers.move_to_end(number_and_set)
            if len(self._pointers) > _MAX_POINTERS:
                self._pointers.popitem(last=False)
            return sender
        known, at_s = self._pointers.get(number_and_set, ("", 0.0))
        return known if abs(time_s - at_s) <= _POINTER_AGE_S else ""
