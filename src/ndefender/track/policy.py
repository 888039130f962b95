"""How the tracker decides: every limit and tolerance in one frozen place, with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ndefender import taxonomy, units

# A DroneID burst lasts 0.64 ms every 640 ms: a scanner that looks 3 % of the time meets one in 21 s on average, and a
# gap of 9.2 times that has a probability of 1e-4. One burst is conclusive, so there is no history to learn it from.
DEFAULT_TTL_BY_CLASS_S: Mapping[str, float] = {"Digital/DroneID": 240.0}


@dataclass(frozen=True, slots=True)
class BandSpan:
    """A named span of the active plan."""

    name: str
    start_hz: float
    stop_hz: float


def band_of(bands: Sequence[BandSpan], freq_hz: float) -> str | None:
    """Name the first band that contains a frequency, None outside all."""
    for band in bands:
        if band.start_hz <= freq_hz <= band.stop_hz:
            return band.name
    return None


@dataclass(frozen=True, slots=True)
class TrackPolicy:
    """Limits and tolerances of the tracker.

    Args:
        bucket_hz: rounding of ids.
        min_hits_to_confirm: different dwells that confirm a contact at the latest.
        confirm_window_s: hits older than this no longer count; candidates silent for it are dropped.
        confirm_log_likelihood: sum over dwells of ln(c / (1 - c)) that confirms sooner (1e4 : 1), two dwells at least.
        update_interval_s: least time between two updates of one contact.
        ttl_s: silence after which a contact is lost.
        ttl_by_class_s: the same by class path prefix joined with `/`; the longest prefix wins.
        ttl_max_s: bound of a TTL that was learnt from the emitter's own rhythm.
        ttl_miss_probability: a living emitter may stay unheard for its TTL with this probability.
        max_emissions_per_dwell: continuous and conclusive first, then strongest first; the rest is counted.
        max_contacts: bound on confirmed contacts; beyond it candidates wait.
        max_candidates: bound on unconfirmed ones; the one silent for longest goes.
        report_classes: class path prefixes (joined with `/`) that become contacts; empty means all.
        max_lag_s: a dwell older than this counts as this old.
        narrow_hz: a burst up to this wide may belong to a hopping link (Bluetooth LE at 2 Mbit/s is 2 MHz wide).
        wide_hz: `bandwidth_class` is `wide` from here on: above ZigBee and Bluetooth, below every video link.
        video_tolerance_hz: two analogue video centres closer than this are one; half the 5 MHz between B4 and A5.
        min_tolerance_hz: least centre tolerance, for carriers and sensors that drift.
        link_ratio: bursts of one hopping link differ in measured bandwidth by at most this factor.
        link_span_hz: a hopping link stays within this span.
        link_memory_s: a frequency that was not used for this long leaves the hop set.
        image_db: a mirror image about the LO is at least this far below its origin (AD9361: 40 to 60, aged: 30).
        splatter_db: what stands this far below a neighbour that is on at the same time is taken for its skirt.
        splatter_sure_db: the same for what has a class of its own.
        overload_ppm: clipped samples per million from which only the strongest may found contacts.
        correlate_s: control and video that appear within this time of each other may belong together.
        correlate_dwells: joint level samples needed to say so.
        correlate_r: least correlation coefficient of the two levels.
    """

    bucket_hz: float = 250_000.0
    min_hits_to_confirm: int = 3
    confirm_window_s: float = 15.0
    confirm_log_likelihood: float = 9.0
    update_interval_s: float = 1.0
    ttl_s: float = 10.0
    ttl_by_class_s: Mapping[str, float] = field(default_factory=dict)
    ttl_max_s: float = 300.0
    ttl_miss_probability: float = 1e-4
    max_emissions_per_dwell: int = 64
    max_contacts: int = 512
    max_candidates: int = 256
    report_classes: tuple[str, ...] = ()
    max_lag_s: float = 5.0
    narrow_hz: float = 2.5e6
    wide_hz: float = 4e6
    video_tolerance_hz: float = 2.4e6
    min_tolerance_hz: float = 60e3
    link_ratio: float = 1.6
    link_span_hz: float = 100e6
    link_memory_s: float = 120.0
    image_db: float = 30.0
    splatter_db: float = 20.0
    splatter_sure_db: float = 35.0
    overload_ppm: float = 1000.0
    correlate_s: float = 5.0
    correlate_dwells: int = 20
    correlate_r: float = 0.8

    def class_ttl_s(self, path: Sequence[str]) -> float:
        """TTL of a class: the configured one of its longest prefix, else the built-in one, else `ttl_s`."""
        for table in (self.ttl_by_class_s, DEFAULT_TTL_BY_CLASS_S):
            for length in range(len(path), 0, -1):
                value = table.get("/".join(path[:length]))
                if value is not None:
                    return value
        return self.ttl_s

    def reports(self, path: Sequence[str]) -> bool:
        """Whether a class becomes a contact at all."""
        joined = "/".join(path) + "/"
        return not self.report_classes or any(joined.startswith(p.rstrip("/") + "/") for p in self.report_classes)

    @property
    def confirm_window_ns(self) -> int:
        """`confirm_window_s` in nanoseconds."""
        return units.s_to_ns(self.confirm_window_s)


def family_of(class_id: int) -> str:
    """Modulation family of a class, for grouping: what a classifier seldom confuses.

    Returns:
        `lora`, `bluetooth`, `fhss` for hopping ones; else the first element of the class path; empty for Unknown.
    """
    row = taxonomy.CLASSES[class_id]
    if class_id == taxonomy.UNKNOWN:
        return ""
    if row.path[:2] == ("Control", "LoRa"):
        return "lora"
    if row.path[:2] == ("Control", "FHSS"):
        return "fhss"
    return row.path[0].lower()


def compatible(first: str, second: str) -> bool:
    """Whether two families may be the same emitter seen with different luck: `digital` is any OFDM."""
    ofdm = {"digital", "wifi", "cellular"}
    return (
        first == second
        or "" in (first, second)
        or "interference" in (first, second)
        or ofdm.issuperset((first, second))
    )
