"""Arrays in, arrays out: FFT, floor, detection, clustering, evidence, classification.

In: a block of int16 I/Q and its header. Out: a RESULT record. No processes, clocks, logging or config; imports the base
files only.
"""

from .config import DspConfig, frame_for_rate
from .pipeline import Pipeline
from .warm import warm_up

__all__ = ["DspConfig", "Pipeline", "frame_for_rate", "warm_up"]
