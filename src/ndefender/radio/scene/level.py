"""What a video receiver beside the radio would measure of the same scene: level in its band, and its RSSI reading."""

from __future__ import annotations

from collections.abc import Callable

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.load import Scene
from ndefender.radio.scene.truth import TruthEmission, truth
from ndefender.units import from_db, to_db

VIDEO_BANDWIDTH_HZ = 20e6  # of an analogue video receiver's intermediate-frequency filter
AVERAGED_S = 0.02  # what one RSSI value is the mean of
# Readings as in the contract's example (98 … 219): about 0.5 V without a signal, 5 counts a decibel, and an end.
FLOOR_RAW = 95
RAW_PER_DB = 5.0
CEILING_RAW = 230
SIGMA_RAW = 2.0


def received_dbfs(
    scene: Scene, freq_hz: float, t_s: float, bandwidth_hz: float = VIDEO_BANDWIDTH_HZ, averaged_s: float = AVERAGED_S
) -> float:
    """Mean power of all emissions in a band, without noise.

    Args:
        scene: a loaded scene.
        freq_hz: centre of the band.
        t_s: end of the stretch that is averaged, seconds since the scene's start.
        bandwidth_hz: of an ideal filter; of an emission that it cuts, the part inside counts.
        averaged_s: length of the stretch; what is on the air for part of it counts for that part.
    Returns:
        dB of full scale at 40 dB gain, as the levels of a scene; -300 where there is nothing.
    """
    start_s = max(t_s - averaged_s, 0.0)
    low_hz, high_hz = freq_hz - bandwidth_hz / 2.0, freq_hz + bandwidth_hz / 2.0
    return to_db(
        sum(
            from_db(emission.level_dbfs) * _inside(emission, low_hz, high_hz) * _during(emission, start_s, averaged_s)
            for emission in truth(scene, start_s, start_s + averaged_s, low_hz, high_hz)
        )
    )


def video_rssi(scene: Scene) -> Callable[[float, float], int]:
    """Make the RSSI of an RX5808-like receiver: its answer is logarithmic, has a floor of noise, and saturates.

    Args:
        scene: a loaded scene; its seed makes the readings' noise.
    Returns:
        A function of frequency (Hz) and time (seconds since the scene's start) to a raw ADC mean. The same arguments
        give the same reading.
    """
    dice = Dice(scene.header.seed).fork("video receiver")
    noise = from_db(scene.header.noise_dbfs_hz) * VIDEO_BANDWIDTH_HZ

    def rssi(freq_hz: float, t_s: float) -> int:
        over_floor_db = to_db(1.0 + from_db(received_dbfs(scene, freq_hz, t_s)) / noise)
        reading = min(FLOOR_RAW + RAW_PER_DB * over_floor_db, CEILING_RAW)
        return max(round(reading + SIGMA_RAW * _normal(dice, f"rssi {freq_hz:.0f}", round(t_s * 1e3))), 0)

    return rssi


def _inside(emission: TruthEmission, low_hz: float, high_hz: float) -> float:
    """Part of an emission's occupied band within a filter, taken as flat."""
    width_hz = emission.bandwidth_hz
    if width_hz <= 0.0:
        return 1.0
    top_hz = min(emission.center_hz + width_hz / 2.0, high_hz)
    bottom_hz = max(emission.center_hz - width_hz / 2.0, low_hz)
    return max(top_hz - bottom_hz, 0.0) / width_hz


def _during(emission: TruthEmission, start_s: float, length_s: float) -> float:
    """Part of a stretch of time that an emission is on the air."""
    stop_s = min(emission.start_s + emission.duration_s, start_s + length_s)
    return max(stop_s - max(emission.start_s, start_s), 0.0) / length_s


def _normal(dice: Dice, stream: str, index: int) -> float:
    """About normal, mean 0, variance 1: twelve uniform numbers (Irwin and Hall)."""
    return sum(dice.uniform(stream, 12 * index + k) for k in range(12)) - 6.0
