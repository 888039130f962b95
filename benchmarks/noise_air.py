"""Hours of a simulated sky through source, pipeline and tracker in one process, as fast as it goes.

Scene time advances as that of a real sweep: by tuning, settling, samples, and the time the link takes for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from ndefender.config.settings import Settings
from ndefender.dsp import Pipeline
from ndefender.radio.hops import sweep_order
from ndefender.radio.plan import Hop, HopPlan
from ndefender.radio.scene import Scene, load_scene
from ndefender.radio.simulated import SimulatedSource
from ndefender.radio.source import BlockMeta, SourceInfo, Tuning
from ndefender.records import BLOCK, RESULT
from ndefender.runtime.analysis import dsp_config
from ndefender.runtime.header import DwellFacts, fill_header
from ndefender.runtime.mapping import band_of, band_spans, plan_for, track_policy
from ndefender.track import Change, Tracker
from ndefender.units import NS_PER_S

BYTES_PER_SAMPLE = 4
RETUNE_S = 0.0015  # tuning and settling


@dataclass(slots=True)
class Tally:
    """What came out.

    Args:
        air_s: scene time.
        listened_s: of it, time that samples cover.
        dwells, emissions: analysed, found in them.
        contacts: that became NEW.
    """

    air_s: float = 0.0
    listened_s: float = 0.0
    dwells: int = 0
    emissions: int = 0
    contacts: int = 0

    def add(self, other: Tally) -> None:
        """Add another process's share."""
        self.air_s += other.air_s
        self.listened_s += other.listened_s
        self.dwells += other.dwells
        self.emissions += other.emissions
        self.contacts += other.contacts


def seeded(name: str, seed: int) -> Scene:
    """A built-in scene with another seed, so that no two processes hear the same noise."""
    scene = load_scene(name)
    return replace(scene, header=msgspec.structs.replace(scene.header, seed=seed))


class Air:
    """A receiver that sweeps a scene.

    Args:
        scene: what there is to hear.
        settings: the configuration; its active plan is swept.
    """

    def __init__(self, scene: Scene, settings: Settings) -> None:
        self._settings = settings
        self._link_bytes_s = settings.radio.emulated_link_bytes_s
        self._source = SimulatedSource(scene, retune_s=RETUNE_S)
        self._info: SourceInfo = self._source.open()
        name = settings.scan.plan
        self.plan: HopPlan = plan_for(settings, 1, name, [band_of(b) for b in settings.plan[name]], self._info)
        longest = max(hop.dwell_samples for hop in self.plan.hops)
        self._buffer = np.zeros((longest, 2), np.int16)
        self._pipeline = Pipeline(dsp_config(settings), longest)
        self._tracker = Tracker(track_policy(settings), band_spans(settings, name))
        self._block: np.void = np.zeros(1, BLOCK)[0]
        self._out: np.void = np.zeros(1, RESULT)[0]
        self._transferred_ns = 0  # what the link took so far: the source itself does not know of it
        self._began_ns = time.monotonic_ns()
        self.tally = Tally()

    def run(self, air_s: float) -> Iterator[Tally]:
        """Sweep until that much scene time is over; gives the tally after every sweep."""
        sweep = 0
        while self.tally.air_s < air_s:
            for hop in sweep_order(self.plan, sweep):
                self._dwell(hop, sweep)
            sweep += 1
            yield self.tally

    def _dwell(self, hop: Hop, sweep: int) -> None:
        plan, tally = self.plan, self.tally
        tally.dwells += 1
        self._source.tune(
            Tuning(
                hop.center_hz,
                plan.rate_hz,
                plan.bandwidth_hz,
                "manual",
                hop.gain_db,
                hop.rx_port,
                hop.dwell_samples,
                tally.dwells,
            )
        )
        samples = self._buffer[: hop.dwell_samples]
        meta = self._late(self._source.read_into(samples, 1.0))
        self._transferred_ns += round(hop.dwell_samples * BYTES_PER_SAMPLE / self._link_bytes_s * NS_PER_S)
        now_ns = self._began_ns + self._source.scene_ns + self._transferred_ns
        fill_header(self._block, meta, self._info, hop, DwellFacts(tally.dwells, 0, now_ns, 1, sweep, 1, True))
        count = self._pipeline.analyse(samples, self._block, self._out)
        emissions = self._out["emissions"][:count].copy()
        changes = self._tracker.dwell(self._out["summary"], emissions, now_ns, meta.unix_ns)
        self._count(changes + self._tracker.tick(now_ns, meta.unix_ns))
        tally.emissions += count
        tally.listened_s += hop.dwell_samples / plan.rate_hz
        tally.air_s = (self._source.scene_ns + self._transferred_ns) / NS_PER_S

    def _late(self, meta: BlockMeta) -> BlockMeta:
        """Move a block to where the transfers before it put it."""
        shift_ns = self._transferred_ns
        return replace(meta, host_ns=meta.host_ns + shift_ns, unix_ns=meta.unix_ns + shift_ns)

    def _count(self, changes: list[Change]) -> None:
        self.tally.contacts += sum(change.kind == "new" for change in changes)
