"""gpsd's receivers and the one that is believed. Pure: reports and times in, a section out."""

from __future__ import annotations

import msgspec

from ndefender.events.host import GpsFix, GpsSection
from ndefender.system.gpsd_reports import Device, Devices, Report, Sky, Tpv

STALE_S = 5.0  # receivers report every second; a silent one's last position is no longer where it is
MAX_RECEIVERS = 16
UNKNOWN_DILUTION = 99.0  # what receivers say for "none"
FIXES: dict[int, GpsFix] = {0: "none", 1: "none", 2: "2d", 3: "3d"}


class _Receiver(msgspec.Struct):
    """The newest of one receiver; times are monotonic seconds."""

    tpv: Tpv = Tpv()
    tpv_s: float = float("-inf")
    sky: Sky = Sky()
    sky_s: float = float("-inf")


class Receivers:
    """What gpsd said since `since_s`.

    Args:
        since_s: when the connection began, monotonic seconds.
    """

    def __init__(self, since_s: float) -> None:
        self._since_s = since_s
        self._receivers: dict[str, _Receiver] = {}
        self._attached: set[str] | None = None
        self._believed: str | None = None

    def take(self, report: Report, now_s: float) -> bool:
        """Take a report in; whether it can change the section."""
        match report:
            case Tpv():
                receiver = self._of(report.device)
                receiver.tpv, receiver.tpv_s = report, now_s
            case Sky():
                receiver = self._of(report.device)
                receiver.sky, receiver.sky_s = _merged(receiver.sky, report), now_s
            case Device():
                self._attach(report)
            case Devices():
                self._attached = {device.path for device in report.devices[:MAX_RECEIVERS]}
                for path in self._receivers.keys() - self._attached - {""}:
                    del self._receivers[path]
            case _:
                return False
        return True

    def section(self, now_s: float) -> GpsSection:
        """The section at a time: of the receiver with the best fresh fix, and of the same one while none is better."""
        fresh = {path: row for path, row in self._receivers.items() if now_s - row.tpv_s <= STALE_S}
        if not fresh:
            return self._silent(now_s)
        path = max(fresh, key=lambda path: (fresh[path].tpv.mode, path == self._believed, fresh[path].tpv_s))
        self._believed = path
        sky = fresh[path].sky if now_s - fresh[path].sky_s <= STALE_S else Sky()
        return _section(path, fresh[path].tpv, sky)

    def _silent(self, now_s: float) -> GpsSection:
        if self._attached == set():
            return GpsSection(status="degraded", last_error="gpsd has no receiver")
        newest_s = max((row.tpv_s for row in self._receivers.values()), default=self._since_s)
        silent_s = now_s - max(newest_s, self._since_s)
        if silent_s <= STALE_S:
            return GpsSection()
        names = ", ".join(sorted(self._attached or self._receivers)) or "any receiver"
        return GpsSection(status="degraded", last_error=f"no position from {names} for {silent_s:.0f} s")

    def _of(self, path: str) -> _Receiver:
        if path not in self._receivers:
            if len(self._receivers) >= MAX_RECEIVERS:
                oldest = min(self._receivers, key=lambda path: self._receivers[path].tpv_s)
                del self._receivers[oldest]
            self._receivers[path] = _Receiver()
        return self._receivers[path]

    def _attach(self, device: Device) -> None:
        attached = self._attached or set()
        if device.activated in (0, None):
            attached = attached - {device.path}
            self._receivers.pop(device.path, None)
        elif len(attached) < MAX_RECEIVERS:
            attached = attached | {device.path}
        self._attached = attached


def _merged(before: Sky, after: Sky) -> Sky:
    """A sky view whose missing half is the one before it."""
    missing = {name: getattr(before, name) for name in Sky.__struct_fields__ if getattr(after, name) is None}
    if after.satellites is not None:  # a count that came with other satellites says nothing of these
        missing.pop("seen", None)
        missing.pop("used", None)
    return msgspec.structs.replace(after, **missing)


def _section(path: str, tpv: Tpv, sky: Sky) -> GpsSection:
    placed = tpv.mode >= 2 and tpv.lat is not None and tpv.lon is not None
    altitude_m = next((value for value in (tpv.alt_msl, tpv.alt_hae, tpv.alt) if value is not None), None)
    seen, used = sky.seen, sky.used
    if sky.satellites is not None:
        seen = len(sky.satellites) if seen is None else seen
        used = sum(satellite.used for satellite in sky.satellites) if used is None else used
    return GpsSection(
        fix=FIXES[tpv.mode] if placed else "none",
        lat=tpv.lat if placed else None,
        lon=tpv.lon if placed else None,
        altitude_m=altitude_m if placed and tpv.mode == 3 else None,
        speed_m_s=tpv.speed if placed else None,
        track_deg=tpv.track if placed else None,
        hdop=_dilution(sky.hdop),
        vdop=_dilution(sky.vdop),
        pdop=_dilution(sky.pdop),
        satellites_seen=seen,
        satellites_used=used,
        fix_time_ms=round(tpv.time.timestamp() * 1000) if placed and tpv.time is not None else None,
        device=path or None,
    )


def _dilution(value: float | None) -> float | None:
    return None if value is None or value >= UNKNOWN_DILUTION else value
