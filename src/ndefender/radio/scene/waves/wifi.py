"""802.11 OFDM PHY, 20 MHz (IEEE Std 802.11-2020 clause 17): packets, acknowledgements, beacons.

64 bins of 312.5 kHz, 48 data and 4 pilot carriers, symbol 3.2 + 0.8 µs; short training 8 µs (17-6), long training
8 µs (17-8, guard 1.6 µs), SIGNAL, data; symbols joined with a 100 ns taper (17.3.2.5). Beacons every 102.4 ms; between
them data packets of 100 µs to 2 ms, each followed after 16 µs by the peer's acknowledgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, Ratio
from ndefender.radio.scene.waves.csma import exchanges
from ndefender.radio.scene.waves.ofdm import bins, qam, symbols
from ndefender.radio.scene.waves.shaping import resample_burst, unit_power

SPACING_HZ = 312_500.0
OVERSAMPLING = 4
SIZE = 64 * OVERSAMPLING
RATE_HZ = SIZE * SPACING_HZ  # 80 MS/s
TAPER_S = 100.0e-9
PACKETS = 14  # data variants
MIN_SYMBOLS, MAX_SYMBOLS = 20, 495  # with the 20 µs of preamble: 100 µs to 2 ms
BEACON_SYMBOLS = 78  # 230 octets at 6 Mbit/s, 24 bits a symbol
ACK_SYMBOLS = 6  # 14 octets at 6 Mbit/s: 44 µs
# IEEE 802.11-2020 equation 17-6: carriers -26 … 26 of the short training symbol, in units of 1+j
_SHORT = {-24: 1, -20: -1, -16: 1, -12: -1, -8: -1, -4: 1, 4: -1, 8: -1, 12: 1, 16: 1, 20: 1, 24: 1}
# equation 17-8: carriers -26 … 26 of the long training symbol
_LONG = "++--++-+-++++++--++-+-++++0+--++-+-+-----++--+-+-++++"
_SIGN = {"+": 1.0, "-": -1.0, "0": 0.0}
_NUMBERS = np.arange(-26, 27)
_PILOTS = np.isin(_NUMBERS, (-21, -7, 7, 21))
_PILOT_VALUES = np.array([1.0, 1.0, 1.0, -1.0])  # 17.3.5.10


class Wifi(Emitter, frozen=True, kw_only=True, tag="wifi"):
    """One 802.11 access point and its station.

    Args:
        load: share of the 2.56 ms slots that carry a data packet.
        beacons: send beacons.
    """

    load: Ratio = 0.6
    beacons: bool = True

    default_path: ClassVar[tuple[str, ...]] = ("WiFi", "OFDM")

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of 52 carriers (measured in the tests)."""
        return 16.45e6

    @property
    def span_hz(self) -> float:
        """To -35 dB of the skirts."""
        return 40.0e6

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return `PACKETS` data packets, one beacon, one acknowledgement."""
        rng = dice.generator("content")
        return [
            unit_power(resample_burst(_packet(rng, count, bits), RATE_HZ, rate_hz))
            for count, bits in zip(self._lengths(dice), [2, 4, 6] * 4 + [6, 6, 1, 1], strict=True)
        ]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield beacons, packets and acknowledgements."""
        air_ns = [_air_ns(count) for count in self._lengths(dice)]
        yield from exchanges(dice, start_ns, stop_ns, air_ns, self.load, beacons=self.beacons)

    @staticmethod
    def _lengths(dice: Dice) -> list[int]:
        """Symbols of each variant: data spread geometrically over its range, then beacon, then acknowledgement."""
        spread = (MAX_SYMBOLS / MIN_SYMBOLS) ** (1.0 / (PACKETS - 1))
        data = [
            min(MAX_SYMBOLS, max(MIN_SYMBOLS, round(MIN_SYMBOLS * spread ** (i + dice.uniform("length", i) - 0.5))))
            for i in range(PACKETS)
        ]
        return [*data, BEACON_SYMBOLS, ACK_SYMBOLS]


def _air_ns(data_symbols: int) -> int:
    return 20_000 + 4_000 * data_symbols


def _packet(rng: np.random.Generator, data_symbols: int, bits: int) -> NDArray[np.complex64]:
    """Modulate one packet at RATE_HZ; begins and ends at zero amplitude."""
    data = qam(rng, (1 + data_symbols, 53), bits)
    data[0] = qam(rng, (53,), 1)  # SIGNAL is always BPSK
    polarity = rng.choice([-1.0, 1.0], (1 + data_symbols, 1))
    data[:, _PILOTS] = polarity * _PILOT_VALUES
    data[:, 26] = 0.0
    taper = round(TAPER_S * RATE_HZ)
    prefixes = np.full(1 + data_symbols, SIZE // 4, np.int64)
    payload = symbols(bins(_NUMBERS, data, SIZE), prefixes, taper, loop=False)
    return joined([*training(SIZE, np.zeros(1, np.int64), np.ones(1, np.complex128)), payload], taper)


def training(size: int, shifts: NDArray[np.int64], turns: NDArray[np.complex128]) -> list[NDArray[np.complex64]]:
    """Modulate the short and the long training, 8 µs each, on one or several 20 MHz channels side by side.

    Args:
        size: samples of 3.2 µs.
        shifts: carrier number of each channel's centre.
        turns: complex rotation of each channel.
    """
    short = np.array([_SHORT.get(int(n), 0) * (1 + 1j) for n in _NUMBERS]) * np.sqrt(13.0 / 6.0)
    long = np.array([_SIGN[c] for c in _LONG], np.complex128)
    # 8 µs of training is one symbol of 6.4 µs (every second bin) behind a prefix of 1.6 µs
    prefix = np.full(1, size // 2, np.int64)
    numbers = np.concatenate([2 * (_NUMBERS + shift) for shift in shifts])
    parts = []
    for sequence in (short, long):
        grid = np.concatenate([sequence * turn for turn in turns])[np.newaxis]
        parts.append(
            symbols(bins(numbers, grid, 2 * size), prefix, size // SIZE * round(TAPER_S * RATE_HZ), loop=False)
        )
    return parts


def joined(parts: list[NDArray[np.complex64]], taper: int) -> NDArray[np.complex64]:
    """Put parts one after the other, each fading in over the end of the one before."""
    out = np.zeros(sum(part.size - taper for part in parts) + taper, np.complex64)
    at = 0
    for part in parts:
        out[at : at + part.size] += part
        at += part.size - taper
    return out
