"""One libiio buffer with one kernel block: int16 out of it with a single copy, and when it began to fill."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ndefender.errors import SourceLost
from ndefender.radio.clip import copy_and_count
from ndefender.radio.iio_library import block_error, reason
from ndefender.units import NS_PER_S

WORDS_PER_SAMPLE = 2  # I and Q
WORD_BYTES = 2


@dataclass(frozen=True, slots=True)
class Filled:
    """A block that was read.

    Args:
        host_ns: CLOCK_MONOTONIC of its first sample.
        uncertainty_ns: half-width of the error.
        clipped_samples: samples with I or Q at full scale.
    """

    host_ns: int
    uncertainty_ns: int
    clipped_samples: int


class IioBuffer:
    """A receive buffer of fixed length that fills on demand.

    Creating it starts the first block; every later refill first queues the block that was read before. So a block
    read through `read_into` began to fill after the call, or, the first one, after the creation: never before a
    retune that was finished by then.

    Args:
        iio: libiio's binding.
        device: the receive device with its two channels enabled and one kernel buffer.
        uri: for messages.
        n_samples: complex samples of a block.
        rate_hz: sample rate, for the times.
    Raises:
        SourceLost: the device cannot open it.
    """

    def __init__(self, iio: ModuleType, device: Any, uri: str, n_samples: int, rate_hz: float) -> None:
        self.n_samples = n_samples
        self._iio = iio
        self._uri = uri
        self._duration_ns = round(n_samples * NS_PER_S / rate_hz)
        self._least_spare_ns: int | None = None
        self._created_from_ns = time.monotonic_ns()
        try:
            self._buffer = self._iio.Buffer(device, n_samples, False)
        except OSError as error:
            raise SourceLost(f"{uri}: buffer of {n_samples} samples: {reason(error)}") from error
        self._created_by_ns = time.monotonic_ns()
        self._first = True
        self._address = 0
        self._words: NDArray[np.int16] = np.empty(0, np.int16)

    def read_into(self, out: NDArray[np.int16], clip_limit: int, timeout_s: float) -> Filled:
        """Take the next block.

        Args:
            out: int16, shape (n_samples, 2), C-contiguous.
            clip_limit: |I| or |Q| at or beyond it counts as clipped.
            timeout_s: libiio's time-out, to tell it from a lost connection.
        Raises:
            SourceTimeout, SourceLost: the buffer cannot be used any more.
        """
        called_ns = time.monotonic_ns()
        try:
            self._buffer.refill()
        except OSError as error:
            raise block_error(self._uri, error, (time.monotonic_ns() - called_ns) / NS_PER_S, timeout_s) from error
        returned_ns = time.monotonic_ns()
        host_ns, uncertainty_ns = self._began(called_ns, returned_ns)
        clipped = copy_and_count(self._view(), out.reshape(-1), clip_limit)
        return Filled(host_ns, uncertainty_ns, int(clipped))

    def _began(self, called_ns: int, returned_ns: int) -> tuple[int, int]:
        """Bound when the block's first sample was taken.

        It began after the request left and at least its own duration before the answer. What the answer took beyond
        the quickest one of this length is the most by which it may have begun later than that one did; the transfer,
        which is the larger part and the same every time, drops out.
        """
        if self._first:
            self._first = False
            middle_ns = (self._created_from_ns + self._created_by_ns) // 2
            return middle_ns, (self._created_by_ns - self._created_from_ns + 1) // 2
        spare_ns = max(0, returned_ns - called_ns - self._duration_ns)
        known_ns = self._least_spare_ns
        self._least_spare_ns = spare_ns if known_ns is None else min(known_ns, spare_ns)
        round_trip_ns = self._created_by_ns - self._created_from_ns  # an upper bound of the way there
        late_ns = min(spare_ns, spare_ns - self._least_spare_ns + round_trip_ns) if known_ns is not None else spare_ns
        return called_ns + late_ns // 2, (late_ns + 1) // 2

    def _view(self) -> NDArray[np.int16]:
        """Return the driver's memory as int16; valid until the next refill."""
        start = int(self._iio._buffer_start(self._buffer._buffer) or 0)
        stop = int(self._iio._buffer_end(self._buffer._buffer) or 0)
        n_words = self.n_samples * WORDS_PER_SAMPLE
        if not start or stop - start < n_words * WORD_BYTES:
            raise SourceLost(f"{self._uri}: a block of {stop - start} bytes instead of {n_words * WORD_BYTES}")
        if start != self._address:
            self._address = start
            self._words = np.ctypeslib.as_array((ctypes.c_int16 * n_words).from_address(start))
        return self._words
