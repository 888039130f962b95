"""Single emitters, impaired and at a stated SNR, through pipeline and tracker: what is each of them called?

    .venv/bin/python benchmarks/detection_trials.py --snr 12 --seeds 1:21 [--kind pal ...]

A trial is one emitter alone. The receiver looks at it a few times as a sweep would, a second or so apart, each time at
a moment when it is on the air (when it is met is another question: `detection_links.py`), at a random offset. Levels
are stated over the emitter's occupied bandwidth, the truth is the generator's. Seeds below 1000 are for whoever sets
thresholds; those from 10000 on are for scores and nobody sets anything by them.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from detection_kinds import KINDS, Kind
from harness import parser

from ndefender.config.load import load_settings
from ndefender.dsp import Pipeline
from ndefender.radio.scene import Renderer, Scene, truth
from ndefender.radio.scene.load import Impairments, SceneHeader
from ndefender.records import BLOCK, BLOCK_SIMULATED, RESULT
from ndefender.runtime.analysis import dsp_config
from ndefender.runtime.mapping import band_spans, track_policy
from ndefender.taxonomy import CLASSES
from ndefender.track import Contact, Tracker
from ndefender.units import NS_PER_S

TRAINING = range(1, 1000)
SCORING_FROM = 10_000
RATE_HZ = 61.44e6
BANDWIDTH_HZ = 56e6
USABLE_HZ = 0.8 * RATE_HZ
GAIN_DB = 40.0
NOISE_DBFS_HZ = -132.0
LOOKS = 8
REVISIT_S = (0.8, 1.6)
LOOKED_FOR = 4000  # quarters of a dwell in which something must be on the air
NOTHING = "none"
_PATHS = {row.path for row in CLASSES}


@dataclass(frozen=True, slots=True)
class Named:
    """A contact of a trial.

    Args:
        label: class path, joined with `/`, of a row of the taxonomy.
        confidence: of the classification.
        hint: `pattern_hint`.
        hop_rate_hz: as told.
        center_error_hz, width_ratio: against the truth; of a hopping link the centre says nothing.
        changes: events of its life.
    """

    label: str
    confidence: float
    hint: str
    hop_rate_hz: float
    center_error_hz: float
    width_ratio: float
    changes: int


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one emitter.

    Args:
        kind, label: what it was.
        seed, snr_db: which.
        contacts: most often told first.
        emissions: labels of what the pipeline found, and how often.
        new_after_looks: dwells until the first contact, 0 without one.
    """

    kind: str
    label: str
    seed: int
    snr_db: float
    contacts: tuple[Named, ...]
    emissions: Counter[str]
    new_after_looks: int

    @property
    def said(self) -> str:
        """Label of the foremost contact."""
        return self.contacts[0].label if self.contacts else NOTHING


