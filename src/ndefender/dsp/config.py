"""What the pipeline can be told. One frozen record; the pipeline sizes its memory from it once."""

from __future__ import annotations

import math
from dataclasses import dataclass

MIN_FFT = 64
MAX_FFT = 2048


@dataclass(frozen=True, slots=True)
class DspConfig:
    """Settings of one pipeline.

    Args:
        n_fft: STFT length in bins, a power of two, 64..2048.
        overlap_ratio: 0 or 0.5.
        false_alarms_per_dwell: stated false-alarm probability of a whole dwell, all tests together.
        fine: split and time bursts on the emission's own envelope instead of on whole frames (recordings).
        max_evidence_samples: input samples an emission's evidence may cost.
    """

    n_fft: int = 2048
    overlap_ratio: float = 0.0
    false_alarms_per_dwell: float = 1e-4
    fine: bool = False
    max_evidence_samples: int = 1 << 15

    @property
    def hop_samples(self) -> int:
        """Samples from one frame to the next."""
        return self.n_fft if self.overlap_ratio == 0 else self.n_fft // 2


def frame_for_rate(rate_hz: float, n_samples: int) -> int:
    """Choose an STFT length for a recording whose emissions are unknown.

    About ten microseconds: short enough for the shortest Wi-Fi acknowledgement, long enough for 100-kHz bins; never so
    long that the recording has fewer than 64 frames.

    Args:
        rate_hz: sample rate.
        n_samples: length of the block.
    Returns:
        A power of two, 64..2048.
    """
    wanted = min(rate_hz * 10e-6, n_samples / 64)
    return int(min(MAX_FFT, max(128 if n_samples >= 8192 else MIN_FFT, 2 ** math.floor(math.log2(max(wanted, 1))))))
