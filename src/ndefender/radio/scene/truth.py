"""Exact ground truth of a scene: who transmitted, when, where and how wide, for any interval, without rendering."""

from __future__ import annotations

from dataclasses import dataclass

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.channel import received_db
from ndefender.radio.scene.emitter import Burst, Emitter, alive
from ndefender.radio.scene.load import Scene
from ndefender.units import ns_to_s, s_to_ns, to_db


@dataclass(frozen=True, slots=True)
class TruthEmission:
    """One emission as it left the antenna.

    Args:
        emitter: name in the scene.
        class_path: what it is.
        start_s: first moment, seconds since the scene's start; continuous emitters are cut to the interval asked for.
        duration_s: length.
        center_hz: carrier.
        bandwidth_hz: occupied bandwidth (99 %).
        level_dbfs: mean power at 40 dB gain, dB of full scale, as it arrives: fading and the hop's own echoes included.
        contact: expected to be reported.
    """

    emitter: str
    class_path: tuple[str, ...]
    start_s: float
    duration_s: float
    center_hz: float
    bandwidth_hz: float
    level_dbfs: float
    contact: bool


@dataclass(frozen=True, slots=True)
class EmitterTruth:
    """One emitter of a scene.

    Args:
        name, class_path: as in the scene.
        contact: expected to be reported as exactly one contact.
        start_s, stop_s: its life; None never ends.
        low_hz, high_hz: everything it ever occupies.
        bandwidth_hz: occupied bandwidth of one burst.
        snr_db: over its own bandwidth, against the scene's noise, while it transmits.
    """

    name: str
    class_path: tuple[str, ...]
    contact: bool
    start_s: float
    stop_s: float | None
    low_hz: float
    high_hz: float
    bandwidth_hz: float
    snr_db: float


def truth(scene: Scene, start_s: float, stop_s: float, low_hz: float, high_hz: float) -> list[TruthEmission]:
    """Return every emission that overlaps an interval of time and frequency, in order of start.

    Args:
        scene: a loaded scene.
        start_s, stop_s: seconds since the scene's start.
        low_hz, high_hz: absolute frequencies; an emission counts when its occupied band overlaps.
    """
    begin, end = s_to_ns(start_s), s_to_ns(stop_s)
    found = [
        emission
        for emitter, dice in zip(scene.emitters, scene.dice, strict=True)
        for burst in alive(emitter, dice, begin, end, joined=True)
        if (emission := _emission(emitter, dice, burst, begin, end)).center_hz + emission.bandwidth_hz / 2 > low_hz
        and emission.center_hz - emission.bandwidth_hz / 2 < high_hz
    ]
    return sorted(found, key=lambda emission: (emission.start_s, emission.center_hz))


def emitters(scene: Scene) -> list[EmitterTruth]:
    """Return one summary for each emitter, in the scene's order."""
    rows = []
    for emitter in scene.emitters:
        low, high = emitter.reach_hz
        width = emitter.occupied_hz
        center = emitter.center_hz + emitter.cfo_hz
        noise_dbfs = scene.header.noise_dbfs_hz + to_db(max(width, 1.0))
        rows.append(
            EmitterTruth(
                emitter.name, emitter.path, emitter.contact, emitter.start_s, emitter.stop_s,
                center + low - width / 2, center + high + width / 2, width, emitter.level_dbfs - noise_dbfs,
            )
        )  # fmt: skip
    return rows


def _emission(emitter: Emitter, dice: Dice, burst: Burst, begin: int, end: int) -> TruthEmission:
    start, stop = burst.start_ns, burst.start_ns + burst.duration_ns
    if emitter.loops:
        start, stop = max(start, begin), min(stop, end)
    return TruthEmission(
        emitter=emitter.name,
        class_path=emitter.path,
        start_s=ns_to_s(start),
        duration_s=ns_to_s(stop - start),
        center_hz=emitter.center_hz + emitter.cfo_hz + burst.offset_hz,
        bandwidth_hz=emitter.occupied_hz,
        level_dbfs=received_db(emitter, dice, burst, start, stop),
        contact=emitter.contact,
    )
