from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ndefender.radio.clip import copy_and_count, copy_and_count_naive


@given(arrays(np.int16, st.integers(0, 200).map(lambda n: 2 * n)), st.sampled_from([1, 2047, 32767]))
def test_it_copies_and_counts_as_its_naive_twin(source: np.ndarray, limit: int) -> None:
    fast, naive = np.zeros_like(source), np.zeros_like(source)
    assert copy_and_count(source, fast, limit) == copy_and_count_naive(source, naive, limit)
    np.testing.assert_array_equal(fast, source)
    np.testing.assert_array_equal(naive, source)


def test_full_scale_of_twelve_bits() -> None:
    source = np.array([2047, 0, 0, -2048, 2046, -2046, -2047, 2047], np.int16)
    assert copy_and_count(source, np.zeros_like(source), 2047) == 3
