"""The analysis pipeline as the workers use it; importing this imports Numba and pyFFTW."""

from __future__ import annotations

from ndefender.config.settings import Settings
from ndefender.dsp.config import DspConfig
from ndefender.dsp.pipeline import Pipeline
from ndefender.dsp.warm import warm_up as warm_up_kernels


def dsp_config(settings: Settings) -> DspConfig:
    """Map `[dsp]`."""
    return DspConfig(
        n_fft=settings.dsp.n_fft,
        overlap_ratio=settings.dsp.overlap_ratio,
        false_alarms_per_dwell=settings.dsp.false_alarms_per_dwell,
    )


def make_pipeline(settings: Settings, max_samples: int) -> Pipeline:
    """Build the pipeline of one worker."""
    return Pipeline(dsp_config(settings), max_samples)


def warm_up(settings: Settings) -> None:
    """Compile every kernel, or load it from Numba's cache."""
    warm_up_kernels(dsp_config(settings))
