"""The short look at every narrow burst of a dwell, all of them in one call.

Each is brought to zero frequency and to its own rate; then its envelope, its instantaneous frequency and, where the
envelope allows, chirps are measured. What a look cannot decide is left to `features`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from . import evidence as ev
from .baseband import MAX_STEP, OVERSAMPLING, Downconverter, extract_into, padded_length
from .jit import kernel

MIN_SAMPLES = 32  # fewer tell nothing
CONSTANT_CV = 0.36  # envelope of FM, FSK and LoRa down to about 10 dB SNR; OFDM and noise are at 0.52
ENVELOPE_OUTPUTS = 1 << 12  # the envelope's spread is then known to two per cent

# columns of a look's result
SAMPLES, CV, DEVIATION, BIMODALITY, SPREADING, LORA_HZ = range(6)
LOOK_COLUMNS = 6


@kernel
def look(
    iq: NDArray[np.int16],
    places: NDArray[np.int64],
    shapes: NDArray[np.float64],
    bank: NDArray[np.float64],
    taps: NDArray[np.float32],
    turns: NDArray[np.float32],
    x: NDArray[np.complex64],
    f: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None:
    """Look at narrow bursts.

    Args:
        iq: int16, shape (2·n,), interleaved.
        places: int64, shape (m, 3): first sample, samples, decimation.
        shapes: float64, shape (m, 3): radians per input sample, rate after decimation in Hz, bandwidth in Hz.
        bank, taps, turns: filters and work space of the downconverter.
        x: complex64, work space.
        f: float32, as long, work space.
        out: float64, shape (m, LOOK_COLUMNS), written.
    """
    moments, slope = np.zeros(5), np.zeros(2)
    for i in range(places.shape[0]):
        start, count, step = places[i, 0], places[i, 1], places[i, 2]
        omega, rate, width = shapes[i, 0], shapes[i, 1], shapes[i, 2]
        prototype = bank[step, : padded_length(step)]
        n, _ = extract_into(iq, start, start + count, omega, step, prototype, taps, turns, x)
        out[i, :] = 0.0
        out[i, SAMPLES] = n
        if n < MIN_SAMPLES:
            continue
        y = x[:n]
        cv = ev.envelope_cv(y[:ENVELOPE_OUTPUTS])
        lora = ev.nearest_lora(width) if cv < CONSTANT_CV else 0.0
        spreading = ev.narrow_tests(y, rate, width, lora, f, slope, moments)
        out[i, CV], out[i, SPREADING], out[i, LORA_HZ] = cv, spreading, lora
        out[i, DEVIATION], out[i, BIMODALITY] = ev.two_level(moments, rate)


def decimations(rate_hz: float, bandwidths_hz: NDArray[np.float64]) -> NDArray[np.int64]:
    """Vector form of `baseband.decimation`."""
    kept_hz = np.maximum(OVERSAMPLING * bandwidths_hz, rate_hz / MAX_STEP)
    return np.asarray(np.maximum(1, rate_hz / kept_hz), dtype=np.int64)


class NarrowLooks:
    """Memory of the looks.

    Args:
        downconverter: whose filters and memory are used.
        least_in: input samples of a look ...
        least_out: ... unless that leaves fewer than this at a burst's own rate.
        max_looks: bursts of one dwell.
    """

    def __init__(self, downconverter: Downconverter, least_in: int, least_out: int, max_looks: int) -> None:
        self._down = downconverter
        self._least = least_in, least_out
        self._places = np.zeros((max_looks, 3), dtype=np.int64)
        self._shapes = np.zeros((max_looks, 3))
        self._out = np.zeros((max_looks, LOOK_COLUMNS))
        self._frequency = np.zeros(len(downconverter.out), dtype=np.float32)

    def take(
        self,
        iq: NDArray[np.int16],
        spans: NDArray[np.int64],
        rate_hz: float,
        offsets_hz: NDArray[np.float64],
        bandwidths_hz: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Look at the middle of every burst: its edges are only known to a frame.

        Args:
            iq: int16, shape (2·n,), interleaved.
            spans: int64, shape (m, 2): first and end sample.
            rate_hz: sample rate.
            offsets_hz, bandwidths_hz: float64, shape (m,): centre relative to the LO, and occupied bandwidth.
        Returns:
            float64, shape (m, LOOK_COLUMNS), valid until the next call.
        """
        m = len(spans)
        places, shapes, out = self._places[:m], self._shapes[:m], self._out[:m]
        steps = decimations(rate_hz, bandwidths_hz)
        for step in set(steps.tolist()):
            self._down.filters.need(step)
        least_in, least_out = self._least
        lengths = spans[:, 1] - spans[:, 0]
        taken = np.maximum(least_in, least_out * steps)
        places[:, 0] = spans[:, 0] + np.maximum(0, lengths - taken) // 2
        places[:, 1] = np.minimum(taken, spans[:, 1] - places[:, 0])
        places[:, 2] = steps
        shapes[:, 0] = 2 * math.pi / rate_hz * offsets_hz
        shapes[:, 1] = rate_hz / steps
        shapes[:, 2] = bandwidths_hz
        down = self._down
        look(iq, places, shapes, down.filters.bank, down.taps, down.turns, down.out, self._frequency, out)
        return out
