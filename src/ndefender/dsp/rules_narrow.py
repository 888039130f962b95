"""Rules for narrow emissions: chirps, frequency-shift keying, carriers, telegrams. One row a class."""

from __future__ import annotations

from .rules import ISM_2G4, ISM_SUB_GHZ, Rule, Shape, between, inside, rises

CARSON_LOW, CARSON_HIGH = 4.4, 8.5  # occupied bandwidth over deviation: 5.1 … 6.8 for h = 0.3 … 0.5; a chirp 3.8
FSK_CARSON_LOW, FSK_CARSON_HIGH = 3.3, 6.0  # the same of FSK with h = 0.4 … 2
CLEAN_SNR_DB = 12.0  # below it noise adds to the measured deviation and takes a tenth of that ratio a decibel
CONTROL_LEAST_S = 0.7e-3  # a frame of control takes as long at 0.5 Mbit/s; what is shorter says too little
LE_LONGEST_S = 2.2e-3  # Bluetooth LE, 251 octets at 1 Mbit/s: 2.12 ms (Core Specification 5.4, Vol 6 Part B, 2.4.2)


def _lora(s: Shape) -> float:
    return 0.97 * rises(s.evidence["chirp_score"], 0.25, 0.03)


def _elrs(s: Shape) -> float:
    high = between(s.bandwidth_hz, 0.65e6, 0.98e6, 0.03e6) * inside(s.center_hz, ISM_2G4, 0.3)
    low = between(s.bandwidth_hz, 0.4e6, 0.6e6, 0.03e6) * inside(s.center_hz, ISM_SUB_GHZ, 0.3)
    return _lora(s) * max(high, low)


def _lora_other(s: Shape) -> float:
    return 0.8 * _lora(s)


def _gfsk(s: Shape, low_hz: float, high_hz: float) -> float:
    e = s.evidence
    if not CARSON_LOW < s.bandwidth_hz / max(e["fm_deviation_hz"], 1.0) < CARSON_HIGH:
        return 0.0
    return rises(-e["envelope_cv"], -0.3, 0.05) * between(e["fm_deviation_hz"], low_hz, high_hz, 0.02e6)


def _carson(s: Shape) -> float:
    """Occupied bandwidth over deviation, without what noise takes of it."""
    ratio = s.bandwidth_hz / max(s.evidence["fm_deviation_hz"], 1.0)
    return ratio + 0.1 * max(0.0, CLEAN_SNR_DB - s.snr_db)


def _two_level(s: Shape) -> float:
    return rises(s.evidence["fm_bimodality"], 0.42, 0.05) * rises(-s.evidence["envelope_cv"], -0.33, 0.03)


def _control_fsk(s: Shape) -> float:
    """Narrower than Bluetooth, longer than its slots: 31 to 500 kbit/s in frames of milliseconds."""
    ratio = s.bandwidth_hz / max(s.evidence["fm_deviation_hz"], 1.0)
    if s.continuous or not FSK_CARSON_LOW < ratio < FSK_CARSON_HIGH:
        return 0.0
    width = between(s.bandwidth_hz, 0.07e6, 0.65e6, 0.03e6)
    return (
        0.8 * _two_level(s) * width * rises(s.duration_s, CONTROL_LEAST_S, 0.1e-3) * inside(s.center_hz, ISM_2G4, 0.0)
    )


def _control_spread(s: Shape) -> float:
    """Direct sequence by FSK at 1 Mchip/s: swings wider than Bluetooth LE, or is longer than it can be."""
    deviation_hz = s.evidence["fm_deviation_hz"]
    width = between(s.bandwidth_hz, 0.95e6, 1.35e6, 0.03e6)
    wide = between(_carson(s), 3.7, 4.6, 0.08) * rises(deviation_hz, 0.235e6, 0.01e6)
    long = between(_carson(s), 4.5, 5.6, 0.1) * rises(s.duration_s, LE_LONGEST_S, 0.1e-3)
    return 0.8 * _two_level(s) * width * max(wide, long) * (not s.continuous) * inside(s.center_hz, ISM_2G4, 0.0)