class Bench:
    """Pipeline and block, made once for many trials."""

    def __init__(self) -> None:
        self._settings = load_settings(None, {})
        self._samples = round(max(kind.dwell_s for kind in KINDS) * RATE_HZ)
        self._pipeline = Pipeline(dsp_config(self._settings), self._samples)
        self._iq = np.empty((self._samples, 2), np.int16)
        self._block: np.void = np.zeros(1, BLOCK)[0]
        self._out: np.void = np.zeros(1, RESULT)[0]

    def trial(self, kind: Kind, seed: int, snr_db: float) -> Trial:
        """Render, listen, track."""
        rng = np.random.default_rng([seed, *kind.name.encode()])
        emitter = kind.draw(rng, snr_db, NOISE_DBFS_HZ)
        receiver = Impairments(dc_dbfs=float(rng.uniform(-70, -55)), image_db=float(rng.uniform(-60, -40)))
        scene = Scene("trial", SceneHeader(name=kind.name, seed=seed, impairments=receiver), (emitter,))
        renderer = Renderer(scene)
        settings = self._settings
        tracker = Tracker(track_policy(settings), band_spans(settings, settings.scan.plan))
        reach = sum(emitter.reach_hz) / 2
        room_hz = max((USABLE_HZ - emitter.occupied_hz - (emitter.reach_hz[1] - emitter.reach_hz[0])) / 2 - 1e6, 1e6)
        found: Counter[str] = Counter()
        told: Counter[str] = Counter()
        newest: dict[str, Contact] = {}
        first = 0
        now_s = 0.0
        for look in range(1, LOOKS + 1):
            lo_hz = emitter.center_hz + reach + float(rng.uniform(-room_hz, room_hz))
            now_s = _on_air(scene, now_s + float(rng.uniform(*REVISIT_S)), kind.dwell_s, lo_hz)
            emissions = self._listen(renderer, look, now_s, lo_hz, round(kind.dwell_s * RATE_HZ))
            found.update("/".join(CLASSES[i].path) for i in emissions["class_id"])
            now_ns = round((now_s + kind.dwell_s) * NS_PER_S)
            for change in tracker.dwell(self._out["summary"], emissions, now_ns, now_ns):
                newest[change.contact.contact_id] = change.contact
                told[change.contact.contact_id] += 1
                first = first or look
        contacts = [_named(newest[name], count, emitter) for name, count in told.most_common()]
        return Trial(kind.name, kind.label, seed, snr_db, tuple(contacts), found, first)

    def _listen(self, renderer: Renderer, seq: int, start_s: float, lo_hz: float, n: int) -> np.ndarray:
        iq, block = self._iq[:n], self._block
        start_ns = round(start_s * NS_PER_S)
        clipped = renderer.render(start_ns, lo_hz, RATE_HZ, BANDWIDTH_HZ, GAIN_DB, iq)
        block["seq"], block["source_epoch"], block["n_samples"] = seq, 1, n
        block["host_ns"] = block["unix_ns"] = block["captured_ns"] = start_ns
        block["center_hz"], block["rate_hz"], block["bandwidth_hz"] = lo_hz, RATE_HZ, BANDWIDTH_HZ
        block["use_low_hz"] = block["own_low_hz"] = lo_hz - USABLE_HZ / 2
        block["use_high_hz"] = block["own_high_hz"] = lo_hz + USABLE_HZ / 2
        block["gain_db"], block["full_scale"], block["tuning_id"] = GAIN_DB, 2048.0, seq
        block["flags"], block["clipped_samples"] = BLOCK_SIMULATED, clipped
        count = self._pipeline.analyse(iq, block, self._out)
        return np.asarray(self._out["emissions"][:count].copy())


def _on_air(scene: Scene, start_s: float, dwell_s: float, lo_hz: float) -> float:
    """First moment from then on at which a dwell has something to hear: a fifth of it, or a whole emission."""
    for i in range(LOOKED_FOR):
        at_s = start_s + i * dwell_s / 4
        for one in truth(scene, at_s, at_s + dwell_s, lo_hz - USABLE_HZ / 2, lo_hz + USABLE_HZ / 2):
            heard_s = min(one.start_s + one.duration_s, at_s + dwell_s) - max(one.start_s, at_s)
            if heard_s >= min(0.2 * dwell_s, 0.999 * one.duration_s):
                return at_s
    raise ValueError(f"{scene.header.name}: nothing on the air within {LOOKED_FOR * dwell_s / 4:g} s")


def label_of(path: Sequence[str]) -> str:
    """The taxonomy's row that a contact's class path goes into: a channel's name is dropped."""
    for length in range(len(path), 0, -1):
        if tuple(path[:length]) in _PATHS:
            return "/".join(path[:length])
    return "/".join(path)


def _named(contact: Contact, changes: int, emitter: object) -> Named:
    center_hz = getattr(emitter, "center_hz", 0.0) + getattr(emitter, "cfo_hz", 0.0)
    return Named(
        label_of(contact.class_path),
        contact.classification_confidence,
        contact.pattern_hint,
        contact.hop_rate_hz,
        contact.freq_hz - center_hz,
        contact.bandwidth_hz / max(getattr(emitter, "occupied_hz", 0.0), 1.0),
        changes,
    )


