"""Bluetooth advertising in each form in which captures have it."""

from __future__ import annotations

import pytest
from support.odid_frames import MESSAGE, SENDER, pack, take

from ndefender.remoteid.frames import advertising, link_layer, make
from ndefender.remoteid.frames.extract import (
    LINK_BLE_LL,
    LINK_BLE_LL_PHDR,
    LINK_HCI_H4,
    LINK_HCI_H4_PHDR,
    LINK_HCI_MONITOR,
    LINK_NORDIC_BLE,
)
from ndefender.remoteid.frames.hci import Reports
from ndefender.remoteid.frames.heard import FrameCounters, Heard, Radio

ONE = make.service_data(3, MESSAGE)
NINE = make.service_data(4, pack(9))
LEGACY = make.ble_packet(make.legacy_pdu(SENDER, ONE))
EXTENDED = make.ble_packet(make.extended_pdu(SENDER, NINE))
CODED = make.ble_packet(make.extended_pdu(SENDER, NINE), coded=True)
HEARD_ONE = Heard(SENDER, "bt_legacy", 3, MESSAGE, None, None, 1000.0)
HEARD_NINE = Heard(SENDER, "bt_long_range", 4, pack(9), None, None, 1000.0)


def test_the_check_sequence_is_bluetooths() -> None:
    # The check value of CRC-24/BLE in the catalogue of CRC algorithms.
    assert link_layer.crc(b"123456789") == bytes.fromhex("565ac2")


@pytest.mark.parametrize(("packet", "heard"), [(LEGACY, HEARD_ONE), (EXTENDED, HEARD_NINE)])
def test_a_packet_is_heard(packet: bytes, heard: Heard) -> None:
    found, counters = take(LINK_BLE_LL, packet)
    assert found == [heard]
    assert counters == FrameCounters(frames=1, odid=1)


@pytest.mark.parametrize(("kind", "heard"), [(0, 1), (1, 0), (2, 1), (3, 0), (4, 1), (5, 0), (6, 1), (8, 0)])
def test_kinds_of_packets_with_advertising_data(kind: int, heard: int) -> None:
    assert len(take(LINK_BLE_LL, make.ble_packet(make.legacy_pdu(SENDER, ONE, kind=kind)))[0]) == heard


@pytest.mark.parametrize("bit", range(32, 8 * len(LEGACY)))
def test_a_flipped_bit_gives_nothing_and_is_counted(bit: int) -> None:
    data = bytearray(LEGACY)
    data[bit // 8] ^= 1 << bit % 8
    found, counters = take(LINK_BLE_LL, bytes(data))
    assert found == []
    # A length that leaves no room is seen before the check.
    assert counters.bad_fcs + counters.malformed == 1


def test_data_of_a_connection_are_nothing() -> None:
    found, counters = take(LINK_BLE_LL, b"\x01\x02\x03\x04" + LEGACY[4:])
    assert (found, counters) == ([], FrameCounters(frames=1))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (make.nordic(LEGACY, rssi_dbm=-70, channel=38), (SENDER, "bt_legacy", -70, 2426)),
        (make.nordic(EXTENDED, rssi_dbm=-71, channel=0), (SENDER, "bt_long_range", -71, 2404)),
        (make.nordic(CODED, rssi_dbm=-72, channel=36, coded=True), (SENDER, "bt_long_range", -72, 2478)),
    ],
)
def test_nrf_sniffer(data: bytes, expected: tuple[str, str, int, int]) -> None:
    found, _ = take(LINK_NORDIC_BLE, data)
    assert [(item.sender, item.transport, item.rssi_dbm, item.freq_mhz) for item in found] == [expected]


def test_nrf_sniffer_version_1() -> None:
    packet = bytes((1, 6, 10 + len(LEGACY), 1, 0, 0, 6, 10, 1, 37, 55)) + bytes(6) + LEGACY
    found, _ = take(LINK_NORDIC_BLE, packet)
    assert [(item.payload, item.rssi_dbm) for item in found] == [(MESSAGE, -55)]


def test_nrf_sniffers_word_on_the_check_counts() -> None:
    found, counters = take(LINK_NORDIC_BLE, make.nordic(LEGACY, rssi_dbm=-70, channel=38, crc_right=False))
    assert (found, counters.bad_fcs) == ([], 1)


def test_nrf_sniffers_other_messages_are_passed_over() -> None:
    found, counters = take(LINK_NORDIC_BLE, bytes.fromhex("01 0000 03 0000 0e"))
    assert (found, counters) == ([], FrameCounters(frames=1))


