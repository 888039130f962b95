"""Files of a rotated log, and their lines from the newest back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

_BLOCK_BYTES = 1 << 18


def rotations(path: Path) -> list[tuple[int, Path]]:
    """Rotated files of a log that exist, newest (number 1) first. Gaps in the numbers are no fault."""
    found = []
    for other in path.parent.glob(f"{path.name}.*"):
        suffix = other.name.removeprefix(f"{path.name}.")
        if suffix.isascii() and suffix.isdigit() and int(suffix) > 0 and suffix == str(int(suffix)):
            found.append((int(suffix), other))
    return sorted(found)


def lines_back(path: Path) -> Iterator[bytes]:
    """Complete lines of a log over its rotations, newest first, without their newlines; empty ones are left out."""
    for file in (path, *(other for _, other in rotations(path))):
        try:
            yield from _file_back(file)
        except FileNotFoundError:
            continue


def _file_back(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        left = file.seek(0, os.SEEK_END)
        rest: bytes | None = None  # beginning of the line after `left`; None before the last newline is found
        while left > 0:
            step = min(_BLOCK_BYTES, left)
            left -= step
            file.seek(left)
            pieces = file.read(step).split(b"\n")
            if len(pieces) == 1:
                rest = None if rest is None else pieces[0] + rest
                continue
            # what follows the last newline of the file is torn or nothing
            pieces[-1] = b"" if rest is None else pieces[-1] + rest
            yield from (line for line in reversed(pieces[1:]) if line)
            rest = pieces[0]
        if rest:
            yield rest


def repair(fd: int) -> int:
    """Make a log end with a newline: complete the last line if it only lacks that, else cut it off.

    Args:
        fd: open for reading and writing.

    Returns:
        bytes cut off.
    """
    size = os.fstat(fd).st_size
    tail = b""
    start = size
    while start > 0 and b"\n" not in tail:
        step = min(_BLOCK_BYTES, start)
        start -= step
        tail = os.pread(fd, step, start) + tail
    torn = tail.rpartition(b"\n")[2]
    if not torn:
        return 0
    try:
        msgspec.json.decode(torn, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        os.ftruncate(fd, size - len(torn))
        return len(torn)
    os.pwrite(fd, b"\n", size)
    return 0
