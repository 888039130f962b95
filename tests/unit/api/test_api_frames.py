"""WebSocket frames against the websockets package, and the layout of a spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from ndefender.api.frames import SPECTRUM_HEADER, binary_frame, spectrum_bytes, text_frame
from ndefender.api.ports import Spectrum


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_frames_are_what_the_standard_says(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert binary_frame(payload) == Frame(Opcode.BINARY, payload).serialize(mask=False)


def test_one_event_is_one_object_for_all_clients() -> None:
    event = b'{"seq":1}'
    assert text_frame(event) is text_frame(bytes(bytearray(event)))


@example(band="aéééééééé", bins=1, timestamp=0, simulated=False)
@given(
    band=st.text("abc012é", min_size=1, max_size=20),
    bins=st.integers(0, 50),
    timestamp=st.integers(0, 2**53),
    simulated=st.booleans(),
)
def test_a_spectrum_reads_back(band: str, bins: int, timestamp: int, simulated: bool) -> None:
    mean_db = np.linspace(-120, 0, bins, dtype=np.float32)
    spectrum = Spectrum(band, 2.4e9, 3e4, mean_db, mean_db + 3, timestamp, simulated)
    data = spectrum_bytes(spectrum)
    assert len(data) == 64 + 8 * bins
    magic, size, flags, when, start_hz, bin_hz, count, _, name = SPECTRUM_HEADER.unpack_from(data)
    assert (magic, size, flags, when, count) == (b"NDS1", 64, int(simulated), timestamp, bins)
    assert (start_hz, bin_hz) == (2.4e9, 3e4)
    assert band.startswith(name.rstrip(b"\0").decode())
    levels = np.frombuffer(data, "<f4", offset=size)
    assert np.array_equal(levels[:bins], mean_db)
    assert np.array_equal(levels[bins:], mean_db + 3)
