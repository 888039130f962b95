"""802.11 DSSS PHY (IEEE Std 802.11-2020 clauses 15 and 16): Barker chips at 1 and 2 Mbit/s, CCK at 11 Mbit/s.

11 Mchip/s; Barker sequence +-++-+++--- (15.4.6.4), one symbol of 11 chips, DBPSK or DQPSK; CCK symbols of eight chips
(16.4.6.6, equation 16-1). Long preamble: 128 scrambled ones, SFD X'F3A0', 48 bits of header, all at 1 Mbit/s: 192 µs
(16.2.2.2), scrambler z^-7 + z^-4 + 1 (16.2.4). Chips are shaped by a root raised cosine of roll-off 0.6, which meets
the transmit mask of -30 dB beyond 11 MHz (16.4.8.4) with the main lobe within 8.8 MHz of the carrier.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, Ratio
from ndefender.radio.scene.waves.csma import exchanges
from ndefender.radio.scene.waves.shaping import root_raised_cosine, unit_power

CHIP_HZ = 11.0e6
ROLL_OFF = 0.6
BARKER = np.array([1, -1, 1, 1, -1, 1, 1, 1, -1, -1, -1], np.float64)
SFD = 0xF3A0
HEADER_BITS = 48
PREAMBLE_US = 192
SIFS_NS = 10_000
# (Mbit/s, octets): data, then a beacon, then an acknowledgement
PACKETS = ((1, 60), (1, 200), (2, 120), (2, 450), (11, 90), (11, 350), (11, 800), (11, 1500), (11, 1500))
FRAMES = (*PACKETS, (1, 110), (1, 14))


class WifiB(Emitter, frozen=True, kw_only=True, tag="wifi_b"):
    """One 802.11b access point and its station.

    Args:
        load: share of the 2.56 ms slots that carry a data packet.
        beacons: send beacons.
    """

    load: Ratio = 0.3
    beacons: bool = True

    default_path: ClassVar[tuple[str, ...]] = ("WiFi", "DSSS")

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of chips with this roll-off (measured in the tests)."""
        return 14.76e6

    @property
    def span_hz(self) -> float:
        """The whole spectrum of the shaped chips."""
        return CHIP_HZ * (1.0 + ROLL_OFF) + 2.0e6

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return the data packets, the beacon, the acknowledgement."""
        rng = dice.generator("content")
        return [
            unit_power(root_raised_cosine(chips(rng, mbit, octets), CHIP_HZ, ROLL_OFF, rate_hz))
            for mbit, octets in FRAMES
        ]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield beacons, packets and acknowledgements."""
        air_ns = [_air_us(mbit, octets) * 1000 for mbit, octets in FRAMES]
        return exchanges(dice, start_ns, stop_ns, air_ns, self.load, beacons=self.beacons, sifs_ns=SIFS_NS)


def _air_us(mbit: int, octets: int) -> int:
    if mbit == 11:
        return round(PREAMBLE_US + -(-8 * octets // 8) * 8 / 11)
    return PREAMBLE_US + 8 * octets // mbit


def scrambled(bits: NDArray[np.int8]) -> NDArray[np.int8]:
    """Scramble with z^-7 + z^-4 + 1, register preset to 1101100 as for the long preamble (16.2.4)."""
    state = [1, 1, 0, 1, 1, 0, 0]  # z^-1 … z^-7
    out = np.empty_like(bits)
    for i, bit in enumerate(bits):
        out[i] = bit ^ state[3] ^ state[6]
        state = [int(out[i]), *state[:6]]
    return out


def chips(rng: np.random.Generator, mbit: int, octets: int) -> NDArray[np.complex128]:
    """Return the chips of one packet with random header and payload, magnitude 1."""
    marker = [(SFD >> i) & 1 for i in range(16)]
    head = np.concatenate((np.ones(128, np.int8), marker, rng.integers(0, 2, HEADER_BITS))).astype(np.int8)
    bits = scrambled(np.concatenate((head, rng.integers(0, 2, 8 * octets, dtype=np.int8))))
    head, data = bits[: head.size], bits[head.size :]
    turn = np.cumsum(head, dtype=np.float64) * 0.5  # turns
    parts = [_spread(turn)]
    if mbit == 1:
        parts.append(_spread(turn[-1] + np.cumsum(data, dtype=np.float64) * 0.5))
    elif mbit == 2:
        parts.append(_spread(turn[-1] + np.cumsum(_dibit_turns(data[0::2], data[1::2]))))
    else:
        parts.append(_cck(data[: data.size // 8 * 8].reshape(-1, 8), float(turn[-1])))
    return np.concatenate(parts)


def _spread(turns: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.asarray(np.exp(2j * np.pi * turns)[:, np.newaxis] * BARKER).reshape(-1)


def _dibit_turns(first: NDArray[np.int8], second: NDArray[np.int8]) -> NDArray[np.float64]:
    """Phase change of a dibit in turns: 00 0, 01 1/4, 11 1/2, 10 3/4 (table 15-8)."""
    table = np.array([0.0, 0.25, 0.75, 0.5])
    return np.asarray(table[2 * first + second], np.float64)


def _cck(words: NDArray[np.int8], before: float) -> NDArray[np.complex128]:
    """Modulate bytes as eight chips each: phi1 differential, phi2 … phi4 from dibits 2 to 4 (table 16-5)."""
    odd = 0.5 * (np.arange(len(words)) % 2)
    p1 = before + np.cumsum(_dibit_turns(words[:, 0], words[:, 1])) + odd
    p2, p3, p4 = (np.array([0.0, 0.25, 0.5, 0.75])[2 * words[:, 2 * i] + words[:, 2 * i + 1]] for i in (1, 2, 3))
    turns = np.stack(
        (p1 + p2 + p3 + p4, p1 + p3 + p4, p1 + p2 + p4, p1 + p4 + 0.5, p1 + p2 + p3, p1 + p3, p1 + p2 + 0.5, p1), axis=1
    )
    return np.asarray(np.exp(2j * np.pi * turns)).reshape(-1)
