"""Tell a restart of the panel from a wrap of its clock. Pure: host time is an argument.

The panel stamps its lines with milliseconds since its boot, modulo 2^32. A stamp that does not go on from the newest
one is either a restart, or a damaged digit (the line has no checksum): the next line decides.
"""

from __future__ import annotations

WRAP_MS = 1 << 32
HALF_MS = 1 << 31
BACK_MS = 250  # lines of two tasks of the firmware may overtake each other by this
AHEAD_MS = 5_000  # a line may have waited in a buffer while the host was busy
DRIFT_RATIO = 1e-3  # of a crystal and a host clock that is slewed


class BootClock:
    """The panel's clock as seen from here."""

    def __init__(self) -> None:
        self._newest: tuple[int, float] | None = None  # stamp in ms, host time in s
        self._candidate: tuple[int, float] | None = None
        self._reopened = False
        self.jumps = 0

    def reopened(self) -> None:
        """Say that the line was opened anew: nothing that is read from now on waited in a buffer."""
        self._reopened = True
        self._candidate = None

    def see(self, stamp_ms: int, now_s: float, *, booting: bool = False) -> bool:
        """Take one stamp.

        Args:
            stamp_ms: of the line, 0..2^32-1.
            now_s: host time of its arrival, monotonic.
            booting: the line says that the panel has just booted.
        Returns:
            True where it proves a restart, once for each restart.
        """
        here = (stamp_ms, now_s)
        newest, candidate = self._newest, self._candidate
        if newest is None:
            self._accept(here)
            return False
        goes_on = self._goes_on(newest, here, self._reopened)
        if candidate is not None and self._goes_on(candidate, here, reopened=False):
            # Soon after a boot a line may go on from both: it is from the one that it fits.
            fits = abs(_ahead_ms(candidate, here)) + BACK_MS < abs(_ahead_ms(newest, here))
            if fits or not goes_on:
                self._accept(here)
                return self._restarted(newest, candidate)
        self.jumps += candidate is not None  # nothing came of it
        # Its first words may be overtaken like any other: only a clock that was past that can have gone back.
        if booting and newest[0] >= BACK_MS and self._restarted(newest, here):
            self._accept(here)
            return True
        if goes_on:
            self._accept(here)
        else:
            self._candidate = here
        return False

    def _accept(self, here: tuple[int, float]) -> None:
        self._newest = here
        self._candidate = None
        self._reopened = False

    @staticmethod
    def _goes_on(before: tuple[int, float], here: tuple[int, float], reopened: bool) -> bool:
        """Whether one boot can have made both stamps."""
        step_ms = _signed(here[0] - before[0])
        elapsed_ms = (here[1] - before[1]) * 1e3
        slack_ms = AHEAD_MS + DRIFT_RATIO * elapsed_ms
        ahead_ms = _ahead_ms(before, here)
        # Away for more than 2^31 ms (24.8 days), the clock may have wrapped any number of times.
        if step_ms < 0 and elapsed_ms < HALF_MS:
            return step_ms >= -BACK_MS
        if ahead_ms > slack_ms:
            return False
        return not reopened or ahead_ms >= -slack_ms

    @staticmethod
    def _restarted(before: tuple[int, float], here: tuple[int, float]) -> bool:
        """Of two stamps that do not go on: whether the second is a young clock, not one that leapt ahead."""
        elapsed_ms = (here[1] - before[1]) * 1e3
        return here[0] < before[0] or here[0] < before[0] + elapsed_ms - AHEAD_MS


def _ahead_ms(before: tuple[int, float], here: tuple[int, float]) -> int:
    """How far the panel's clock went ahead of the host's between two stamps."""
    return _signed(round(here[0] - before[0] - (here[1] - before[1]) * 1e3))


def _signed(difference_ms: int) -> int:
    """Fold a difference of stamps into -2^31 … 2^31-1."""
    return (difference_ms + HALF_MS) % WRAP_MS - HALF_MS