@pytest.mark.parametrize("size", range(24))
def test_nrf_sniffer_records_that_end_early_are_counted(size: int) -> None:
    found, counters = take(LINK_NORDIC_BLE, make.nordic(LEGACY, rssi_dbm=-70, channel=38)[:size])
    assert found == []
    assert counters.malformed == (1 if size < 17 or size >= 21 else 0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (make.pseudo(LEGACY, rssi_dbm=-70, freq_mhz=2426), ("bt_legacy", -70, 2426)),
        (make.pseudo(CODED, rssi_dbm=-71, freq_mhz=2442, coded=True), ("bt_long_range", -71, 2442)),
    ],
)
def test_pseudo_header(data: bytes, expected: tuple[str, int, int]) -> None:
    found, _ = take(LINK_BLE_LL_PHDR, data)
    assert [(item.transport, item.rssi_dbm, item.freq_mhz) for item in found] == [expected]


def test_the_pseudo_headers_word_on_the_check_counts() -> None:
    bad = make.pseudo(LEGACY, rssi_dbm=-70, freq_mhz=2426, crc_right=False)
    # Not checked by the receiver: then it is here.
    unchecked = bad[:8] + b"\x03\x00" + bad[10:-1] + bytes((bad[-1] ^ 1,))
    whitened = bad[:8] + b"\x02\x0c" + bad[10:]
    found, counters = take(LINK_BLE_LL_PHDR, bad, unchecked, whitened, bad[:9])
    assert found == []
    assert (counters.bad_fcs, counters.unsupported, counters.malformed) == (2, 1, 1)


def test_a_pseudo_header_without_a_strength() -> None:
    data = make.pseudo(LEGACY, rssi_dbm=-70, freq_mhz=2426)
    found, _ = take(LINK_BLE_LL_PHDR, data[:8] + b"\x01\x0c" + data[10:])
    assert [item.rssi_dbm for item in found] == [None]


def test_an_auxiliary_packet_without_address_is_of_who_pointed_to_it() -> None:
    pointer = make.ble_packet(make.pointer_pdu(SENDER, advertisement=0x1234))
    mine = make.ble_packet(make.extended_pdu(None, NINE, advertisement=0x1234))
    other = make.ble_packet(make.extended_pdu(None, NINE, advertisement=0x1235))
    found, counters = take(LINK_BLE_LL, pointer, mine, other)
    assert [item.sender for item in found] == [SENDER, ""]
    assert counters.malformed == 0


def test_a_pointer_is_forgotten() -> None:
    link = link_layer.LinkLayer(FrameCounters())
    auxiliary = make.ble_packet(make.extended_pdu(None, NINE))
    link.read(make.ble_packet(make.pointer_pdu(SENDER)), Radio(0.0))
    assert [item.sender for item in link.read(auxiliary, Radio(0.9))] == [SENDER]
    assert [item.sender for item in link.read(auxiliary, Radio(1.1))] == [""]


def test_pointers_are_bounded() -> None:
    link = link_layer.LinkLayer(FrameCounters())
    for number in range(5000):
        link.read(make.ble_packet(make.pointer_pdu(SENDER, advertisement=number)), Radio(0.0))
    assert len(link._pointers) <= 64


@pytest.mark.parametrize("size", range(len(EXTENDED)))
def test_a_packet_that_ends_early_is_counted(size: int) -> None:
    found, counters = take(LINK_BLE_LL, EXTENDED[:size])
    assert found == []
    assert counters.malformed + counters.bad_fcs == (1 if size >= 4 else 0)


@pytest.mark.parametrize("pdu", [b"\x47\x00", b"\x47\x01\x3f", b"\x47\x03\x02\x09\x00", b"\x42\x05abcde", b"\x02\x00"])
def test_headers_that_promise_more_than_there_is_are_counted(pdu: bytes) -> None:
    found, counters = take(LINK_BLE_LL, make.ble_packet(pdu))
    assert (found, counters.malformed) == ([], 1)


def test_an_extended_packet_without_any_header_has_data_all_the_same() -> None:
    pdu = bytes((7, 1 + len(ONE), 0)) + ONE
    assert [item.sender for item in take(LINK_BLE_LL, make.ble_packet(pdu))[0]] == [""]


@pytest.mark.parametrize(
    ("data", "heard"),
    [
        (b"\x02\x01\x06" + ONE, 1),
        (ONE + make.service_data(5, MESSAGE), 2),
        (b"\x00" + ONE, 0),
        (make.service_data(3, MESSAGE).replace(b"\xfa\xff", b"\xfa\xfe"), 0),
        (make.service_data(3, MESSAGE).replace(b"\x0d", b"\x0e", 1), 0),
        (bytes((1 + len(ONE), 0xFF)) + ONE, 0),
    ],
    ids=["after flags", "twice", "after the end", "another service", "another application", "within another"],
)
def test_advertising_data(data: bytes, heard: int) -> None:
    found, counters = take(LINK_HCI_H4, make.hci_report(SENDER, data, rssi_dbm=-44))
    assert (len(found), counters.malformed) == (heard, 0)


