from __future__ import annotations

import numpy as np
import pytest

from ndefender.errors import RecordingError
from ndefender.radio.sampleformat import Peak, choose_scaling, convert, measure, pairs, parse_format


def converted(name: str, values: list[list[float]], stated: float | None = None) -> tuple[list[list[int]], int, float]:
    fmt = parse_format(name, "test")
    raw = np.array(values).astype(fmt.dtype)
    stored = pairs(np.frombuffer(raw.tobytes(), np.uint8), fmt)
    scaling = choose_scaling(fmt, measure(stored, fmt, Peak(0.0, 0)) if fmt.wide else Peak(0.0, 0), stated)
    out = np.empty(stored.shape, np.int16)
    clipped = convert(stored, fmt, scaling, out)
    return out.tolist(), clipped, scaling.full_scale


@pytest.mark.parametrize(
    ("name", "canonical", "size"),
    [
        ("cf64_le", "cf64_le", 16),
        ("cf64_be", "cf64_be", 16),
        ("cf32", "cf32_le", 8),
        ("CF32_LE", "cf32_le", 8),
        ("ci32_be", "ci32_be", 8),
        ("cu32_le", "cu32_le", 8),
        ("ci16", "ci16_le", 4),
        ("cs16", "ci16_le", 4),
        ("sc16", "ci16_le", 4),
        ("cu16_be", "cu16_be", 4),
        ("ci8", "ci8", 2),
        ("cs8", "ci8", 2),
        ("ci8_be", "ci8", 2),
        ("cu8", "cu8", 2),
        ("fc32", "cf32_le", 8),
        ("complex64", "cf32_le", 8),
        ("complex128", "cf64_le", 16),
    ],
)
def test_names_and_aliases(name: str, canonical: str, size: int) -> None:
    fmt = parse_format(name, "test")
    assert (fmt.name, fmt.sample_bytes) == (canonical, size)


@pytest.mark.parametrize("name", ["rf32_le", "ri16_be", "ru8", "rf64"])
def test_real_samples_are_refused_by_name(name: str) -> None:
    with pytest.raises(RecordingError, match=rf"here: datatype '{name}' holds real samples"):
        parse_format(name, "here")


@pytest.mark.parametrize("name", ["", "cf16", "ci24_le", "ci16_me", "cf32_le ; x", "f32"])
def test_unknown_types_are_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(RecordingError, match="unknown; allowed: cf64 cf32 ci32"):
        parse_format(name, "here")


def test_ci8_is_shifted_exactly() -> None:
    assert converted("ci8", [[-128, 127], [0, 1]]) == ([[-32768, 32512], [0, 256]], 1, 32768.0)


def test_cu8_is_centred_between_128_and_127() -> None:
    out, clipped, full_scale = converted("cu8", [[0, 255], [127, 128], [1, 254]])
    assert out == [[-32640, 32640], [-128, 128], [-32384, 32384]]
    assert (clipped, full_scale) == (1, 32768.0)


@pytest.mark.parametrize("order", ["le", "be"])
def test_ci16_passes_unchanged(order: str) -> None:
    values = [[-32768, 32767], [2047, -2048], [0, 258]]
    assert converted(f"ci16_{order}", values) == (values, 1, 32768.0)


def test_ci16_of_a_12_bit_radio_clips_at_12_bits() -> None:
    assert converted("ci16_le", [[2047, 0], [0, -2048], [2046, -2046]], stated=2048.0)[1:] == (2, 2048.0)


@pytest.mark.parametrize("order", ["le", "be"])
def test_cu16_is_offset_binary(order: str) -> None:
    assert converted(f"cu16_{order}", [[0, 65535], [32768, 32769]])[0] == [[-32768, 32767], [0, 1]]


@pytest.mark.parametrize("name", ["ci32_le", "ci32_be", "cu32_le"])
def test_32_bit_integers_keep_sign_and_size(name: str) -> None:
    middle = 2**31 if name.startswith("cu") else 0
    out, clipped, full_scale = converted(name, [[middle + 2**30, middle - 2**30], [middle - 2**31, middle]])
    assert out == [[16384, -16384], [-32767, 0]]
    assert (clipped, full_scale) == (1, 32767.0)


def test_quiet_32_bit_integers_are_raised_and_full_scale_with_them() -> None:
    out, _, full_scale = converted("ci32_le", [[1000, -500], [250, 0]])
    assert abs(out[0][0]) >= 16384
    assert out[0][0] / full_scale == pytest.approx(1000 / 2**31, rel=1e-3)


@pytest.mark.parametrize("name", ["cf32_le", "cf32_be", "cf64_le", "cf64_be"])
def test_floats_within_one_keep_their_full_scale(name: str) -> None:
    out, clipped, full_scale = converted(name, [[1.0, -1.0], [0.5, -0.25], [0.0, 0.99]])
    assert out == [[32767, -32767], [16384, -8192], [0, 32439]]
    assert (clipped, full_scale) == (1, 32767.0)


def test_an_arbitrary_scale_is_normalised_by_its_maximum_and_nothing_clips() -> None:
    out, clipped, full_scale = converted("cf32_le", [[982.0, -982.0], [491.0, 1.0]])
    assert out == [[32767, -32767], [16384, 33]]
    assert (clipped, full_scale) == (0, 32767.0)


@pytest.mark.parametrize("peak", [0.2499, 0.01, 0.003, 1e-6, 3e-38, 1e-42, 1e-300])
def test_a_quiet_file_is_raised_by_a_power_of_two(peak: float) -> None:
    out, clipped, full_scale = converted("cf64_le" if peak < 1e-40 else "cf32_le", [[peak, -peak / 2], [0.0, 0.0]])
    assert 0.25 * 32767 <= out[0][0] <= 32767
    assert np.log2(full_scale / 32767.0) % 1.0 == 0.0
    assert out[0][0] / full_scale == pytest.approx(peak, rel=1e-3) if peak > 1e-270 else out[0][0] > 0
    assert clipped == 0


def test_denormals_do_not_overflow() -> None:
    out, _, _ = converted("cf64_le", [[5e-324, 0.0]])
    assert out == [[0, 0]]


def test_huge_floats_do_not_overflow() -> None:
    assert converted("cf32_le", [[3e38, -1.5e38]])[0] == [[32767, -16384]]
    assert converted("cf64_le", [[1.7e308, -1.7e308]])[0] == [[32767, -32767]]


def test_zeros_stay_zeros() -> None:
    assert converted("cf32_le", [[0.0, 0.0]]) == ([[0, 0]], 0, 32767.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_samples_are_counted_and_become_zero_and_do_not_spoil_the_scale(bad: float) -> None:
    fmt = parse_format("cf32_le", "test")
    stored = np.array([[0.5, bad], [bad, bad], [0.5, -0.5]], "<f4")
    peak = measure(stored, fmt, Peak(0.1, 3))
    assert peak == Peak(0.5, 5)
    out = np.empty((3, 2), np.int16)
    assert convert(stored, fmt, choose_scaling(fmt, peak), out) == 0
    assert out.tolist() == [[0, 0], [0, 0], [16384, -16384]]