_bench: list[Bench] = []


def _run(job: tuple[int, int, float]) -> Trial:
    if not _bench:
        _bench.append(Bench())
    index, seed, snr_db = job
    return _bench[0].trial(KINDS[index], seed, snr_db)


def run(jobs: Iterable[tuple[int, int, float]], workers: int) -> list[Trial]:
    """Run trials in processes of their own.

    Args:
        jobs: (index of the kind, seed, SNR in dB).
        workers: processes.
    """
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return list(pool.imap(_run, jobs, chunksize=4))


def confusion(trials: Iterable[Trial]) -> dict[str, Counter[str]]:
    """What each class was called, by label."""
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for trial in trials:
        table[trial.label][trial.said] += 1
    return dict(table)


def f1_by_class(table: dict[str, Counter[str]]) -> dict[str, float]:
    """F1 of each class of the truth. Classes count alike, however many trials they have."""
    rates = {label: {said: n / sum(row.values()) for said, n in row.items()} for label, row in table.items()}
    scores = {}
    for label, row in rates.items():
        hit = row.get(label, 0.0)
        false = sum(other.get(label, 0.0) for name, other in rates.items() if name != label)
        scores[label] = 2 * hit / (1.0 + hit + false)
    return scores


def macro_f1(table: dict[str, Counter[str]]) -> float:
    """Mean F1 over the classes of the truth."""
    return float(np.mean(list(f1_by_class(table).values())))


def is_right(label: str, said: str) -> bool:
    """Whether what was said is the class, or stops on the way to it."""
    return label == said or label.startswith(said + "/")


def is_named(said: str) -> bool:
    """Whether something was said at all."""
    return said not in {NOTHING, "Unknown"}


def picked(names: Sequence[str]) -> list[int]:
    """Indices of kinds by name; all without names."""
    return [i for i, kind in enumerate(KINDS) if not names or kind.name in names]


def jobs_of(kinds: Sequence[int], seeds: Iterable[int], snr_db: float) -> list[tuple[int, int, float]]:
    """Every kind with every seed."""
    return [(index, seed, snr_db) for seed in seeds for index in kinds]


def main() -> int:
    """Run and print the confusion."""
    options = parser(__doc__ or "")
    options.add_argument("--snr", type=float, nargs="+", default=[12.0])
    options.add_argument("--seeds", default="1:6", help="first:stop")
    options.add_argument("--kind", nargs="*", default=[])
    options.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = options.parse_args()
    seeds = range(*map(int, asked.seeds.split(":")))
    for snr_db in asked.snr:
        trials = run(jobs_of(picked(asked.kind), seeds, snr_db), asked.workers)
        show(trials, snr_db)
    return 0


def show(trials: Sequence[Trial], snr_db: float) -> None:
    """Print one SNR's confusion, by kind and by class."""
    by_kind: defaultdict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_kind[trial.kind].append(trial)
    sys.stdout.write(f"== {snr_db:g} dB in band\n")
    for name, some in by_kind.items():
        said = Counter(trial.said for trial in some)
        more = sum(len(trial.contacts) > 1 for trial in some)
        found = sum((trial.emissions for trial in some), Counter()).most_common(5)
        words = ", ".join(f"{key} {n}" for key, n in said.most_common())
        parts = ", ".join(f"{key} {n}" for key, n in found)
        sys.stdout.write(f"{name:15s} {some[0].label:24s} {words}; {more} with more contacts | emissions {parts}\n")
    table = confusion(trials)
    for label, score in f1_by_class(table).items():
        sys.stdout.write(f"  {label:26s} F1 {score:.3f}\n")
    named = [trial for trial in trials if is_named(trial.said)]
    right = sum(is_right(trial.label, trial.said) for trial in named)
    sys.stdout.write(
        f"  macro F1 {macro_f1(table):.3f}, coverage {len(named) / len(trials):.3f}, "
        f"precision {right / max(len(named), 1):.3f} of {len(named)}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
