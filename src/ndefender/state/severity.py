"""How urgent a contact is: a table, read from top to bottom; the first row that fits counts. See docs/severity.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from ndefender.events.snapshot import Label, Severity

_ORDER: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")
_SURE: Final = 0.5  # of a class: under it the next best class is as likely
_MOVING_M_S: Final = 2.0  # over what a receiver of satellites shows while it stands still
_OVER_GROUND_M: Final = 3.0
_SAME_VIDEO_HZ: Final = 10_000_000  # half of what one video channel occupies


class Verdict(NamedTuple):
    """Severity and, in plain words, why."""

    severity: Severity
    reason: str


class Row(NamedTuple):
    """One row: where `fits` a contact's fields, the verdict holds."""

    fits: Callable[[Mapping[str, Any]], bool]
    severity: Severity
    reason: str


def _features(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = data.get("features")
    return found if isinstance(found, Mapping) else {}


def _path(data: Mapping[str, Any]) -> tuple[object, ...]:
    found = _features(data).get("class_path")
    return tuple(found) if isinstance(found, list) else ()


def _sure(data: Mapping[str, Any]) -> bool:
    confidence = number(_features(data).get("classification_confidence"))
    return confidence is None or confidence >= _SURE


def number(value: object) -> float | None:
    """Make a float of a JSON number, None of anything else."""
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def _over(data: Mapping[str, Any], key: str, limit: float) -> bool:
    value = number(data.get(key))
    return value is not None and value > limit


def _is(*path: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda data: _path(data)[: len(path)] == path


def _surely(*path: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda data: _path(data)[: len(path)] == path and _sure(data)


def _correlated(data: Mapping[str, Any]) -> bool:
    return _features(data).get("control_correlation") is True


def _status(word: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda data: isinstance(data.get("status"), str) and data["status"].lower() == word


def _airborne(data: Mapping[str, Any]) -> bool:
    return _status("airborne")(data) or _over(data, "height_m", _OVER_GROUND_M) or _over(data, "speed_m_s", _MOVING_M_S)


def _always(data: Mapping[str, Any]) -> bool:
    return True


RF_ROWS: Final = (
    Row(_correlated, "critical", "a control and a video link appear and fade together"),
    Row(_surely("Digital", "DroneID"), "high", "DJI drone announces itself"),
    Row(_surely("Digital", "Video"), "high", "digital drone video"),
    Row(_surely("Analog", "Video"), "high", "analogue FPV video"),
    Row(_surely("Control", "LoRa", "ELRS"), "high", "drone control link"),
    Row(_is("Digital", "DroneID"), "medium", "perhaps a DJI drone that announces itself"),
    Row(_is("Digital", "Video"), "medium", "perhaps digital drone video"),
    Row(_is("Analog", "Video"), "medium", "perhaps analogue FPV video"),
    Row(_is("Control"), "medium", "remote control link"),
    Row(_is("Digital"), "medium", "digital link of unknown kind"),
    Row(_is("WiFi"), "low", "Wi-Fi"),
    Row(_is("Bluetooth"), "low", "Bluetooth"),
    Row(_is("ZigBee"), "low", "ZigBee"),
    Row(_is("Cellular"), "low", "cellular network"),
    Row(_is("Interference"), "low", "interference"),
    Row(_always, "unknown", "class unknown"),
)
REMOTE_ID_ROWS: Final = (
    Row(_status("emergency"), "critical", "aircraft declares an emergency"),
    Row(_airborne, "high", "aircraft in the air"),
    Row(_status("ground"), "medium", "aircraft on the ground"),
    Row(lambda data: number(data.get("speed_m_s")) is not None, "medium", "aircraft does not move"),
    Row(_always, "medium", "aircraft, movement unknown"),
)


def of_rf(data: Mapping[str, Any], label: Label | None) -> Verdict:
    """Judge an RF contact by its fields and what an operator said of it."""
    return labelled(_first(RF_ROWS, data), label)


def of_remote_id(data: Mapping[str, Any], label: Label | None) -> Verdict:
    """Judge an aircraft by its fields and what an operator said of it."""
    return labelled(_first(REMOTE_ID_ROWS, data), label)


def of_fpv(freq_hz: int, label: Label | None, rf: Iterable[Mapping[str, Any]]) -> Verdict:
    """Judge a receiver that hears video.

    Args:
        freq_hz: where it listens.
        label: what an operator said of it.
        rf: fields of the live RF contacts.
    """
    near = [
        data
        for data in rf
        if _is("Analog", "Video")(data) and abs((number(data.get("freq_hz")) or 0.0) - freq_hz) <= _SAME_VIDEO_HZ
    ]
    if any(_correlated(data) for data in near):
        verdict = Verdict("critical", "video, and a control link that appears and fades with it")
    elif near:
        verdict = Verdict("high", "panel and radio hear analogue video on one channel")
    else:
        verdict = Verdict("medium", "receiver's level is over its floor")
    return labelled(verdict, label)


def labelled(verdict: Verdict, label: Label | None) -> Verdict:
    """Let what an operator said of a contact count for more than what it is."""
    if label == "hostile":
        return Verdict("critical", "labelled hostile")
    if label == "friendly":
        return Verdict("low", "labelled friendly")
    if label == "known" and verdict.severity in _ORDER:
        lower = _ORDER[max(_ORDER.index(verdict.severity) - 1, 0)]
        return Verdict(lower, f"labelled known; {verdict.reason}")
    return verdict


def _first(rows: Iterable[Row], data: Mapping[str, Any]) -> Verdict:
    return next(Verdict(row.severity, row.reason) for row in rows if row.fits(data))
