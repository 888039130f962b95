"""Classified emissions as a detector would report them, without a detector: emitters with jitter, errors and edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ndefender import records, taxonomy

MHZ = 1e6
MS = 1_000_000
RATE_HZ = 61.44e6
FLOOR_DB = -85.0


@dataclass(frozen=True)
class Look:
    """One dwell: when, how long, what it sees."""

    t_ns: int
    duration_s: float
    low_hz: float
    high_hz: float
    lo_hz: float


@dataclass(frozen=True)
class Seen:
    """One emission before it becomes a row."""

    center_hz: float
    bandwidth_hz: float
    path: tuple[str, ...] = ("Unknown",)
    start_s: float = 0.001
    duration_s: float = 0.001
    snr_db: float = 25.0
    confidence: float = 0.999
    class_confidence: float = 0.8
    flags: int = 0
    pattern_mask: int = 0
    evidence: dict[str, float] = field(default_factory=dict)

    def inside(self, look: Look) -> Seen | None:
        """Cut it to what a dwell sees; None where that is nothing much."""
        low = max(self.center_hz - self.bandwidth_hz / 2, look.low_hz)
        high = min(self.center_hz + self.bandwidth_hz / 2, look.high_hz)
        if high - low < 0.05 * self.bandwidth_hz:
            return None
        flags = self.flags
        if low > self.center_hz - self.bandwidth_hz / 2:
            flags |= records.EMISSION_EDGE_LOW
        if high < self.center_hz + self.bandwidth_hz / 2:
            flags |= records.EMISSION_EDGE_HIGH
        start, stop = max(self.start_s, 0.0), min(self.start_s + self.duration_s, look.duration_s)
        if stop <= start:
            return None
        flags |= records.EMISSION_CUT_START * (self.start_s < 0)
        flags |= records.EMISSION_CUT_END * (self.start_s + self.duration_s > look.duration_s)
        return replace(
            self,
            center_hz=(low + high) / 2,
            bandwidth_hz=high - low,
            start_s=start,
            duration_s=stop - start,
            flags=int(flags),
        )


class Emitter(Protocol):
    """Something on the air."""

    def emit(self, look: Look, rng: np.random.Generator) -> Iterator[Seen]:
        """Everything it sends during a dwell, whatever the dwell sees of the spectrum."""


def rows(seen: Sequence[Seen]) -> NDArray[np.void]:
    """Turn emissions into `records.EMISSION` rows."""
    out = np.zeros(len(seen), records.EMISSION)
    for i, s in enumerate(seen):
        row = out[i]
        row["start_s"], row["duration_s"] = s.start_s, s.duration_s
        row["center_hz"], row["bandwidth_hz"] = s.center_hz, s.bandwidth_hz
        row["snr_db"], row["peak_db"] = s.snr_db, FLOOR_DB + s.snr_db + 3.0
        row["noise_floor_db"], row["prominence_db"] = FLOOR_DB, s.snr_db + 3.0
        row["confidence"], row["classification_confidence"] = s.confidence, s.class_confidence
        row["pattern_mask"], row["class_id"] = s.pattern_mask, taxonomy.CLASS_ID[s.path]
        row["cluster_size"], row["flags"], row["index"] = max(int(s.bandwidth_hz / 30e3), 1), s.flags, i
        for name, value in s.evidence.items():
            row["evidence"][name] = value
    return out


def summary(look: Look, seq: int, *, simulated: bool = True, flags: int = 0, epoch: int = 1) -> np.void:
    """Build a `records.SUMMARY` for a dwell that ended when its samples did."""
    out = np.zeros((), records.SUMMARY)
    block = out["block"]
    block["seq"], block["source_epoch"], block["tuning_id"] = seq, epoch, seq
    block["n_samples"], block["rate_hz"] = round(look.duration_s * RATE_HZ), RATE_HZ
    block["host_ns"], block["unix_ns"] = look.t_ns, look.t_ns
    block["captured_ns"] = look.t_ns + round(look.duration_s * 1e9)
    block["center_hz"], block["bandwidth_hz"] = look.lo_hz, 56e6
    block["use_low_hz"], block["use_high_hz"] = look.low_hz, look.high_hz
    block["flags"] = flags | (records.BLOCK_SIMULATED if simulated else 0)
    out["bin_hz"] = 30e3
    return out[()]


def mask_of(center_hz: float, error_hz: float) -> int:
    """Analogue channels within an error of a centre."""
    return sum(1 << i for i, c in enumerate(taxonomy.CHANNELS) if abs(c.center_hz - center_hz) <= error_hz)


def _pick(rng: np.random.Generator, shares: dict[tuple[str, ...], float]) -> tuple[str, ...]:
    weights = np.array(list(shares.values()))
    return list(shares)[rng.choice(len(shares), p=weights / weights.sum())]


def _times(look: Look, rng: np.random.Generator, rate_hz: float) -> NDArray[np.float64]:
    return np.sort(rng.uniform(0.0, look.duration_s, rng.poisson(rate_hz * look.duration_s)))


@dataclass(frozen=True)
class WiFi:
    """An access point and its stations: bursts at three levels, some seen in part, some with a skirt."""

    center_hz: float = 2437 * MHZ
    bursts_hz: float = 500.0

    def emit(self, look: Look, rng: np.random.Generator) -> Iterator[Seen]:
        for start in _times(look, rng, self.bursts_hz):
            level = float(rng.choice([38.0, 24.0, 14.0])) + rng.normal(0, 1)
            width = rng.normal(17.2, 0.5) * MHZ
            center = self.center_hz + rng.normal(0, 0.15) * MHZ
            path = _pick(
                rng, {("WiFi", "OFDM"): 85, ("Unknown",): 9, ("Digital", "OFDM"): 5, ("Digital", "Video", "DJI"): 1}
            )
            length = rng.uniform(30e-6, 1.5e-3)
            if rng.random() < 0.15:  # a weak or short one, of which a piece is over the threshold
                width = rng.uniform(0.8, 8.0) * MHZ
                center += rng.uniform(-1, 1) * (17 * MHZ - width) / 2
                path = _pick(rng, {("Unknown",): 90, ("WiFi", "OFDM"): 5, ("Control", "FHSS"): 3, ("Bluetooth",): 2})
                level -= 8
            yield Seen(center, width, path, start, length, level, class_confidence=rng.uniform(0.5, 0.95))
            if level > 36 and rng.random() < 0.3:  # skirt
                side = rng.choice([-1, 1])
                yield Seen(center + side * 12 * MHZ, 1.5 * MHZ, ("Unknown",), start, length, level - 30)


@dataclass(frozen=True)
class Bluetooth:
    """A piconet: 1600 slots a second over 79 channels."""

    snr_db: float = 22.0

    def emit(self, look: Look, rng: np.random.Generator) -> Iterator[Seen]:
        for start in np.arange(rng.uniform(-625e-6, 0), look.duration_s, 625e-6):
            if rng.random() < 0.25:
                continue
            path = _pick(
                rng,
                {
                    ("Bluetooth",): 84,
                    ("Unknown",): 10,
                    ("Control", "FHSS"): 3,
                    ("Interference", "ISM"): 2,
                    ("Control", "LoRa"): 1,
                },
            )
            yield Seen(
                (2402 + rng.integers(79)) * MHZ + rng.normal(0, 20e3),
                rng.normal(0.95, 0.07) * MHZ,
                path,
                start,
                366e-6,
                self.snr_db + rng.normal(0, 2),
                class_confidence=rng.uniform(0.5, 0.95),
                evidence={"chirp_score": abs(rng.normal(0.05, 0.05)), "fm_deviation_hz": rng.normal(160e3, 10e3)},
            )


@dataclass(frozen=True)
class Elrs:
    """ExpressLRS: 250 packets a second, a new one of 80 channels every four."""

    snr_db: float = 18.0
    low_hz: float = 2400.4 * MHZ
    channels: int = 80
    bandwidth_hz: float = 812.5e3

    def emit(self, look: Look, rng: np.random.Generator) -> Iterator[Seen]:
        first = int(look.t_ns // (4 * MS))
        for packet in range(first, first + int(look.duration_s / 4e-3) + 2):
            hop = packet // 4
            channel = int(np.random.default_rng(hop).integers(self.channels))
            path = _pick(
                rng,
                {("Control", "LoRa", "ELRS"): 70, ("Control", "LoRa"): 17, ("Unknown",): 10, ("Bluetooth",): 3},
            )
            yield Seen(
                self.low_hz + channel * 1 * MHZ + rng.normal(0, 15e3),
                self.bandwidth_hz * rng.normal(1, 0.04),
                path,
                (packet * 4 * MS - look.t_ns) / 1e9,
                2.6e-3,
                self.snr_db + rng.normal(0, 1),
                class_confidence=rng.uniform(0.5, 0.95),
                evidence={"chirp_score": 0.85 if path[0] == "Control" else 0.4},
            )


@dataclass(frozen=True)
class Continuous:
    """Something that is always on: LTE, a carrier."""

    center_hz: float
    bandwidth_hz: float
    path: tuple[str, ...]
    snr_db: float = 20.0

    def emit(self, look: Look, rng: np.random.Generator) -> Iterator[Seen]:
        yield Seen(
            self.center_hz + rng.normal(0, 0.01) * self.bandwidth_hz,
            self.bandwidth_hz * rng.normal(1, 0.02),
            self.path if rng.random() < 0.9 else ("Unknown",),
            -1.0,
            3.0,
            self.snr_db + rng.normal(0, 0.5),
            flags=records.EMISSION_CONTINUOUS,
        )


@dataclass(frozen=True)
class Pilot:
    """Analogue FPV video: line sync found most of the time, measured wide when the sound carrier is strong."""

    center_hz: float
    snr_db: float = 25.0

    def emit(self, look: Look, rng: np.random.Generator) -> Iterator[Seen]:
        center = self.center_hz + rng.normal(0, 0.15) * MHZ
        clear = rng.random() < 0.7
        path = ("Analog", "Video") if clear or rng.random() < 0.9 else ("Unknown",)
        yield Seen(
            center,
            rng.normal(7.0, 0.5) * MHZ if rng.random() < 0.85 else rng.normal(15.0, 1.0) * MHZ,
            path,
            -1.0,
            3.0,
            self.snr_db + rng.normal(0, 0.5),
            class_confidence=0.95 if clear else 0.6,
            flags=records.EMISSION_CONTINUOUS | (records.EMISSION_CONCLUSIVE if clear else 0),
            pattern_mask=mask_of(center, 1.2 * MHZ) if path[0] == "Analog" else 0,
        )


@dataclass(frozen=True)
class Dji:
    """A 20 MHz OFDM downlink in TDD frames: four bursts of 2 ms in 10 ms."""

    center_hz: float = 5765 * MHZ
    snr_db: float = 24.0

    def emit(self, look: Look, rng: np.random.Generator) -> Iterator[Seen]:
        phase = (look.t_ns % (10 * MS)) / 1e9
        for start in np.arange(-phase, look.duration_s, 2.5e-3):
            yield Seen(
                self.center_hz + rng.normal(0, 0.1) * MHZ,
                rng.normal(18.0, 0.4) * MHZ,
                _pick(
                    rng,
                    {("Digital", "Video", "DJI"): 77, ("Unknown",): 10, ("Digital", "OFDM"): 10, ("WiFi", "OFDM"): 3},
                ),
                float(start),
                2e-3,
                self.snr_db + rng.normal(0, 1),
                class_confidence=rng.uniform(0.5, 0.95),
            )


def look_at(
    emitters: Iterable[Emitter], look: Look, rng: np.random.Generator, *, image_db: float = 45.0, detect_db: float = 4.0
) -> list[Seen]:
    """What a detector reports of a dwell: emissions cut to what it sees, and the images of the strong ones."""
    out: list[Seen] = []
    for emitter in emitters:
        for sent in emitter.emit(look, rng):
            seen = sent.inside(look)
            if seen is None or seen.snr_db < detect_db:
                continue
            out.append(seen)
            image = replace(
                seen, center_hz=2 * look.lo_hz - seen.center_hz, snr_db=seen.snr_db - image_db, path=("Unknown",)
            )
            if image.snr_db >= detect_db - 12 and (clipped := image.inside(look)) is not None:
                out.append(clipped)
    return out
