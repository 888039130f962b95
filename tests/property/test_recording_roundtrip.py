"""Whatever is written to a recording comes out of it again, in whatever blocks it is read."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ndefender.radio.recording import RecordingSource, open_raw
from ndefender.radio.source import BlockMeta, SourceInfo, Tuning
from ndefender.radio.writer import SigmfWriter

INFO = SourceInfo("antsdr", "ip:x", "", "", 7e7, 6e9, 5e5, 6e7, 5e7, 2048.0, False, False)
FORMATS = [
    "cf64_le",
    "cf64_be",
    "cf32_le",
    "cf32_be",
    "ci32_le",
    "ci32_be",
    "cu32_be",
    "cu16_le",
    "cu16_be",
    "ci8",
    "cu8",
]


@st.composite
def blocks(draw: st.DrawFn) -> list[tuple[int, float, int]]:
    """(samples, centre, samples lost before) of blocks one after the other."""
    return [
        (draw(st.integers(1, 50)), draw(st.sampled_from([1e9, 2e9])), draw(st.sampled_from([0, 0, 7])))
        for _ in range(draw(st.integers(1, 12)))
    ]


@given(blocks(), st.integers(1, 80))
@settings(deadline=None, max_examples=40)  # each syncs two files to disk
def test_samples_counters_centres_and_gaps_survive(wanted: list[tuple[int, float, int]], read_samples: int) -> None:
    rng = np.random.default_rng(3)
    truth: list[tuple[int, float]] = []  # counter and centre of every sample
    samples = []
    counter = 0
    with tempfile.TemporaryDirectory() as folder:
        with SigmfWriter(Path(folder) / "rec", INFO, 1e6, max_bytes=10**6) as writer:
            for n, center_hz, lost in wanted:
                counter += lost
                iq = rng.integers(-2048, 2048, (n, 2)).astype(np.int16)
                tuning = Tuning(center_hz, 1e6, 1e6, "manual", 0.0, "", n)
                contiguous = lost == 0 and bool(truth) and truth[-1][1] == center_hz
                meta = BlockMeta(counter, n, 0, 0, 10**18 + counter * 1000, tuning, 0, contiguous, 1)
                assert writer.write(iq, meta) == n
                samples.append(iq)
                truth += [(counter + i, center_hz) for i in range(n)]
                counter += n
        source = RecordingSource(writer.meta_path, clock_ns=lambda: 0)
        source.open()
        got, seen = [], []
        last = False
        end = None
        while not last:
            out = np.empty((read_samples, 2), np.int16)
            meta = source.read_into(out, 1.0)
            got.append(out[: meta.n_samples])
            seen += [(meta.first_sample + i, meta.tuning.center_hz) for i in range(meta.n_samples)]
            assert meta.unix_ns == 10**18 + meta.first_sample * 1000
            if meta.contiguous:
                assert meta.first_sample == end
            end = meta.first_sample + meta.n_samples
            last = meta.last
    assert seen == truth
    assert np.array_equal(np.concatenate(got), np.concatenate(samples))


def stored_values(name: str, seed: int, scale: float) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    """Random components as a format stores them, and the levels they stand for, 1.0 = full scale."""
    kind, bits = name[1], int("".join(c for c in name[2:] if c.isdigit()))
    dtype = np.dtype(f"{'>' if name.endswith('be') else '<'}{kind}{bits // 8}")
    wave = np.random.default_rng(seed).uniform(-1, 1, (200, 2))
    if kind == "f":
        stored = (wave * scale).astype(dtype)
        level = stored.astype(np.float64)
        return stored, level / max(1.0, np.abs(level).max())
    unit = 2.0 ** (bits - 1)
    middle = unit if kind == "u" else 0.0
    stored = np.floor(wave * unit * min(scale, 0.999) + middle).astype(dtype)
    centre = 127.5 if name == "cu8" else middle
    return stored, (stored.astype(np.float64) - centre) / unit


@given(st.sampled_from(FORMATS), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e4), st.integers(1, 200))
@settings(deadline=None)
def test_levels_relative_to_full_scale_survive_every_format(
    name: str, seed: int, scale: float, read_samples: int
) -> None:
    stored, level = stored_values(name, seed, scale)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw"
        path.write_bytes(stored.tobytes())
        source = open_raw(path, name, 1e6, None)
        full_scale = source.open().full_scale
        parts = []
        last = False
        while not last:
            out = np.empty((read_samples, 2), np.int16)
            meta = source.read_into(out, 1.0)
            parts.append(out[: meta.n_samples])
            last = meta.last
    got = np.concatenate(parts)
    assert np.abs(got / full_scale - level).max() <= 0.51 / full_scale + 2.0**-14 * np.abs(level).max()
    if name[1] == "f" or "32" in name:
        assert np.abs(got.astype(np.int32)).max() >= 0.25 * 32767  # small signals are not lost