@pytest.mark.parametrize("data", [ONE[:-1], make.service_data(3, MESSAGE[:-1]), ONE[:5], make.service_data(3, b"")])
def test_advertising_data_that_end_early_are_counted(data: bytes) -> None:
    found, counters = take(LINK_HCI_H4, make.hci_report(SENDER, data, rssi_dbm=-44))
    assert (found, counters.malformed) == ([], 1)


def test_hci_reports() -> None:
    event = make.hci_report(SENDER, ONE, rssi_dbm=-44)
    expected = [Heard(SENDER, "bt_legacy", 3, MESSAGE, -44, None, 1000.0)]
    assert take(LINK_HCI_H4, event)[0] == expected
    assert take(LINK_HCI_H4_PHDR, b"\0\0\0\1" + event)[0] == expected
    assert take(LINK_HCI_MONITOR, b"\0\0\0\3" + event[1:])[0] == expected
    assert take(LINK_HCI_MONITOR, b"\0\0\0\2" + event[1:])[0] == []
    assert take(LINK_HCI_H4, make.hci_report(SENDER, ONE, rssi_dbm=127))[0][0].rssi_dbm is None


def test_two_reports_in_one_event() -> None:
    one = make.hci_report(SENDER, ONE, rssi_dbm=-44)[5:]
    event = bytes((4, 0x3E, 2 + 2 * len(one), 2, 2)) + one + one
    assert len(take(LINK_HCI_H4, event)[0]) == 2


def test_extended_reports_say_what_the_packet_was() -> None:
    legacy = make.hci_extended_reports(SENDER, ONE, rssi_dbm=-44, legacy=True)
    extended = make.hci_extended_reports(SENDER, ONE, rssi_dbm=127)
    found, _ = take(LINK_HCI_H4, *legacy, *extended)
    assert [(item.transport, item.rssi_dbm) for item in found] == [("bt_legacy", -44), ("bt_long_range", None)]


def test_a_report_in_parts_is_put_together() -> None:
    parts = make.hci_extended_reports(SENDER, NINE, rssi_dbm=-45)
    other = make.hci_extended_reports("60:60:1f:0a:0b:0d", NINE, rssi_dbm=-46)
    assert len(parts) == 2
    found, counters = take(LINK_HCI_H4, parts[0], other[0], parts[1], other[1])
    assert [(item.payload, item.rssi_dbm) for item in found] == [(pack(9), -45), (pack(9), -46)]
    assert counters.malformed == 0


def test_a_part_whose_end_was_lost_is_not_joined_with_the_next_report() -> None:
    parts = make.hci_extended_reports(SENDER, NINE, rssi_dbm=-45)
    reports = Reports(FrameCounters())
    assert list(reports.read(parts[0], 10.0)) == []
    assert list(reports.read(parts[0], 11.0)) == []
    assert [item.payload for item in reports.read(parts[1], 11.0)] == [pack(9)]


def test_unfinished_reports_are_bounded() -> None:
    reports = Reports(FrameCounters())
    for number in range(500):
        sender = f"60:60:1f:00:{number >> 8:02x}:{number & 255:02x}"
        reports.read(make.hci_extended_reports(sender, NINE, rssi_dbm=-45)[0], 10.0)
    for _ in range(500):
        reports.read(make.hci_extended_reports(SENDER, NINE, rssi_dbm=-45)[0], 10.0)
    assert len(reports._parts) <= 64
    assert sum(len(data) for data, _ in reports._parts.values()) <= 64 * 1650


@pytest.mark.parametrize("size", range(5))
def test_reports_that_end_early_are_no_reports(size: int) -> None:
    found, counters = take(LINK_HCI_H4, make.hci_report(SENDER, ONE, rssi_dbm=-44)[:size])
    assert found == []
    assert counters.malformed == (1 if size == 4 else 0)


@pytest.mark.parametrize("legacy", [True, False])
def test_reports_whose_lengths_lie_are_counted(legacy: bool) -> None:
    event = (
        make.hci_report(SENDER, ONE, rssi_dbm=-44)
        if legacy
        else make.hci_extended_reports(SENDER, ONE, rssi_dbm=-44)[0]
    )
    shorter = event[:2] + bytes((event[2] - 1,)) + event[3:-1]
    more = event[:4] + b"\x02" + event[5:]
    for bad in (event[:-1], shorter, more):
        _, counters = take(LINK_HCI_H4, bad)
        assert counters.malformed == 1


def test_channels() -> None:
    assert [advertising.channel_mhz(index) for index in (0, 10, 11, 36, 37, 38, 39, 40)] == [
        2404,
        2424,
        2428,
        2478,
        2402,
        2426,
        2480,
        None,
    ]
