"""Frames with Open Drone ID, as transmitters send them: for the simulator and for the tests.

The counterpart of the readers beside it; the layouts stand in their docstrings. Addresses are text,
`aa:bb:cc:dd:ee:ff`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from ndefender.remoteid.frames import advertising, hci, link_layer, wifi

_BROADCAST = b"\xff" * 6
_NAN_CLUSTER = bytes.fromhex("51 6f 9a 01 00 00")
_NAN_RECEIVER = bytes.fromhex("51 6f 9a 01 00 00")
_RATES = bytes((1, 8, 0x82, 0x84, 0x8B, 0x96, 0x0C, 0x12, 0x18, 0x24))


def element(number: int, content: bytes) -> bytes:
    """An element of a management frame."""
    return bytes((number, len(content))) + content


def odid_element(counter: int, payload: bytes) -> bytes:
    """The vendor element with a pack."""
    return element(wifi.VENDOR_ELEMENT, wifi.ODID_VENDOR + bytes((counter,)) + payload)


def dji_element(payload: bytes) -> bytes:
    """DJI's vendor element."""
    return element(wifi.VENDOR_ELEMENT, wifi.DJI_VENDOR + payload)


def beacon(sender: str, elements: bytes, *, ssid: str = "", sequence: int = 0, kind: int = 0x80) -> bytes:
    """A beacon with these elements after name and rates; `kind` 0x50 makes it a probe response."""
    fixed = struct.pack("<QHH", sequence * 102_400, 100, 0x0421)
    head = _management(kind, _BROADCAST, sender, _raw(sender), sequence)
    return head + fixed + element(0, ssid.encode()) + _RATES + elements


def nan_service(counter: int, payload: bytes, *, service: bytes = wifi.ODID_SERVICE) -> bytes:
    """The NAN attribute that publishes a service with a pack as its information."""
    information = bytes((counter,)) + payload
    content = service + bytes((1, 0, 0x10, len(information))) + information
    return struct.pack("<BH", wifi.NAN_SERVICE, len(content)) + content


def nan_action(sender: str, attributes: bytes, *, sequence: int = 0) -> bytes:
    """A NAN service discovery frame."""
    return _management(0xD0, _NAN_RECEIVER, sender, _NAN_CLUSTER, sequence) + wifi.NAN_ACTION + attributes


def _management(kind: int, receiver: bytes, sender: str, bssid: bytes, sequence: int) -> bytes:
    return struct.pack("<BBH", kind, 0, 0) + receiver + _raw(sender) + bssid + struct.pack("<H", sequence << 4 & 0xFFF0)


def with_fcs(frame: bytes) -> bytes:
    """The frame with its check sequence."""
    return frame + struct.pack("<I", zlib.crc32(frame))


def radiotap(frame: bytes, *, rssi_dbm: int, freq_mhz: int, fcs: bool = True, bad: bool = False) -> bytes:
    """A frame (without check sequence) as a monitor interface gives it: flags, rate, channel, signal, antenna.

    Args:
        frame: the frame without check sequence.
        rssi_dbm: received signal strength.
        freq_mhz: centre of the channel.
        fcs: append the check sequence, and say so.
        bad: say that the receiver found it wrong.
    """
    flags = 0x10 * fcs | 0x40 * bad
    band = 0x00A0 if freq_mhz < 5000 else 0x0140
    fields = struct.pack("<BBHHbB", flags, 12, freq_mhz, band, rssi_dbm, 0)
    head = struct.pack("<BBHI", 0, 0, 8 + len(fields), 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 11)
    return head + fields + (with_fcs(frame) if fcs else frame)


def service_data(counter: int, payload: bytes) -> bytes:
    """The advertising data structure with a message or a pack."""
    content = advertising.SERVICE_DATA + bytes((counter,)) + payload
    return bytes((len(content),)) + content


def legacy_pdu(sender: str, data: bytes, *, kind: int = 2) -> bytes:
    """A legacy advertising PDU: ADV_NONCONN_IND where not said otherwise. It holds 31 bytes of data at most."""
    return _pdu(kind | 0x40, _raw(sender)[::-1] + data)


def extended_pdu(sender: str | None, data: bytes, *, advertisement: int = 0x001) -> bytes:
    """An auxiliary PDU of extended advertising with its number and set (`advertisement`), or without an address."""
    head = b"" if sender is None else _raw(sender)[::-1]
    head = bytes((0x08 | 0x01 * bool(head),)) + head + struct.pack("<H", advertisement)
    return _pdu(0x47, bytes((len(head),)) + head + data)


def pointer_pdu(sender: str, *, advertisement: int = 0x001) -> bytes:
    """ADV_EXT_IND: who sends the auxiliary PDU that follows."""
    head = b"\x19" + _raw(sender)[::-1] + struct.pack("<H", advertisement) + b"\x00\x00\x00"
    return _pdu(0x47, bytes((len(head),)) + head)


def _pdu(head: int, payload: bytes) -> bytes:
    return bytes((head, len(payload))) + payload


def ble_packet(pdu: bytes, *, coded: bool = False) -> bytes:
    """A PDU with access address and CRC; `coded` with the coding indicator for 125 kbit/s."""
    return link_layer.ACCESS_ADDRESS + b"\x00" * coded + pdu + link_layer.crc(pdu)


def nordic(packet: bytes, *, rssi_dbm: int, channel: int, coded: bool = False, crc_right: bool = True) -> bytes:
    """A packet as the nRF Sniffer gives it, version 3."""
    head = struct.pack("<BBBBHI", 10, crc_right | coded << 5, channel, -rssi_dbm, 0, 0)
    return struct.pack("<BHBHB", 1, len(head) + len(packet), 3, 0, 2) + head + packet


def pseudo(packet: bytes, *, rssi_dbm: int, freq_mhz: int, coded: bool = False, crc_right: bool = True) -> bytes:
    """A packet with the pseudo-header of LINKTYPE 256."""
    flags = 0x0413 | crc_right << 11 | coded << 15
    return struct.pack("<BbbB4sH", (freq_mhz - 2402) // 2, rssi_dbm, 0, 0, link_layer.ACCESS_ADDRESS, flags) + packet


def hci_report(sender: str, data: bytes, *, rssi_dbm: int) -> bytes:
    """An HCI event with one legacy advertising report."""
    report = struct.pack("<BB6sB", 3, 0, _raw(sender)[::-1], len(data)) + data + struct.pack("<b", rssi_dbm)
    return _event(hci.REPORT, report)


def hci_extended_reports(sender: str, data: bytes, *, rssi_dbm: int, legacy: bool = False) -> Sequence[bytes]:
    """HCI events with one extended advertising report, in as many parts as it needs."""
    parts = [data[at : at + 229] for at in range(0, len(data), 229)] or [b""]
    events = []
    for number, part in enumerate(parts, start=1):
        kind = 0x10 * legacy | 0x20 * (number < len(parts))
        head = struct.pack("<HB6sBBBbb", kind, 1, _raw(sender)[::-1], 3, 3, 0, 127, rssi_dbm)
        events.append(_event(hci.EXTENDED_REPORT, head + bytes(9) + bytes((len(part),)) + part))
    return events


def _event(kind: int, report: bytes) -> bytes:
    return bytes((hci.EVENT_PACKET, hci.LOW_ENERGY_EVENT, 2 + len(report), kind, 1)) + report


def _raw(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
