"""Capture files of both formats: what is read, and how reading ends."""

from __future__ import annotations

import os
import struct
import threading
import tracemalloc
from pathlib import Path

import pytest
from support.odid_frames import MESSAGE, SENDER, pack, read, write_pcap

from ndefender.remoteid.frames import make, save
from ndefender.remoteid.frames.capture import records
from ndefender.remoteid.frames.extract import LINK_80211, LINK_BLE_LL, LINK_NORDIC_BLE, LINK_RADIOTAP, frames
from ndefender.remoteid.frames.heard import CaptureUnreadable, FrameCounters
from ndefender.remoteid.frames.record import MAX_RECORD_BYTES, Record

BEACON = make.radiotap(make.beacon(SENDER, make.odid_element(7, pack())), rssi_dbm=-61, freq_mhz=2437)
PACKET = make.ble_packet(make.legacy_pdu(SENDER, make.service_data(3, MESSAGE)))
NORDIC = make.nordic(PACKET, rssi_dbm=-70, channel=37)


def all_records(path: Path) -> tuple[list[Record], FrameCounters]:
    counters = FrameCounters()
    return list(records(path, counters)), counters


def pcap(sign: str, magic: int, *rows: tuple[int, int, bytes, int], link: int = 127, extra: bytes = b"") -> bytes:
    head = struct.pack(sign + "IHHIIII", magic, 2, 4, 0, 0, 65535, link)
    return head + b"".join(struct.pack(sign + "IIII", s, f, len(d), n) + extra + d for s, f, d, n in rows)


@pytest.mark.parametrize("sign", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "fraction", "extra"),
    [(0xA1B2C3D4, 500_000, b""), (0xA1B23C4D, 500_000_000, b""), (0xA1B2CD34, 500_000, bytes(8))],
)
def test_pcap(tmp_path: Path, sign: str, magic: int, fraction: int, extra: bytes) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(sign, magic, (3, fraction, b"abc", 3), (4, 0, b"de", 9), extra=extra))
    assert all_records(path) == ([Record(127, 3.5, b"abc"), Record(127, 4.0, b"de", True)], FrameCounters())


def test_pcaps_link_type_may_hold_the_check_sequences_length(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap("<", 0xA1B2C3D4, (3, 0, b"abc", 3), link=105 | 1 << 26 | 2 << 28))
    assert all_records(path)[0] == [Record(105, 3.0, b"abc", False, 4)]


