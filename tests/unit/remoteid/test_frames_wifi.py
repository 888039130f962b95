"""Beacons, probe responses and NAN frames: what is found, and what is not taken for it."""

from __future__ import annotations

import pytest
from support.odid_frames import MESSAGE, SENDER, pack, take

from ndefender.remoteid.frames import make
from ndefender.remoteid.frames.extract import LINK_80211, LINK_PRISM, LINK_RADIOTAP
from ndefender.remoteid.frames.heard import DjiHeard, FrameCounters, Heard

BEACON = make.beacon(SENDER, make.odid_element(7, pack()), ssid="x")
NAN = make.nan_action(SENDER, make.nan_service(9, pack(2)))


def tapped(frame: bytes, **how: bool) -> bytes:
    return make.radiotap(frame, rssi_dbm=-61, freq_mhz=2437, **how)


def test_a_beacon_is_heard_with_how_it_was_received() -> None:
    found, counters = take(LINK_RADIOTAP, tapped(BEACON), time_s=12.5)
    assert found == [Heard(SENDER, "wifi_beacon", 7, pack(), -61, 2437, 12.5)]
    assert counters == FrameCounters(frames=1, odid=1)


def test_a_probe_response_says_what_the_beacon_says() -> None:
    frame = make.beacon(SENDER, make.odid_element(7, pack()), kind=0x50)
    found, _ = take(LINK_RADIOTAP, tapped(frame))
    assert [item.payload for item in found] == [pack()]


def test_a_nan_action_frame_is_heard() -> None:
    found, _ = take(LINK_RADIOTAP, tapped(NAN))
    assert found == [Heard(SENDER, "wifi_nan", 9, pack(2), -61, 2437, 1000.0)]


def test_one_beacon_may_carry_several_elements() -> None:
    elements = make.odid_element(1, pack(1)) + make.element(3, b"\x06") + make.odid_element(2, MESSAGE)
    found, counters = take(LINK_RADIOTAP, tapped(make.beacon(SENDER, elements)))
    assert [(item.counter, item.payload) for item in found if isinstance(item, Heard)] == [(1, pack(1)), (2, MESSAGE)]
    assert counters.odid == 2


def test_djis_element_is_djis_and_no_open_drone_id() -> None:
    found, counters = take(LINK_RADIOTAP, tapped(make.beacon(SENDER, make.dji_element(b"\x58\x62\x13abc"))))
    assert found == [DjiHeard(SENDER, b"\x58\x62\x13abc", -61, 2437, 1000.0)]
    assert (counters.dji, counters.odid) == (1, 0)


@pytest.mark.parametrize("order", [{}, {"fcs": False}])
def test_with_and_without_check_sequence(order: dict[str, bool]) -> None:
    found, _ = take(LINK_RADIOTAP, tapped(BEACON, **order))
    assert len(found) == 1


