"""A position on the disk: two slots in one file that are written in turns, so that one of them is always whole.

A commit is one write into a page that is there already: a kill at any moment leaves the position before or the one
after it, a full disk does not matter once the file is there, and a flash card is spared the new file that renaming
would cost at every event. What a power cut leaves of a slot is told by its checksum.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ndefender.ingest.position import Position, digest

SLOT_BYTES = 8192
_SLOTS = 2
_FILE_MODE = 0o640
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class _Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One slot: a line of JSON that spaces fill up.

    Args:
        number: the higher one is the newer.
        check: digest of the number and the position.
        position: as it was encoded.
    """

    number: int
    check: str
    position: msgspec.Raw


class PositionStore:
    """Where a follower was, for its next start. One writer.

    Args:
        path: the file; its folder is made if missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._number = 0
        self._dirty = False
        self._encoder = msgspec.json.Encoder()

    @property
    def dirty(self) -> bool:
        """Whether something was saved since the newest `sync`."""
        return self._dirty

    def load(self) -> Position | None:
        """The newest position that was saved whole, None if there is none.

        Raises:
            OSError: the file is there and cannot be read.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        found = max(filter(None, map(_decoded, _split(content))), key=lambda each: each[0].number, default=None)
        if found is None:
            return None
        self._number = max(self._number, found[0].number)
        return found[1]

    def save(self, position: Position) -> None:
        """Keep a position. Safe against a kill when it returns, against a power cut after `sync`.

        Raises:
            OSError: the disk refuses; the position before is still there.
            ValueError: the position does not fit.
        """
        if self._fd < 0:
            self._open()
        number = self._number + 1
        body = self._encoder.encode(position)
        slot = self._encoder.encode(_Slot(number=number, check=_check(number, body), position=msgspec.Raw(body)))
        if len(slot) >= SLOT_BYTES:
            raise ValueError(f"a position of {len(slot)} bytes, must be less than {SLOT_BYTES}")
        written = os.pwrite(self._fd, slot.ljust(SLOT_BYTES - 1) + b"\n", number % _SLOTS * SLOT_BYTES)
        if written != SLOT_BYTES:
            raise OSError(f"{self._path}: {written} bytes written of {SLOT_BYTES}")
        self._number = number
        self._dirty = True

    def sync(self) -> None:
        """Bring what was saved to the disk. It may take long: not on the loop.

        Raises:
            OSError: the disk refuses.
        """
        if self._dirty and self._fd >= 0:
            self._dirty = False
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file. Safe to call twice; `save` opens it again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._number:
            self.load()  # the numbers go on, or an old position would win
        self._fd = os.open(self._path, _FLAGS, _FILE_MODE)


def _split(content: bytes) -> list[bytes]:
    return [content[start : start + SLOT_BYTES] for start in range(0, _SLOTS * SLOT_BYTES, SLOT_BYTES)]


def _decoded(slot: bytes) -> tuple[_Slot, Position] | None:
    try:
        found = msgspec.json.decode(slot, type=_Slot)
        if found.check != _check(found.number, bytes(found.position)):
            return None
        return found, msgspec.json.decode(found.position, type=Position)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _check(number: int, body: bytes) -> str:
    return digest(b"%d " % number + body)
