"""One pass from the driver's buffer into the caller's: copy and count the clipped samples."""

from __future__ import annotations

from typing import Protocol, cast

import numba
import numpy as np
from numpy.typing import NDArray


class CopyAndCount(Protocol):
    """Signature of the compiled kernel."""

    def __call__(self, source: NDArray[np.int16], out: NDArray[np.int16], limit: int) -> int:
        """See `_copy_and_count`."""
        ...


def _copy_and_count(source: NDArray[np.int16], out: NDArray[np.int16], limit: int) -> int:
    """Copy interleaved I/Q and count the samples at full scale.

    Args:
        source: int16, shape (2 n,), I then Q.
        out: int16, shape (2 n,), written.
        limit: |I| or |Q| at or beyond this is clipped; one below full scale, the largest positive value.
    Returns:
        Samples of which I or Q is clipped.
    """
    clipped = 0
    for i in range(source.size // 2):
        real = source[2 * i]
        imag = source[2 * i + 1]
        out[2 * i] = real
        out[2 * i + 1] = imag
        clipped += (real >= limit) | (real <= -limit) | (imag >= limit) | (imag <= -limit)
    return clipped


copy_and_count = cast("CopyAndCount", numba.njit(nogil=True, cache=True)(_copy_and_count))


def copy_and_count_naive(source: NDArray[np.int16], out: NDArray[np.int16], limit: int) -> int:
    """Do the same with numpy; the oracle of `copy_and_count`."""
    out[:] = source
    pairs = np.abs(source.reshape(-1, 2).astype(np.int32)) >= limit
    return int(np.count_nonzero(pairs.any(axis=1)))
