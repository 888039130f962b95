"""What the receiver itself makes: IQ images, the DC line, splatter of a keyed carrier, products of clipping.

Each is recognised by the stronger emission that causes it, never by blanking a part of the band.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .spans import BURST_BOX, HIGH, INTEGRATED_BOX, KIND, LOW, POWER, START, STOP

IMAGE_RATIO = 160.0  # 22 dB: an uncalibrated AD9361 rejects its image by at least this much
SPLATTER_RATIO = 100.0  # skirts of a keyed or clipped signal lie at least 20 dB below it
CLIP_RATIO = 4.0  # products of clipping lie at least 6 dB below
DC_BINS = 3.0
RESIDUE_BINS = 24.0
CLIP_PPM = 200.0  # more clipped samples than this make products worth distrusting


@kernel
def is_artefact(weak: NDArray[np.float64], strong: NDArray[np.float64], n_fft: int, clipped: bool) -> bool:
    """Whether a burst exists only because a stronger one does.

    Args:
        weak, strong: float64, shape (BURST_COLUMNS,).
        n_fft: bins; the LO is in the middle. Also the length of a frame in samples.
        clipped: the block holds clipped samples.
    """
    below = strong[POWER] / max(weak[POWER], 1e-30)
    common = min(weak[STOP], strong[STOP]) - max(weak[START], strong[START])
    if below < CLIP_RATIO or common < 0.8 * (weak[STOP] - weak[START]):
        return False
    lasting, strong_lasting = weak[KIND] != BURST_BOX, strong[KIND] != BURST_BOX
    if clipped and (strong_lasting or not lasting):
        return True
    width, reach = weak[HIGH] - weak[LOW], 0.5 * (strong[HIGH] - strong[LOW]) + 8.0
    mirrored = min(weak[HIGH], n_fft + 1 - strong[LOW]) - max(weak[LOW], n_fft + 1 - strong[HIGH])
    if below > IMAGE_RATIO and mirrored > 0.6 * width:
        return True
    if weak[KIND] == INTEGRATED_BOX:
        reach *= 2.0  # skirts of frequency modulation are long and flat
        lasting = False
    near = weak[HIGH] > strong[LOW] - reach and weak[LOW] < strong[HIGH] + reach
    brief = weak[STOP] - weak[START] <= 3 * n_fft
    at_edge = min(abs(weak[START] - strong[START]), abs(weak[STOP] - strong[STOP])) <= 4 * n_fft
    return below > SPLATTER_RATIO and ((near and not lasting) or (brief and at_edge))


@kernel
def is_dc(burst: NDArray[np.float64], n_fft: int) -> bool:
    """Whether a lasting line sits exactly on the LO."""
    middle, width = 0.5 * (burst[LOW] + burst[HIGH] - 1.0) - 0.5 * n_fft, burst[HIGH] - burst[LOW]
    if burst[KIND] == INTEGRATED_BOX:  # what is left of the offset after its median was taken away, smeared by noise
        return bool(abs(middle) < max(DC_BINS, 0.5 * width) and width < RESIDUE_BINS)
    return bool(burst[KIND] != BURST_BOX and abs(middle) < DC_BINS and width < 2 * DC_BINS)


@kernel
def drop_artefacts(bursts: NDArray[np.float64], n_fft: int, clipped: bool, keep: NDArray[np.uint8]) -> None:
    """Mark what the receiver made.

    Args:
        bursts: float64, shape (n, BURST_COLUMNS), strongest first.
        n_fft: bins.
        clipped: the block holds clipped samples.
        keep: uint8, shape (n,), written: 0 for artefacts.
    """
    for i in range(bursts.shape[0]):
        keep[i] = 0 if is_dc(bursts[i], n_fft) else 1
        for k in range(i):
            if keep[i] == 0:
                break
            if keep[k] != 0 and is_artefact(bursts[i], bursts[k], n_fft, clipped):
                keep[i] = 0