def section(sign: str) -> bytes:
    return block(sign, 0x0A0D0D0A, struct.pack(sign + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def block(sign: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(sign + "I", 12 + len(body))
    return struct.pack(sign + "I", kind) + length + body + length


def option(sign: str, code: int, value: bytes) -> bytes:
    return struct.pack(sign + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(sign: str, link_type: int, options: bytes = b"", snap_bytes: int = 0) -> bytes:
    return block(sign, 1, struct.pack(sign + "HHI", link_type, 0, snap_bytes) + options)


def enhanced(
    sign: str, number: int, ticks: int, data: bytes, options: bytes = b"", original: int | None = None
) -> bytes:
    head = struct.pack(sign + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), original or len(data))
    return block(sign, 6, head + data + bytes(-len(data) % 4) + options)


@pytest.mark.parametrize("sign", ["<", ">"])
def test_pcapng(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "x.pcapng"
    end = option(sign, 0, b"")
    clock = option(sign, 9, b"\x09") + option(sign, 14, struct.pack(sign + "q", 100)) + end
    binary_clock = option(sign, 2, b"wlan0") + option(sign, 9, b"\x8a") + option(sign, 13, b"\x04")
    failed = option(sign, 2, struct.pack(sign + "I", 1 << 24 | 4 << 5)) + end
    path.write_bytes(
        section(sign)
        + interface(sign, 127)
        + interface(sign, 251, clock)
        + interface(sign, 105, binary_clock, snap_bytes=2)
        + block(sign, 5, bytes(8))
        + enhanced(sign, 0, 1_500_000, b"abc")
        + enhanced(sign, 1, 2_500_000_000, b"de", original=7)
        + enhanced(sign, 2, 512, b"f")
        + enhanced(sign, 0, 1 << 33, b"gh", failed)
        + block(sign, 2, struct.pack(sign + "HHIIII", 2, 0, 0, 1024, 3, 3) + b"ijk")
        + block(sign, 3, struct.pack(sign + "I", 3) + b"lmn")
    )
    found, counters = all_records(path)
    assert found == [
        Record(127, 1.5, b"abc"),
        Record(251, 102.5, b"de", True),
        Record(105, 0.5, b"f", False, 4),
        Record(127, (1 << 33) / 1e6, b"gh", False, 4, True),
        Record(105, 1.0, b"ijk", False, 4),
        Record(127, 0.0, b"lmn"),
    ]
    assert counters == FrameCounters()


def test_a_simple_packet_is_as_long_as_its_interface_allows(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(section("<") + interface("<", 127, snap_bytes=2) + block("<", 3, struct.pack("<I", 9) + b"ab"))
    assert all_records(path)[0] == [Record(127, 0.0, b"ab", True)]


def test_a_new_section_has_its_own_byte_order_and_interfaces(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(
        section("<")
        + interface("<", 127)
        + enhanced("<", 0, 0, b"a")
        + section(">")
        + enhanced(">", 0, 0, b"b")
        + interface(">", 251)
        + enhanced(">", 0, 0, b"c")
    )
    found, counters = all_records(path)
    assert [(record.link_type, record.data) for record in found] == [(127, b"a"), (251, b"c")]
    assert counters == FrameCounters(frames=1, malformed=1)


def test_the_receivers_error_flag_in_the_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    flags = option("<", 2, struct.pack("<I", 1 << 24))
    path.write_bytes(
        section("<") + interface("<", 127) + enhanced("<", 0, 0, BEACON, flags) + enhanced("<", 0, 0, BEACON)
    )
    found, counters = read(path)
    assert len(found) == 1
    assert counters == FrameCounters(frames=2, odid=1, bad_fcs=1)


def test_wifi_and_bluetooth_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    with path.open("wb") as file:
        writer = save.PcapngFile(file, [LINK_RADIOTAP, LINK_NORDIC_BLE, 1])
        writer.write(1_700_000_000.25, BEACON)
        writer.write(1_700_000_000.5, NORDIC, interface=1)
        writer.write(1_700_000_000.75, BEACON, interface=2)
    found, counters = read(path)
    assert [(item.time_s, item.transport) for item in found] == [
        (1_700_000_000.25, "wifi_beacon"),
        (1_700_000_000.5, "bt_legacy"),
    ]
    assert counters == FrameCounters(frames=3, odid=2, unsupported=1)


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_a_file_may_end_anywhere(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        writer = save.PcapFile(file, LINK_BLE_LL) if kind == "pcap" else save.PcapngFile(file, [LINK_BLE_LL])
        starts = []
        for _ in range(3):
            starts.append(file.tell())
            writer.write(1.0, PACKET)
    whole = path.read_bytes()
    ends = [*starts[1:], len(whole)]
    for size in range(4, len(whole)):
        path.write_bytes(whole[:size])
        found, counters = read(path)
        assert len(found) == sum(size >= end for end in ends)
        clean = size in {*starts, *ends} or (kind == "pcapng" and size == 28)
        assert counters.cut_short == (not clean), size


def test_what_is_no_capture_says_so(tmp_path: Path) -> None:
    for content in (b"", b"\x7fELF" + bytes(100), b"\x0a\x0d"):
        path = tmp_path / "x"
        path.write_bytes(content)
        with pytest.raises(CaptureUnreadable, match="not pcap or pcapng"):
            read(path)
    with pytest.raises(CaptureUnreadable, match="No such file"):
        read(tmp_path / "none")
    with pytest.raises(CaptureUnreadable, match="Is a directory"):
        read(tmp_path)


LIES = {
    "pcap record": pcap("<", 0xA1B2C3D4) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF),
    "pcap record at the limit": pcap("<", 0xA1B2C3D4) + struct.pack("<IIII", 0, 0, MAX_RECORD_BYTES, 0),
    "pcapng section": section("<")[:4] + struct.pack("<I", 0xFFFFFFFC) + section("<")[8:],
    "pcapng block": section("<") + struct.pack("<II", 6, 0xFFFFFFFC),
    "pcapng unknown block": section("<") + struct.pack("<II", 99, 0xFFFFFFFC),
    "pcapng block too short": section("<") + struct.pack("<II", 6, 8),
    "pcapng odd length": section("<") + struct.pack("<II", 6, 45) + bytes(100),
    "pcapng lengths disagree": section("<") + interface("<", 127)[:-4] + struct.pack("<I", 16),
    "pcapng short interface": section("<") + block("<", 1, b"abcd"),
    "pcapng byte order": section("<")[:8] + b"abcd" + section("<")[12:],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_a_length_ends_the_file_within_bounded_memory(tmp_path: Path, lie: str) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.write(LIES[lie])
        # A hole: megabytes to read that need no disk.
        file.truncate(len(LIES[lie]) + (16 << 20 if "limit" not in lie else 100))
    tracemalloc.start()
    try:
        found, counters = read(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found, counters.cut_short) == ([], 1)
    assert peak_bytes < 1_500_000


def test_interfaces_without_end_end_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(section("<") + interface("<", 127) * 2000 + enhanced("<", 0, 0, BEACON))
    assert read(path) == ([], FrameCounters(cut_short=1))


@pytest.mark.parametrize(
    "bad",
    [
        enhanced("<", 9, 0, BEACON),
        block("<", 6, bytes(16)),
        block("<", 6, struct.pack("<IIIII", 0, 0, 0, 100, 100) + bytes(96)),
        block("<", 3, b""),
        block("<", 2, bytes(12)),
    ],
    ids=["unknown interface", "short", "captured more than there is", "simple without length", "old and short"],
)
def test_one_bad_block_does_not_end_the_file(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(section("<") + interface("<", 127) + bad + enhanced("<", 0, 0, BEACON))
    found, counters = read(path)
    assert (len(found), counters.malformed, counters.cut_short) == (1, 1, 0)


def test_an_oversized_block_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(
        section("<") + interface("<", 127) + enhanced("<", 0, 0, bytes(400_000)) + enhanced("<", 0, 0, BEACON)
    )
    assert len(read(path)[0]) == 1


def test_a_pipe_gives_frames_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    heard = threading.Event()
    done = []

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            writer = save.PcapFile(file, LINK_RADIOTAP)
            writer.write(1.0, BEACON)
            # The pipe stays open until the first frame was heard, or the test has failed.
            done.append(heard.wait(20))

    thread = threading.Thread(target=write)
    thread.start()
    stream = frames(path)
    assert next(stream).time_s == 1.0
    heard.set()
    assert list(stream) == []
    thread.join()
    assert done == [True]


def test_times_are_kept_to_the_microsecond(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "x.pcap", LINK_80211, b"abc", time_s=1_728_307_374.047937)
    assert [record.time_s for record in all_records(path)[0]] == [pytest.approx(1_728_307_374.047937, abs=1e-6)]
