"""What lies between an emitter's modulator and the receiver: phase noise, echoes, slow fading.

Phase noise: a Wiener process, the phase of a free-running oscillator; L(f) = L(100 kHz) · (100 kHz / f)^2, so the phase
walks with the variance L(f) · (2πf)^2 · t (Demir, Mehrotra, Roychowdhury, IEEE Trans. Circuits Syst. I 47, 2000).
Echoes: a direct path and eight echoes, h(t) = a0 · δ(t) + Σ a_i · δ(t - t_i), t_i exponential, a_i complex
Gaussian (exponential delay profile, IEEE 802.11-03/940r4 §3; Rice factor K). They shape each burst around its own
carrier; a hop's level is |H| at the hop, so a hopping link fades from channel to channel.
Fading: the level in dB is a sum of eight sinusoids of random phase, near Gaussian (log-normal shadowing; Rice's method,
Pätzold, "Mobile Radio Channels", §4). It multiplies what the echoes leave.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter
from ndefender.units import NS_PER_S, from_db, to_db

C64 = NDArray[np.complex64]
OSCILLATOR_AT_HZ = 100.0e3  # where phase noise is stated
ECHOES = 8
SINUSOIDS = 8
SINC_SAMPLES = 16  # to each side of an echo that falls between samples
BLOCK = 1 << 15  # of the fast convolution
TRUTH_POINTS = 16  # at which the mean level of a fading stretch is taken


def impaired(emitter: Emitter, waves: list[C64], dice: Dice, rate_hz: float) -> list[C64]:
    """Pass an emitter's waveforms through its oscillator and its echoes; the mean power stays.

    Args:
        emitter: of a scene.
        waves: its variants, complex64; loops stay loops, bursts grow by their last echo.
        dice: its own.
        rate_hz: of the waveforms.
    """
    if emitter.phase_noise_dbc_hz is not None:
        density = from_db(emitter.phase_noise_dbc_hz) * (2.0 * math.pi * OSCILLATOR_AT_HZ) ** 2
        sigma = math.sqrt(density / rate_hz)
        rng = dice.generator("phase noise")
        waves = [_walk(wave, sigma, rng, loop=emitter.loops) for wave in waves]
    if emitter.delay_spread_s > 0.0:
        taps = _taps(_paths(emitter, dice), rate_hz)
        waves = [_echoed(wave, taps, loop=emitter.loops) for wave in waves]
    return waves


def hop_gain_db(emitter: Emitter, dice: Dice, offset_hz: float) -> float:
    """Return the gain of the path at a hop, dB; 0 on the emitter's own centre, where the waveforms are levelled."""
    if emitter.delay_spread_s <= 0.0 or emitter.reach_hz == (0.0, 0.0):
        return 0.0
    paths = _paths(emitter, dice)
    response = sum(gain * cmath.exp(-2j * math.pi * offset_hz * delay_s) for delay_s, gain in paths)
    return to_db(abs(response) ** 2)


def fade_db(emitter: Emitter, dice: Dice, t_s: float) -> float:
    """Return the slow fading at a time since the scene's start, dB."""
    if emitter.fading_db <= 0.0:
        return 0.0
    total = 0.0
    for i in range(SINUSOIDS):
        rate_hz = emitter.fading_hz * (i + 0.2 + 0.8 * dice.uniform("fading rate", i)) / SINUSOIDS
        total += math.sin(2.0 * math.pi * (rate_hz * t_s + dice.uniform("fading phase", i)))
    return emitter.fading_db * math.sqrt(2.0 / SINUSOIDS) * total


def received_db(emitter: Emitter, dice: Dice, burst: Burst, start_ns: int, stop_ns: int) -> float:
    """Return the mean level of a stretch of a burst as it arrives, dB of full scale at 40 dB gain."""
    level_db = emitter.level_dbfs + burst.gain_db + hop_gain_db(emitter, dice, burst.offset_hz)
    if emitter.fading_db <= 0.0:
        return level_db
    times_s = [(start_ns + (stop_ns - start_ns) * (i + 0.5) / TRUTH_POINTS) / NS_PER_S for i in range(TRUTH_POINTS)]
    return level_db + to_db(sum(from_db(fade_db(emitter, dice, t_s)) for t_s in times_s) / TRUTH_POINTS)


def _paths(emitter: Emitter, dice: Dice) -> list[tuple[float, complex]]:
    """Delays (seconds) and gains; the mean of the total power over all dice is 1."""
    k = from_db(emitter.rician_k_db)
    paths = [(0.0, complex(math.sqrt(k / (k + 1.0))))]
    for i in range(ECHOES):
        delay_s = -emitter.delay_spread_s * math.log(1.0 - dice.uniform("echo delay", i))
        power = -math.log(1.0 - dice.uniform("echo power", i)) / (ECHOES * (k + 1.0))
        paths.append((delay_s, cmath.rect(math.sqrt(power), 2.0 * math.pi * dice.uniform("echo phase", i))))
    return paths


def _taps(paths: list[tuple[float, complex]], rate_hz: float) -> C64:
    """The path as a filter; its tap number SINC_SAMPLES is at delay 0."""
    longest = max(delay_s for delay_s, _ in paths)
    n = np.arange(math.ceil(longest * rate_hz) + 2 * SINC_SAMPLES + 1) - SINC_SAMPLES
    taps = np.zeros(n.size, np.complex128)
    for delay_s, gain in paths:
        x = n - delay_s * rate_hz
        window = np.where(np.abs(x) <= SINC_SAMPLES, 0.5 + 0.5 * np.cos(np.pi * x / SINC_SAMPLES), 0.0)
        taps += gain * np.sinc(x) * window
    return taps.astype(np.complex64)


def _echoed(wave: C64, taps: C64, *, loop: bool) -> C64:
    block = max(BLOCK, 4 * taps.size)
    step = block - taps.size + 1
    shape = np.fft.fft(taps, block)
    out = np.zeros(wave.size + taps.size - 1, np.complex64)
    for at in range(0, wave.size, step):
        piece = wave[at : at + step]
        out[at : at + piece.size + taps.size - 1] += np.fft.ifft(np.fft.fft(piece, block) * shape)[
            : piece.size + taps.size - 1
        ]
    if loop:
        for at in range(wave.size, out.size, wave.size):
            rest = out[at : at + wave.size]
            out[: rest.size] += rest
        out = np.roll(out[: wave.size], -SINC_SAMPLES)
    else:
        out = out[SINC_SAMPLES:]
    energy = [float(np.vdot(x, x).real) for x in (wave, out)]
    return out * np.float32(math.sqrt(energy[0] / energy[1]))


def _walk(wave: C64, sigma: float, rng: np.random.Generator, *, loop: bool) -> C64:
    """Turn a phase at random, by `sigma` radians a sample; a loop ends where it began."""
    phase = np.cumsum(rng.standard_normal(wave.size, np.float32) * np.float32(sigma), dtype=np.float64)
    if loop:
        phase -= np.arange(1, wave.size + 1) * (phase[-1] / wave.size)
    return np.asarray(wave * np.exp(1j * phase), np.complex64)
