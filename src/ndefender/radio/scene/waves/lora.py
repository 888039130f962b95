"""LoRa chirp-spread spectrum: a symbol s of SF bits is an up-chirp over the whole bandwidth B that starts at s·B/2^SF.

f(τ) = (s/2^SF - 1/2)·B + (B/T)·τ, minus B after the fold at τ = (1 - s/2^SF)·T, with T = 2^SF / B. Its phase over a
whole symbol is a whole number of turns, so symbols join continuously at phase 0.
Packet: preamble of up-chirps, two sync symbols, 2¼ down-chirps, payload. Source: Semtech AN1200.22; symbol counts of a
packet: SX1276 datasheet §4.1.1.7 and SX1280 datasheet §7.4.4 (two more symbols of preamble at SF5 and SF6, and long
interleaving rounds up after the coding).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.waves.shaping import C64, F64, ramp

SYNC_WORD = (8, 16)  # symbol values of the private sync word 0x12
DOWN_CHIRPS = 2.25
RAMP_S = 4.0e-6
PIECE_SAMPLES = 1 << 18  # modulated at once


class LoraFrame(NamedTuple):
    """Lengths of a packet in symbols.

    Args:
        bandwidth_hz, spreading: of the chirp.
        preamble: up-chirps before the sync word.
        sync: up-chirps of the sync word.
        payload: symbols after the down-chirps.
    """

    bandwidth_hz: float
    spreading: int
    preamble: int
    sync: int
    payload: int

    @property
    def symbol_s(self) -> float:
        """Length of one symbol."""
        return float(2**self.spreading / self.bandwidth_hz)

    @property
    def air_s(self) -> float:
        """Length of the packet."""
        return (self.preamble + self.sync + DOWN_CHIRPS + self.payload) * self.symbol_s


def frame(bandwidth_hz: float, spreading: int, preamble: int, octets: int, coded: int, *, sx128x: bool) -> LoraFrame:
    """Count the symbols of a packet with implicit header and without CRC.

    Args:
        bandwidth_hz, spreading, preamble: of the modem.
        octets: payload.
        coded: bits sent for each four (coding rate 4/coded).
        sx128x: 2.4 GHz modem with long interleaving; else SX127x.
    """
    if not sx128x:
        blocks = max(math.ceil((8 * octets - 4 * spreading + 28 - 20) / (4 * spreading)), 0)
        return LoraFrame(bandwidth_hz, spreading, preamble, 2, 8 + blocks * coded)
    short = spreading < 7
    bits = 8 * octets - 4 * spreading + (0 if short else 8)
    payload = 8 + math.ceil(max(bits, 0) / (4 * spreading) * coded)
    return LoraFrame(bandwidth_hz, spreading, preamble, 4 if short else 2, payload)


def modulate(shape: LoraFrame, rng: np.random.Generator, rate_hz: float, *, inverted: bool) -> C64:
    """Return one packet with random payload.

    Args:
        shape: its lengths.
        rng: of the payload.
        rate_hz: output sample rate.
        inverted: conjugated chirps (the modem's "inverted I/Q").
    """
    chips = 2**shape.spreading
    n = int(shape.air_s * rate_hz)
    down_at = float(shape.preamble + shape.sync)
    payload_at = down_at + DOWN_CHIRPS
    sync = [SYNC_WORD[i % 2] % chips for i in range(shape.sync)]
    values = np.array([*[0] * shape.preamble, *sync, *[0] * math.ceil(DOWN_CHIRPS)], np.float64)
    data = rng.integers(0, chips, shape.payload + 1).astype(np.float64)
    wave = np.empty(n, np.complex64)
    for first in range(0, n, PIECE_SAMPLES):
        t = np.arange(first, min(first + PIECE_SAMPLES, n)) / rate_hz / shape.symbol_s  # in symbols
        turns = _packet_turns(t, values, data, down_at, payload_at, chips)
        wave[first : first + t.size] = np.exp((-2j if inverted else 2j) * np.pi * turns)
    return ramp(wave, rate_hz, RAMP_S)


def _packet_turns(t: F64, values: F64, data: F64, down_at: float, payload_at: float, chips: int) -> F64:
    """Phase in turns at times `t` (symbols): chirps that begin at `values`, from `payload_at` on at `data`."""
    behind = t >= payload_at
    place = np.where(behind, t - payload_at, t)
    number = place.astype(np.int64)
    start = np.where(behind, data[np.minimum(number, data.size - 1)], values[np.minimum(number, values.size - 1)])
    turns = _turns(place - number, start, chips)
    down = (t >= down_at) & ~behind
    turns[down] = -turns[down]
    return turns


def _turns(tau: F64, start: F64, chips: int) -> NDArray[np.float64]:
    """Phase in turns at time `tau` (0 … 1 of a symbol) of the up-chirp that begins at chip `start`."""
    share = start / chips
    folded = np.maximum(tau - (1.0 - share), 0.0)
    return np.asarray(chips * ((share - 0.5) * tau + 0.5 * tau**2 - folded))
