"""Compiles every kernel once, before workers start, so that N workers do not compile the same thing at once."""

from __future__ import annotations

import numpy as np

from ..records import BLOCK, RESULT
from .config import DspConfig
from .pipeline import Pipeline


def warm_up(config: DspConfig) -> None:
    """Run a pipeline over a short made-up block that reaches every kernel; results go to numba's cache.

    Args:
        config: as the workers will use it.
    """
    n = 64 * config.hop_samples + config.n_fft
    rate = 30_000.0 * config.n_fft
    pipeline = Pipeline(config, n)
    rng = np.random.default_rng(1)
    t = np.arange(n)
    iq = rng.normal(0, 20, (n, 2))
    low, high = n // 4, 3 * n // 4
    for i, (offset, chips, amplitude) in enumerate(((-0.25, 61, 300.0), (0.1, 3, 200.0), (0.3, 0, 150.0))):
        noise = rng.normal(size=n)
        phase = 2 * np.pi * offset * t + (
            np.cumsum(np.repeat(rng.choice((-1, 1), n // chips + 1), chips)[:n]) * 0.5 / chips if chips else 0
        )
        wave = amplitude * np.exp(1j * phase) * (noise if chips == 3 else 1)
        span = slice(0, n) if i == 2 else slice(low, high)
        iq[span, 0] += wave.real[span]
        iq[span, 1] += wave.imag[span]
    block = np.zeros(1, dtype=BLOCK)[0]
    block["n_samples"], block["rate_hz"], block["center_hz"], block["full_scale"] = n, rate, 2.44e9, 2048
    pipeline.analyse(np.clip(np.rint(iq), -2048, 2047).astype(np.int16), block, np.zeros(1, dtype=RESULT)[0])
