"""Open Drone ID for all messages and all bytes: written and read is the same, read and written is the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.odid_values import BY_TYPE, MESSAGES

from ndefender.remoteid.odid import location
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.message import Message, decode, decode_one, encode, encode_pack
from ndefender.remoteid.odid.values import BadMessage

WEST, MULTIPLIER = 0x02, 0x01


def canonical(data: bytes) -> bytes:
    """The one spelling that is written, of a Location that has another: by the layout, not by the encoder."""
    if data[0] >> 4 != 1:
        return data
    made = bytearray(data)
    if made[2] >= 180 and not made[1] & WEST:
        made[1], made[2] = made[1] | WEST, made[2] - 180
    if made[3] == 0 and made[1] & MULTIPLIER:
        made[1], made[3] = made[1] & ~MULTIPLIER, 255
    return bytes(made)


def sized(kind: int) -> st.SearchStrategy[bytes]:
    """25 bytes of a type: any, or with fields that are empty, as most are."""
    body = st.binary(min_size=24, max_size=24)
    sparse = st.lists(st.sampled_from([0, 0, 0, 1, 0x41, 0x7F, 0x80, 0xB5, 0xFF]), min_size=24, max_size=24).map(bytes)
    return st.tuples(st.integers(0, 15), body | sparse).map(lambda made: bytes((kind << 4 | made[0],)) + made[1])


@pytest.mark.parametrize("kind", BY_TYPE, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_message_comes_back_from_its_bytes(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(BY_TYPE[kind])
    written = encode(message)
    assert len(written) == 25
    assert decode(written) == (message,)
    assert type(decode_one(written)) is kind


@pytest.mark.parametrize("kind", range(6))
@given(data=st.data())
def test_bytes_come_back_from_their_message(kind: int, data: st.DataObject) -> None:
    given_bytes = canonical(data.draw(sized(kind)))
    assert encode(decode_one(given_bytes)) == given_bytes


@given(st.lists(MESSAGES, min_size=1, max_size=9), st.integers(2, 15), st.binary(max_size=60))
def test_a_pack_comes_back_whatever_stands_behind_it(messages: list[Message], version: int, behind: bytes) -> None:
    written = encode_pack(messages)
    assert decode(written) == tuple(messages)
    assert encode_pack(decode(written)) == written
    as_new = bytes((0xF0 | version,)) + written[1:]
    assert decode(as_new + behind) == tuple(messages)


@settings(max_examples=300)
@given(st.binary(max_size=300), st.sampled_from([None, 0xF0, 0xF2, 0x10, 0x12]), st.integers(0, 12))
def test_any_bytes_are_messages_or_refused(data: bytes, first: int | None, number: int) -> None:
    if first is not None and len(data) > 3:
        data = bytes((first, 25, number)) + data[3:] if first >= 0xF0 else bytes((first,)) + data[1:]
    try:
        messages = decode(data)
    except BadMessage as refused:
        assert str(refused)
        return
    assert messages
    for message in messages:
        assert decode_one(encode(message)) == message


@given(st.floats(), st.floats())
def test_no_number_is_clipped_in_silence(lat_deg: float, speed_m_s: float) -> None:
    """What is written is read again within half a step; everything else is refused."""
    try:
        read = location.read(encode(Location(lat_deg=lat_deg, lon_deg=1.0, speed_m_s=speed_m_s)))
    except BadMessage:
        assert not (-200 <= lat_deg <= 200 and 0 <= speed_m_s <= 254.25)
        return
    assert read.lat_deg is not None and abs(read.lat_deg - lat_deg) <= 0.51e-7
    assert read.speed_m_s is not None and abs(read.speed_m_s - speed_m_s) <= 0.376