@pytest.mark.parametrize("bit", range(0, 8 * (len(BEACON) + 4), 7))
def test_a_flipped_bit_anywhere_gives_nothing_and_is_counted(bit: int) -> None:
    data = bytearray(tapped(BEACON))
    data[len(data) - len(BEACON) - 4 + bit // 8] ^= 1 << bit % 8
    found, counters = take(LINK_RADIOTAP, bytes(data))
    assert found == []
    assert counters == FrameCounters(frames=1, bad_fcs=1)


def test_the_receivers_word_that_a_frame_is_bad_counts() -> None:
    found, counters = take(LINK_RADIOTAP, tapped(BEACON, bad=True), tapped(BEACON, fcs=False, bad=True))
    assert (found, counters.bad_fcs) == ([], 2)


@pytest.mark.parametrize(
    ("data", "fcs_bytes", "heard", "bad_fcs"),
    [
        (BEACON, None, 1, 0),
        (make.with_fcs(BEACON), None, 1, 0),
        (BEACON, 0, 1, 0),
        (make.with_fcs(BEACON), 4, 1, 0),
        (BEACON, 4, 0, 1),
    ],
)
def test_a_bare_frames_check_sequence(data: bytes, fcs_bytes: int | None, heard: int, bad_fcs: int) -> None:
    found, counters = take(LINK_80211, data, fcs_bytes=fcs_bytes)
    assert (len(found), counters.bad_fcs) == (heard, bad_fcs)


def test_radiotap_knows_better_than_the_file_whether_there_is_a_check_sequence() -> None:
    assert len(take(LINK_RADIOTAP, tapped(BEACON, fcs=False), fcs_bytes=4)[0]) == 1
    assert len(take(LINK_RADIOTAP, tapped(BEACON), fcs_bytes=0)[0]) == 1


def test_a_frame_that_was_cut_off_while_captured_is_not_called_corrupted() -> None:
    beacon = make.beacon(SENDER, make.odid_element(7, pack()) + make.element(48, bytes(200)))
    found, counters = take(LINK_80211, make.with_fcs(beacon)[:-100], fcs_bytes=4, cut=True)
    assert (len(found), counters.bad_fcs) == (1, 0)


def test_prisms_header_is_passed_over() -> None:
    found, counters = take(LINK_PRISM, b"\x44\0\0\0\x90\0\0\0" + bytes(136) + BEACON, b"\x44\0\0\0\xff\xff\0\0")
    assert (len(found), counters.malformed) == (1, 1)


def test_avs_header_is_passed_over() -> None:
    assert len(take(LINK_PRISM, b"\x80\x21\x10\x01\0\0\0\x40" + bytes(56) + BEACON)[0]) == 1


def test_a_header_with_ht_control_is_longer() -> None:
    frame = bytes((BEACON[0], 0x80)) + BEACON[2:24] + bytes(4) + BEACON[24:]
    assert len(take(LINK_80211, frame)[0]) == 1


@pytest.mark.parametrize(
    "frame",
    [
        make.beacon(SENDER, make.element(0, make.odid_element(1, pack()))),
        make.beacon(SENDER, make.element(221, b"\x00\x50\xf2" + make.odid_element(1, pack()))),
        make.beacon(SENDER, make.element(221, b"\xfa\x0b\xbc\x0e" + pack())),
        make.nan_action(SENDER, make.nan_service(1, pack(), service=b"abcdef")),
        make.nan_action(SENDER, b"\x04" + make.nan_service(1, pack())[1:]),
        bytes((BEACON[0], 0x04)) + BEACON[2:],
        bytes((NAN[0], 0x40)) + NAN[2:],
        BEACON[:22] + bytes((BEACON[22] | 1,)) + BEACON[23:],
        bytes((0x08,)) + BEACON[1:],
        bytes((0x40,)) + BEACON[1:],
        bytes((0x81,)) + BEACON[1:],
        NAN[:24] + b"\x04\x09\x50\x6f\x9a\x09" + NAN[30:],
        b"\xd4\x00\x00\x00\xff\xff\xff\xff\xff\xff",
    ],
    ids=[
        "in a name",
        "in another vendor's element",
        "another type of the vendor",
        "another service",
        "another attribute",
        "first fragment",
        "encrypted",
        "later fragment",
        "data frame",
        "probe request",
        "another version",
        "another action",
        "acknowledgement",
    ],
)
def test_what_only_looks_like_it_is_nothing(frame: bytes) -> None:
    found, counters = take(LINK_80211, frame)
    assert found == []
    assert counters == FrameCounters(frames=1)


@pytest.mark.parametrize(
    "element",
    [
        make.odid_element(1, pack()[:-1]),
        make.odid_element(1, MESSAGE[:-1]),
        make.odid_element(1, b"\xf2\x19\x00" + MESSAGE),
        make.odid_element(1, b"\xf2\x1a\x03" + pack()[3:]),
        make.odid_element(1, b""),
        make.element(221, b"\xfa\x0b\xbc\x0d"),
        make.odid_element(1, pack())[:-1],
        make.dji_element(b"abcdef")[:-1],
    ],
    ids=[
        "pack short",
        "message short",
        "pack of none",
        "messages of 26 bytes",
        "no payload",
        "no counter",
        "element ends beyond the frame",
        "DJI's element ends beyond the frame",
    ],
)
def test_lengths_that_do_not_fit_are_counted(element: bytes) -> None:
    found, counters = take(LINK_80211, make.beacon(SENDER, element))
    assert (found, counters.malformed) == ([], 1)


def test_what_follows_the_payload_is_left_away() -> None:
    elements = make.odid_element(1, pack(1) + b"more") + make.odid_element(2, MESSAGE + b"more")
    found, _ = take(LINK_80211, make.beacon(SENDER, elements))
    assert [item.payload for item in found] == [pack(1), MESSAGE]


@pytest.mark.parametrize(
    ("control", "between"),
    [
        (0x50, b"\x01\x02"),
        (0x14, b"\x03abc"),
        (0x18, b"\x02ab"),
        (0x5C, b"\x01\x02\x01a\x00"),
    ],
)
def test_optional_parts_of_a_nan_service(control: int, between: bytes) -> None:
    information = bytes((5,)) + pack(1)
    content = bytes.fromhex("8869199d9209 01 00") + bytes((control,)) + between
    content += bytes((len(information),)) + information
    attribute = b"\x03" + len(content).to_bytes(2, "little") + content
    found, counters = take(LINK_80211, make.nan_action(SENDER, b"\x0e\x04\x00\x01\x00\x02\x00" + attribute))
    assert [(item.counter, item.payload) for item in found if isinstance(item, Heard)] == [(5, pack(1))]
    assert counters.malformed == 0


def test_a_nan_service_without_information_is_no_error() -> None:
    content = bytes.fromhex("8869199d9209 01 00 01")
    found, counters = take(LINK_80211, make.nan_action(SENDER, b"\x03\x09\x00" + content))
    assert (found, counters.malformed) == ([], 0)


@pytest.mark.parametrize("short", range(1, len(make.nan_service(9, pack(1))) - 9))
def test_a_nan_attribute_that_ends_early_is_counted(short: int) -> None:
    found, counters = take(LINK_80211, make.nan_action(SENDER, make.nan_service(9, pack(1))[:-short]))
    assert (found, counters.malformed) == ([], 1)
