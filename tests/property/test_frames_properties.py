"""Frames from anywhere: whatever is in them, nothing is raised, and each is counted once."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.odid_frames import MESSAGE, SENDER, pack

from ndefender.remoteid.frames import make, pcap, pcapng, save
from ndefender.remoteid.frames.extract import (
    LINK_80211,
    LINK_BLE_LL,
    LINK_BLE_LL_PHDR,
    LINK_HCI_H4,
    LINK_HCI_H4_PHDR,
    LINK_HCI_MONITOR,
    LINK_NORDIC_BLE,
    LINK_PRISM,
    LINK_RADIOTAP,
    Extractor,
)
from ndefender.remoteid.frames.heard import FrameCounters, Heard
from ndefender.remoteid.frames.record import Record

BEACON = make.beacon(SENDER, make.odid_element(7, pack()) + make.dji_element(b"abc"), ssid="x")
NAN = make.nan_action(SENDER, make.nan_service(8, pack()))
LEGACY = make.ble_packet(make.legacy_pdu(SENDER, make.service_data(1, MESSAGE)))
EXTENDED = make.ble_packet(make.extended_pdu(SENDER, make.service_data(1, pack(9))))
SAMPLES = {
    LINK_RADIOTAP: [make.radiotap(frame, rssi_dbm=-50, freq_mhz=2437, fcs=False) for frame in (BEACON, NAN)],
    LINK_80211: [BEACON, NAN],
    LINK_PRISM: [struct.pack("<II", 0x44, 8) + BEACON],
    LINK_BLE_LL: [LEGACY, EXTENDED],
    LINK_BLE_LL_PHDR: [make.pseudo(LEGACY, rssi_dbm=-50, freq_mhz=2402)],
    LINK_NORDIC_BLE: [make.nordic(packet, rssi_dbm=-50, channel=37) for packet in (LEGACY, EXTENDED)],
    LINK_HCI_H4: [
        make.hci_report(SENDER, make.service_data(1, MESSAGE), rssi_dbm=-50),
        *make.hci_extended_reports(SENDER, make.service_data(1, pack(9)), rssi_dbm=-50),
    ],
    LINK_HCI_H4_PHDR: [bytes(4) + make.hci_report(SENDER, make.service_data(1, MESSAGE), rssi_dbm=-50)],
    LINK_HCI_MONITOR: [b"\0\0\0\3" + make.hci_report(SENDER, make.service_data(1, MESSAGE), rssi_dbm=-50)[1:]],
}
LINK_TYPES = st.sampled_from(sorted(SAMPLES))


@st.composite
def hurt(draw: st.DrawFn, data: bytes) -> bytes:
    """A frame with some bytes changed, taken out or put in."""
    result = bytearray(data)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(result) - 1)))
        match draw(st.sampled_from(["set", "cut", "drop", "insert"])):
            case "set" if result:
                result[at] = draw(st.sampled_from([0, 1, 0x10, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
            case "cut":
                del result[at:]
            case "drop":
                del result[at : at + draw(st.integers(1, 8))]
            case "insert":
                result[at:at] = draw(st.binary(max_size=8))
            case _:
                pass
    return bytes(result)


@st.composite
def hurt_frames(draw: st.DrawFn) -> tuple[int, bytes]:
    link_type = draw(LINK_TYPES)
    return link_type, draw(hurt(draw(st.sampled_from(SAMPLES[link_type]))))


def sound(item: object) -> bool:
    if not isinstance(item, Heard):
        return True
    whole = 3 + 25 * item.payload[2] if item.payload[0] >> 4 == 0xF else 25
    return len(item.payload) == whole and len(item.sender) in {0, 17}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(hurt_frames() | st.tuples(LINK_TYPES, st.binary(max_size=300)), max_size=5))
def test_frames_never_raise_and_give_whole_payloads(given_frames: list[tuple[int, bytes]]) -> None:
    extractor = Extractor(FrameCounters())
    for link_type, data in given_frames:
        found = extractor.take(Record(link_type, 0.0, data))
        assert all(sound(item) for item in found)
    assert extractor.counters.frames == len(given_frames)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(["pcap", "pcapng"]),
    rows=st.lists(st.tuples(st.integers(0, 2**31), st.binary(max_size=64)), max_size=4),
    where=st.data(),
)
def test_files_never_raise(kind: str, rows: list[tuple[int, bytes]], where: st.DataObject) -> None:
    file = io.BytesIO()
    writer = save.PcapFile(file, LINK_80211) if kind == "pcap" else save.PcapngFile(file, [LINK_80211])
    for time_s, data in rows:
        writer.write(time_s, data)
    good = file.getvalue()
    reread = list(_records(good))
    assert [(record.time_s, record.data) for record in reread] == rows
    for record in _records(good[:4] + where.draw(hurt(good[4:]))):
        assert len(record.data) <= 262_144


def _records(data: bytes) -> list[Record]:
    file = io.BytesIO(data[4:])
    counters = FrameCounters()
    if data[:4] == pcapng.MAGIC:
        return list(pcapng.records(file, counters))
    return list(pcap.records(file, data[:4], counters))


@pytest.mark.parametrize("link_type", sorted(SAMPLES))
def test_the_samples_are_heard_unhurt(link_type: int) -> None:
    extractor = Extractor(FrameCounters())
    for data in SAMPLES[link_type]:
        extractor.take(Record(link_type, 0.0, data))
    assert extractor.counters.odid >= 1
    assert extractor.counters.malformed == extractor.counters.bad_fcs == 0
