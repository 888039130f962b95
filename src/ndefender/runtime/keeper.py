"""Keeps the radio open: opens it, notices that it is gone, tries again with back-off."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

from ndefender.errors import RecordingError, SourceError, TuningRejected
from ndefender.radio.source import GainLimits, Source, Tuning
from ndefender.ring.board import Row
from ndefender.runtime.capture_state import Known
from ndefender.runtime.wiring import CaptureCount
from ndefender.units import NS_PER_S

FIRST_PAUSE_S = 0.25
PAUSE_FACTOR = 1.25  # an attempt costs little; a radio that boots or is plugged in again should not wait for us
TEMPERATURE_EVERY_S = 5.0
TIMEOUTS_TO_LOSS = 2  # each of half the configured time-out

log = logging.getLogger(__name__)


@runtime_checkable
class Calibrates(Protocol):
    """A source whose device has calibrations of its own."""

    def calibrations(self) -> tuple[str, ...]:
        """Kinds there are."""
        ...

    def calibrate(self, kind: str) -> None:
        """Run one."""
        ...


class RadioKeeper:
    """One radio over any number of losses.

    Args:
        make_source: gives a fresh, closed source.
        known: where everything that is learned goes.
        row: counts openings, time-outs, tunings.
        reopen_max_s: longest pause between two attempts.
        clock_ns: monotonic.
    """

    def __init__(
        self,
        make_source: Callable[[], Source],
        known: Known,
        row: Row,
        reopen_max_s: float,
        clock_ns: Callable[[], int],
    ) -> None:
        self._make_source = make_source
        self._known = known
        self._row = row
        self._reopen_max_s = reopen_max_s
        self._clock_ns = clock_ns
        self._source: Source | None = None
        self._lost: Source | None = None
        self._wanted: Tuning | None = None
        self._pause_s = FIRST_PAUSE_S
        self._next_try_ns = 0
        self._timeouts = 0
        self._temperature_ns = 0

    @property
    def source(self) -> Source | None:
        """The open source, None while the radio is away."""
        return self._source

    def wait_s(self) -> float:
        """Time until the next attempt to open."""
        return max(0.0, (self._next_try_ns - self._clock_ns()) / NS_PER_S)

    def try_open(self) -> bool:
        """Open the radio if the pause since the last attempt is over.

        Raises:
            RecordingError: the recording cannot be used; no use in trying again.
        """
        self._close_lost()
        if self.wait_s() > 0:
            return False
        self._next_try_ns = self._clock_ns() + int(self._pause_s * NS_PER_S)  # from begin to begin
        source = self._make_source()
        try:
            info = source.open()
        except RecordingError:
            source.close()
            raise
        except SourceError as error:
            source.close()
            self._pause_s = min(self._reopen_max_s, self._pause_s * PAUSE_FACTOR)
            self._say(str(error))
            return False
        self._source, self._wanted = source, None
        self._pause_s, self._next_try_ns, self._timeouts = FIRST_PAUSE_S, 0, 0
        self._row.add(CaptureCount.OPENED)
        known = self._known
        known.info, known.simulated, known.last_error, known.dirty = info, info.simulated, None, True
        known.tuning = known.limits = known.common = known.temperature_c = None
        known.calibrations = source.calibrations() if isinstance(source, Calibrates) else ()
        self._temperature_ns = 0
        log.info(
            "radio open: %s %s at %s%s",
            info.kind, info.model or "of unknown model", info.uri, " (simulated)" if info.simulated else "",
        )  # fmt: skip
        return True

    def tune(self, wanted: Tuning) -> bool:
        """Tune, unless the radio is at that tuning already.

        Returns:
            whether it was tuned anew.
        Raises:
            TuningRejected, SourceLost, SourceTimeout: from the source.
        """
        assert self._source is not None
        if self._wanted is not None and replace(wanted, tuning_id=0) == self._wanted:
            return False
        self._wanted = None
        self._row.add(CaptureCount.TUNINGS)
        tuning_id = self._row.get(CaptureCount.TUNINGS)
        known = self._known
        known.tuning = self._source.tune(replace(wanted, tuning_id=tuning_id))
        known.limits = limits = self._source.gain_limits()
        common = known.common or limits
        known.common = GainLimits(max(common.min_db, limits.min_db), min(common.max_db, limits.max_db))
        self._wanted = replace(wanted, tuning_id=0)
        return True

    def delivered(self) -> None:
        """Note that samples came: the radio is well."""
        self._timeouts = 0
        if self._known.silent:
            self._known.silent, self._known.last_error, self._known.dirty = False, None, True

    def timed_out(self, error: SourceError) -> None:
        """Count a read without samples; too many in a row are a loss.

        The first one is told already: with a radio that does not answer, the second may take libiio five seconds.
        """
        self._row.add(CaptureCount.TIMEOUTS)
        self._timeouts += 1
        self._wanted = None  # whatever was in flight is not to be trusted
        if self._timeouts >= TIMEOUTS_TO_LOSS:
            self.lost(error)
        else:
            self._known.silent = True
            self._say(str(error))

    def lost(self, error: SourceError) -> None:
        """Say why, begin to try again. The next attempt closes the radio first.

        Closing a radio that does not answer takes libiio seconds; the word that it is away is to be out by then.
        """
        self._lost, self._source = self._source, None
        self._away()
        self._next_try_ns = self._clock_ns() + int(FIRST_PAUSE_S * NS_PER_S)
        self._say(str(error))

    def rejected(self, error: TuningRejected, hop_index: int) -> None:
        """Count a tuning the radio refused."""
        self._row.add(CaptureCount.REJECTED)
        self._wanted = None
        message = f"hop {hop_index} skipped: {error}"
        if self._known.last_error != message:
            log.warning("%s", message)
            self._known.last_error, self._known.dirty = message, True

    def close(self) -> None:
        """Close the radio if it is open."""
        self._close_lost()
        if self._source is not None:
            self._source.close()
        self._source = None
        self._away()

    def _close_lost(self) -> None:
        """Close what a loss left open."""
        if self._lost is not None:
            self._lost.close()
        self._lost = None

    def _away(self) -> None:
        """Forget what is known of an open radio only."""
        self._known.silent = False
        self._known.info = self._known.tuning = self._known.limits = None
        self._known.dirty = True

    def read_temperature(self) -> None:
        """Ask for the temperature every few seconds."""
        now_ns = self._clock_ns()
        if self._source is None or now_ns < self._temperature_ns:
            return
        self._temperature_ns = now_ns + int(TEMPERATURE_EVERY_S * NS_PER_S)
        self._known.temperature_c = self._source.temperature_c()

    def _say(self, reason: str) -> None:
        """Tell why the radio is away, once per reason."""
        reason = reason or "no reason given"
        if self._known.last_error != reason:
            log.warning("radio away: %s", reason)
        self._known.last_error, self._known.dirty = reason, True
