"""Every record that crosses a process, as numpy dtypes. Metadata travels with samples.

A record is written by one process and read by others from shared memory, so field order and sizes are part of the
contract between them; all fields are naturally aligned and each dtype is a multiple of 64 bytes.
"""

from __future__ import annotations

import numpy as np

ALIGN_BYTES = 64  # one cache line on x86-64 and arm64
MAX_EMISSIONS = 256  # per dwell; more are counted in `truncated`, never silently dropped
SPECTRUM_BINS = 2048  # bins of the averaged and max-hold spectra that travel with every result

# --- flags of a block -------------------------------------------------------------------------------------------
BLOCK_SIMULATED = 1  # a simulated or emulated source produced it
BLOCK_CONTIGUOUS = 2  # continues the block before it without a missing sample
BLOCK_LAST = 4  # the recording ends with it
BLOCK_NO_CENTER = 8  # a recording without a centre frequency: frequencies are offsets from 0

# --- flags of an emission ---------------------------------------------------------------------------------------
EMISSION_CUT_START = 1  # already on when the block began
EMISSION_CUT_END = 2  # still on when the block ended
EMISSION_EDGE_LOW = 4  # touches the low edge of what the hop can see
EMISSION_EDGE_HIGH = 8  # touches the high edge of what the hop can see
EMISSION_CONTINUOUS = 16  # on for (nearly) the whole block
EMISSION_CONCLUSIVE = 32  # evidence that confirms a contact in one dwell
EMISSION_PULSED = 64  # on-off keyed: pulses with gaps, joined into one packet
EMISSION_INTEGRATED = 128  # found by integrated power only, below the per-cell threshold


def _padded(fields: list[tuple[str, object]]) -> np.dtype:
    """Build an aligned dtype and pad it to a multiple of ALIGN_BYTES."""
    size = np.dtype(fields, align=True).itemsize
    pad = -size % ALIGN_BYTES
    return np.dtype([*fields, ("_pad", f"V{pad}")] if pad else fields, align=True)


_BLOCK_FIELDS: list[tuple[str, object]] = [
    ("seq", "u8"),  # number of the dwell in its ring, from 1; 0 means nothing published
    ("first_sample", "i8"),  # sample counter of the source, exact within a dwell, runs on through contiguous dwells
    ("n_samples", "u8"),
    ("dwells_lost_before", "u8"),  # dwells dropped between the block before and this one
    ("host_ns", "i8"),  # CLOCK_MONOTONIC of the first sample
    ("host_uncertainty_ns", "i8"),
    ("unix_ns", "i8"),  # wall clock of the first sample
    ("captured_ns", "i8"),  # CLOCK_MONOTONIC when the last sample was in the ring
    ("center_hz", "f8"),
    ("rate_hz", "f8"),
    ("bandwidth_hz", "f8"),  # analogue filter
    ("use_low_hz", "f8"),  # the part of the spectrum this hop answers for
    ("use_high_hz", "f8"),
    ("own_low_hz", "f8"),  # where no other hop of the plan has a better view: only there a dwell may found a contact
    ("own_high_hz", "f8"),
    ("gain_db", "f8"),
    ("full_scale", "f8"),  # int16 value of digital full scale (2048 for 12 bits, 32768 for 16)
    ("tuning_id", "u8"),
    ("plan_id", "u4"),  # counts plan changes
    ("hop_index", "i4"),  # within the plan; -1 outside a plan
    ("band_index", "i4"),  # within the plan's bands; -1 for none
    ("sweep_index", "u4"),
    ("source_epoch", "u4"),  # counts (re)openings of the source
    ("flags", "u4"),
    ("clipped_samples", "u4"),
]
BLOCK = _padded(_BLOCK_FIELDS)

EVIDENCE_NAMES = (
    "envelope_cv",  # standard deviation / mean of |x| in the occupied band: ~0 FM/FSK/LoRa, ~0.52 OFDM
    "flatness",  # spectral flatness inside the occupied band, 0..1
    "edge_db_per_mhz",  # steepness of the spectral edges
    "line_rate_hz",  # best analogue-video line rate, 0 if none
    "line_score",  # normalised autocorrelation of the FM-demodulated signal at that line period
    "cp_15khz",  # coherence of the cyclic prefix at 66.67 us (LTE, OcuSync) above what noise reaches, 0..1
    "cp_312khz",  # the same at 3.2 us (802.11 a/g/n/ac)
    "cp_78khz",  # the same at 12.8 us (802.11ax)
    "chirp_score",  # dechirp gain, 0..1 (LoRa)
    "fm_deviation_hz",  # half the distance between the two modes of the instantaneous frequency
    "fm_bimodality",  # 0..1, two-level FSK
    "burst_s",  # measured length of the burst
    "duty_ratio",  # on-time within the block
    "hot_cells",  # cells over the threshold
    "statistic",  # detector statistic in units of its null's standard deviation
    "zc_score",  # Zadoff-Chu correlation, 0..1
    "cp_other",  # cyclic prefix at a lag of no standard here, found without knowing it, 0..1
    "gap_ratio",  # share of an emission's time in which it is silent
    "chip_score",  # Barker or CCK structure at 11 Mchip/s, 0..1
    "sweep_score",  # one carrier that sweeps slowly, 0..1
    "pulse_hz",  # repetition rate of a train of pulses, 0 if none
    "center_error_hz",  # 95 % of the centre of a video carrier
)
EVIDENCE = np.dtype([(name, "f4") for name in EVIDENCE_NAMES])

EMISSION = _padded(
    [
        ("start_s", "f8"),  # from the block's first sample
        ("duration_s", "f8"),
        ("center_hz", "f8"),  # absolute
        ("bandwidth_hz", "f8"),  # occupied
        ("snr_db", "f8"),  # mean in-band SNR over the occupied bandwidth
        ("peak_db", "f8"),  # highest cell, dB of integer full scale, per bin
        ("noise_floor_db", "f8"),  # per bin, same reference
        ("prominence_db", "f8"),  # peak over the floor
        ("confidence", "f8"),  # probability that there is an emission at all
        ("classification_confidence", "f8"),
        ("pattern_mask", "u8"),  # bit i: analogue channel i of taxonomy.CHANNELS is a candidate
        ("class_id", "u4"),  # index into taxonomy.CLASSES
        ("cluster_size", "u4"),  # bins over the threshold
        ("flags", "u4"),
        ("index", "u4"),  # position within the dwell
        ("evidence", EVIDENCE),
    ]
)

SUMMARY = _padded(
    [
        ("block", BLOCK),
        ("done_ns", "i8"),  # CLOCK_MONOTONIC when the analysis was finished
        ("busy_ns", "u8"),  # time the analysis took
        ("n_emissions", "u4"),
        ("truncated", "u4"),  # emissions beyond MAX_EMISSIONS
        ("worker", "u4"),
        ("n_frames", "u4"),
        ("impulses", "u4"),  # clicks of a shower of impulse noise, left out of the emissions
        ("floor_db", "f4"),  # median noise floor per bin, dB of integer full scale
        ("clipped_ppm", "f4"),
        ("bin_hz", "f8"),
        ("spectrum_start_hz", "f8"),  # centre of spectrum bin 0
    ]
)

RESULT = np.dtype(
    [
        ("summary", SUMMARY),
        ("emissions", EMISSION, (MAX_EMISSIONS,)),
        ("mean_power", "f4", (SPECTRUM_BINS,)),  # linear, full scale² per bin, ascending frequency
        ("max_power", "f4", (SPECTRUM_BINS,)),
    ],
    align=True,
)
