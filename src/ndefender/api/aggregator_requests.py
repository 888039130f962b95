"""One Struct for every request body of the Backend Aggregator. Unknown fields are refused, typing errors with them.

The limits are those of the panel's firmware, so that a command it would refuse never reaches the serial line.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ndefender.events.snapshot import Label

NOTE_CHARS = 500
MIN_TUNE_HZ = 1_000_000
MAX_TUNE_HZ = 6_500_000_000
MIN_DWELL_MS = 10
MAX_DWELL_MS = 5000
MAX_WHOLE = 2**53 - 1  # the largest whole number that every JSON reader keeps exact

ReceiverId = Annotated[int, msgspec.Meta(ge=1, le=3)]
TuneHz = Annotated[int, msgspec.Meta(ge=MIN_TUNE_HZ, le=MAX_TUNE_HZ)]
DwellMs = Annotated[int, msgspec.Meta(ge=MIN_DWELL_MS, le=MAX_DWELL_MS)]
ScanHz = Annotated[int, msgspec.Meta(ge=1, le=MAX_WHOLE)]
Lamp = Literal[0, 1]


class VrxTune(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /vrx/tune`: tune one video receiver. Receiver 1..3, 1 MHz to 6.5 GHz."""

    vrx_id: ReceiverId
    freq_hz: TuneHz


class VrxLock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /vrx/lock_strongest`: one receiver, or whichever the panel uses."""

    vrx_id: ReceiverId | None = None


class ScanStart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /scan/start`: walk from `start_hz` to `stop_hz`, 10..5000 ms on each step; start below stop."""

    dwell_ms: DwellMs
    step_hz: ScanHz
    start_hz: ScanHz
    stop_hz: ScanHz

    def __post_init__(self) -> None:
        """Hold the two ends against each other.

        Raises:
            ValueError: the band is empty; names the field as `bodies` understands it.
        """
        if self.stop_hz <= self.start_hz:
            raise ValueError(f"field `stop_hz` is {self.stop_hz}, must be above start_hz, {self.start_hz}")


class VideoSelect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /video/select`: the receiver that is shown."""

    ch: ReceiverId


class Leds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /esp32/leds`: red, green, yellow; 0 is off."""

    r: Lamp
    g: Lamp
    y: Lamp


class LabelRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /contacts/{id}/label`: what an operator says of a contact; null takes it back, and its note with it."""

    label: Label | None
    note: Annotated[str, msgspec.Meta(max_length=NOTE_CHARS)] | None = None