def _control_fast(s: Shape) -> float:
    """FLRC at 0.65 Mbit/s, h = 0.5: narrower than Bluetooth, swings more for its width."""
    width = between(s.bandwidth_hz, 0.6e6, 0.79e6, 0.02e6)
    swing = between(_carson(s), 4.7, 5.65, 0.1) * between(s.evidence["fm_deviation_hz"], 0.12e6, 0.17e6, 0.005e6)
    return (
        0.8 * _two_level(s) * width * swing * rises(-s.duration_s, -0.7e-3, 0.1e-3) * inside(s.center_hz, ISM_2G4, 0.0)
    )


def _bluetooth(s: Shape) -> float:
    width = between(s.bandwidth_hz, 0.6e6, 1.5e6, 0.05e6)
    return (
        0.85
        * _gfsk(s, 0.07e6, 0.175e6)
        * rises(_carson(s), 5.65, 0.1)
        * width
        * rises(-s.duration_s, -3.3e-3, 0.1e-3)
        * inside(s.center_hz, ISM_2G4, 0.1)
    )


def _bluetooth_le(s: Shape) -> float:
    width = between(s.bandwidth_hz, 0.6e6, 2.4e6, 0.1e6)
    short = rises(-s.duration_s, -LE_LONGEST_S, 0.1e-3)
    return 0.85 * _gfsk(s, 0.175e6, 0.36e6) * width * short * inside(s.center_hz, ISM_2G4, 0.1)


def _zigbee(s: Shape) -> float:
    width = between(s.bandwidth_hz, 1.6e6, 3.6e6, 0.15e6)
    return (
        0.85
        * _gfsk(s, 0.36e6, 0.75e6)
        * width
        * rises(s.duration_s, 0.25e-3, 0.05e-3)
        * inside(s.center_hz, ISM_2G4, 0.1)
    )


def _ism(s: Shape) -> float:
    if s.center_hz is None or s.center_hz > 1e9:
        return 0.0
    return (
        0.75
        * rises(-s.bandwidth_hz, -0.7e6, 0.1e6)
        * inside(s.center_hz, ISM_SUB_GHZ, 0.0)
        * (0.4 if s.continuous else 1.0)
    )


def _carrier(s: Shape) -> float:
    return 0.9 * rises(-s.bandwidth_hz / s.bin_hz, -4.3, 0.3) * (1.0 if s.continuous else 0.2)


RULES: tuple[Rule, ...] = (
    Rule(("Control", "LoRa", "ELRS"), 0.3e6, 1.1e6, "chirp_score", 0.2, _elrs),
    Rule(("Control", "LoRa"), 0.0, 2e6, "chirp_score", 0.2, _lora_other),
    Rule(("Control", "FHSS"), 0.05e6, 0.7e6, "fm_deviation_hz", 0.015e6, _control_fsk),
    Rule(("Control", "FHSS"), 0.9e6, 1.4e6, "fm_deviation_hz", 0.2e6, _control_spread),
    Rule(("Control", "FHSS"), 0.55e6, 0.85e6, "fm_deviation_hz", 0.1e6, _control_fast),
    Rule(("Bluetooth",), 0.3e6, 2e6, "fm_deviation_hz", 0.04e6, _bluetooth),
    Rule(("Bluetooth", "LE"), 0.4e6, 3e6, "fm_deviation_hz", 0.12e6, _bluetooth_le),
    Rule(("ZigBee",), 1.3e6, 4e6, "fm_deviation_hz", 0.3e6, _zigbee),
    Rule(("Interference", "ISM"), 0.0, 1e6, "", 0.0, _ism),
    Rule(("Interference", "CW"), 0.0, 0.5e6, "", 0.0, _carrier),
)
