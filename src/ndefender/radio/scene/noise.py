"""Receiver noise: white complex Gaussian of density N0, shaped by the receive chain, a function of absolute time only.

Two ways. `bank`: two stretches of a filtered bank of 2^21 samples, their places, rotations and conjugation drawn anew
by a hash for every 8192 samples, are added: 2^42 pairs of places, so nothing recurs. `fresh`: each sample is drawn
from a counter (a 32-bit finaliser keyed anew by 64 hashed bits every 4096 samples), by Box and Muller's transform, and
filtered as it goes: for counting false alarms over hours.
References: Box & Muller (1958); Steele, Lea, Flood (2014) for the 64-bit finaliser, Wellons' `lowbias32` for the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.jit import kernel
from ndefender.radio.scene.receiver import HALF_TAPS, response, taps

BANK_SAMPLES = 1 << 21
SPLICE = 8192  # samples between two draws of places in the bank
FRESH = 4096  # samples under one pair of keys
BANK_UNIT = 4000.0  # int16 value of one standard deviation of a component: 8.2 deviations fit
_TURN32 = np.float32(2.0**-32)
_LN2 = np.float32(0.6931471805599453)
_QUARTER = np.float32(1.5707963267948966 * 2.0**-30)
_EIGHTH = np.float32(0.7853981633974483)

I16 = NDArray[np.int16]
F32 = NDArray[np.float32]


@kernel
def scramble(value: np.uint64) -> np.uint64:
    """Scramble 64 bits (the finaliser of SplitMix64)."""
    z = value * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def add_bank(
    acc_re: F32, acc_im: F32, n: int, k: np.uint64, key: np.uint64, bank_re: I16, bank_im: I16, gain: float
) -> None:
    """Add one draw of bank noise: n samples from absolute sample k, `gain` per bank unit."""
    done = 0
    places = np.uint64(bank_re.size - SPLICE)
    while done < n:
        here = k + np.uint64(done)
        skip = int(here % np.uint64(SPLICE))
        count = min(n - done, SPLICE - skip)
        h = scramble(key ^ scramble(here // np.uint64(SPLICE)))
        place = int((h >> np.uint64(32)) % places) + skip
        angle = float(h & np.uint64(0xFFFF)) * (6.283185307179586 / 65536.0)
        mirror = 1.0 if h & np.uint64(0x10000) else -1.0
        a, b = np.float32(gain * np.cos(angle)), np.float32(gain * np.sin(angle))
        c, d = np.float32(b * mirror), np.float32(a * mirror)
        y_re, y_im = acc_re[done : done + count], acc_im[done : done + count]
        x_re, x_im = bank_re[place : place + count], bank_im[place : place + count]
        for i in range(count):
            x, y = np.float32(x_re[i]), np.float32(x_im[i])
            y_re[i] += a * x - c * y
            y_im[i] += b * x + d * y
        done += count


@kernel
def lowbias(out: NDArray[np.uint32], first: np.uint32, key: np.uint32, n: int) -> None:
    """Fill 32 hashed bits for each of the counters first … first + n - 1."""
    for i in range(n):
        x = np.uint32(np.uint32(first + np.uint32(i)) * np.uint32(0x9E3779B9)) ^ key
        x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
        x = np.uint32((x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
        out[i] = x ^ (x >> np.uint32(16))


@kernel
def radius(h: NDArray[np.uint32], r: F32, bits: NDArray[np.int32], n: int, gain: float) -> None:
    """r = gain · sqrt(-2 ln u), u = (h + ½) / 2^32; `bits` is the int32 view of `r`. ln by atanh series, 2e-7."""
    for i in range(n):
        r[i] = (np.float32(h[i]) + np.float32(0.5)) * _TURN32
    g = np.float32(gain)
    one, two = np.float32(1.0), np.float32(2.0)
    for i in range(n):
        b = bits[i] + np.int32(0x004AFB0D)  # puts the mantissa into [sqrt(1/2), sqrt(2))
        exponent = np.float32((b >> np.int32(23)) - np.int32(127))
        bits[i] = (b & np.int32(0x007FFFFF)) + np.int32(0x3F3504F3)
        m = r[i]
        s = (m - one) / (m + one)
        q = s * s
        ln = two * s * (one + q * (np.float32(1 / 3) + q * (np.float32(1 / 5) + q * np.float32(1 / 7))))
        r[i] = g * np.sqrt(max(-two * (ln + exponent * _LN2), np.float32(0.0)))


@kernel
def polar(h: NDArray[np.uint32], r: F32, re: F32, im: F32, n: int) -> None:
    """Re + j·im = r · exp(j·2π·h / 2^32): quadrant from the top two bits, Taylor series within ±π/4."""
    one = np.float32(1.0)
    for i in range(n):
        a = np.float32(np.int32(h[i] & np.uint32(0x3FFFFFFF))) * _QUARTER - _EIGHTH
        q = a * a
        s = a * (one - q * (np.float32(1 / 6) - q * (np.float32(1 / 120) - q * np.float32(1 / 5040))))
        c = one - q * (np.float32(0.5) - q * (np.float32(1 / 24) - q * np.float32(1 / 720)))
        swap = (h[i] & np.uint32(0x40000000)) != 0
        sign = -r[i] if (h[i] & np.uint32(0x80000000)) != 0 else r[i]
        re[i] = sign * (-s if swap else c)
        im[i] = sign * (c if swap else s)


@kernel
def draw_fresh(re: F32, im: F32, n: int, k: np.uint64, key: np.uint64, gain: float) -> None:
    """Fill n samples of white noise from absolute sample k; each component has standard deviation `gain`."""
    chunk = 512
    h = np.empty(chunk, np.uint32)
    r = np.empty(chunk, np.float32)
    bits = r.view(np.int32)
    done = 0
    while done < n:
        here = k + np.uint64(done)
        skip = here % np.uint64(FRESH)
        count = min(n - done, chunk, FRESH - int(skip))
        seed = scramble(key ^ scramble(here // np.uint64(FRESH)))
        lowbias(h, np.uint32(skip), np.uint32(seed), count)
        radius(h, r, bits, count, gain)
        lowbias(h, np.uint32(skip), np.uint32(seed >> np.uint64(32)), count)
        polar(h, r, re[done:], im[done:], count)
        done += count


@kernel
def add_symmetric(acc_re: F32, acc_im: F32, n: int, x_re: F32, x_im: F32, half_taps: F32) -> None:
    """Add a real symmetric FIR of x: half_taps[0] at the centre, half_taps[j] at ±j; x begins HALF_TAPS earlier."""
    h = half_taps.size - 1
    step = 1024
    for first in range(0, n, step):
        count = min(step, n - first)
        y_re, y_im = acc_re[first : first + count], acc_im[first : first + count]
        for j in range(h + 1):
            t = half_taps[j] if j else np.float32(0.5) * half_taps[0]
            left, right = first + h - j, first + h + j
            a_re, a_im = x_re[left : left + count], x_im[left : left + count]
            b_re, b_im = x_re[right : right + count], x_im[right : right + count]
            for i in range(count):
                y_re[i] += t * (a_re[i] + b_re[i])
            for i in range(count):
                y_im[i] += t * (a_im[i] + b_im[i])


class Noise:
    """Noise of one scene.

    Args:
        dice: the scene's.
        fresh: draw every sample instead of recycling a bank.
    """

    def __init__(self, dice: Dice, *, fresh: bool) -> None:
        self._dice = dice.fork("noise")
        self._fresh = fresh
        self._white: NDArray[np.complex64] | None = None
        self._banks: dict[tuple[float, float], tuple[I16, I16]] = {}

    def prepare(self, rate_hz: float, bandwidth_hz: float) -> None:
        """Filter the bank for one rate and bandwidth; a fraction of a second, once for each."""
        if self._fresh or (rate_hz, bandwidth_hz) in self._banks:
            return
        if self._white is None:
            draw = self._dice.generator("bank").standard_normal((BANK_SAMPLES, 2), np.float32)
            self._white = np.fft.fft(draw.view(np.complex64)[:, 0]).astype(np.complex64)
        grid_hz = np.fft.fftfreq(BANK_SAMPLES, 1.0 / rate_hz).astype(np.float64)
        shape = response(grid_hz, rate_hz, bandwidth_hz).astype(np.float32)
        shaped = np.fft.ifft(self._white * shape) * np.float32(BANK_UNIT)
        self._banks[rate_hz, bandwidth_hz] = (
            np.rint(shaped.real).astype(np.int16),
            np.rint(shaped.imag).astype(np.int16),
        )

    def add(
        self, acc_re: F32, acc_im: F32, n: int, k: int, receiver_hz: float, rate_hz: float, bandwidth_hz: float,
        power: float,
    ) -> None:  # fmt: skip
        """Add n samples of noise from absolute sample k.

        Args:
            acc_re, acc_im: sum so far, converter steps.
            n, k: how many, from where.
            receiver_hz: local oscillator; other tunings get other noise.
            rate_hz, bandwidth_hz: of the receiver.
            power: of the white noise over the whole rate, converter steps², I and Q together.
        """
        key = np.uint64(self._dice.bits("key", round(receiver_hz)))
        gain = float(np.sqrt(power / 2.0))
        if self._fresh:
            x_re, x_im = np.empty(n + 2 * HALF_TAPS, np.float32), np.empty(n + 2 * HALF_TAPS, np.float32)
            first = np.uint64((k - HALF_TAPS) & ((1 << 64) - 1))
            draw_fresh(x_re, x_im, n + 2 * HALF_TAPS, first, key, gain)
            half = np.ascontiguousarray(taps(0.0, rate_hz, bandwidth_hz, 1).real[HALF_TAPS:], dtype=np.float32)
            add_symmetric(acc_re, acc_im, n, x_re, x_im, half)
            return
        self.prepare(rate_hz, bandwidth_hz)
        bank_re, bank_im = self._banks[rate_hz, bandwidth_hz]
        scale = gain / BANK_UNIT / np.sqrt(2.0)
        other = np.uint64(self._dice.bits("other key", round(receiver_hz)))
        add_bank(acc_re, acc_im, n, np.uint64(k), key, bank_re, bank_im, scale)
        add_bank(acc_re, acc_im, n, np.uint64(k), other, bank_re, bank_im, scale)
