"""The two internal tables of a block: boxes (rectangles of the plane) and bursts (one emission each), as plain arrays.

Kernels read and write them by column; the names below are their columns.
"""

from __future__ import annotations

MAX_BOXES = 1024  # what is beyond is left to the next dwell

# columns of a box, int32
B_ROW, B_ROW_END, B_LOW, B_HIGH, B_KIND, B_SEEDS = range(6)
BOX_COLUMNS = 6
BURST_BOX, CONTINUOUS_BOX, INTEGRATED_BOX = range(3)  # kinds

# columns of a burst, float64
START, STOP = 0, 1  # samples
LOW, HIGH = 2, 3  # occupied band, fractional bins
POWER, NOISE, PEAK = 4, 5, 6  # in-band power above the floor, floor in the same bins, highest mean cell
FLATNESS, EDGE, CORE = 7, 8, 9  # 0..1, dB per bin, bins within 6 dB of the peak
BOX_LOW, BOX_HIGH = 10, 11  # band of its box, skirts included
FIRST, LAST = 12, 13  # frames it was measured on
KIND = 14  # as of its box; CONTINUOUS_BOX only if it really lasts
PULSED = 15  # 1 for joined pulses
ON = 16  # samples on, 0 where that is STOP - START
CENTROID = 17  # of the CORE, fractional bins
BURST_COLUMNS = 18
