"""One setting of a device: written only when it changes, read back, compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ndefender.errors import TuningRejected

T = TypeVar("T")


class Knob(Generic[T]):
    """Set, let settle, verify.

    Args:
        name: of the attribute, for errors.
        write: hands a value to the device; raises TuningRejected where the device refuses it.
        read: asks the device for its value.
        agrees: whether a value read back is as good as the wanted one (the hardware rounds).
    """

    def __init__(
        self, name: str, write: Callable[[T], None], read: Callable[[], T], agrees: Callable[[T, T], bool]
    ) -> None:
        self.name = name
        self._write = write
        self._read = read
        self._agrees = agrees
        self._wanted: T | None = None
        self._have: T | None = None
        self._pending = False

    def holds(self, wanted: T) -> bool:
        """Say whether `wanted` is verified to be there."""
        return self._wanted == wanted and not self._pending

    def set(self, wanted: T) -> bool:
        """Write `wanted` unless it is verified to be there; returns whether anything was written."""
        if self.holds(wanted):
            return False
        self._pending = True
        self._wanted = wanted
        self._write(wanted)
        return True

    def verify(self) -> T:
        """Return what the device has; asks it and compares where something was written since.

        Raises:
            TuningRejected: it has something else.
        """
        if not self._pending and self._have is not None:
            return self._have
        have = self._read()
        if self._wanted is not None and not self._agrees(self._wanted, have):
            raise TuningRejected(self.name, self._wanted, have)
        self._have = have
        self._pending = False
        return have

    def read(self) -> T:
        """Ask the device now."""
        return self._read()

    def forget(self) -> None:
        """The device may have changed it by itself: write and read it again next time."""
        self._pending = True
