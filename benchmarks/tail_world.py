"""A log and everything that is done to it, drawn at random, with the books of what a follower owes.

The books are fair: a line is owed unless the operation itself destroys it before a follower can have read it. So

- what is truncated to nothing, deleted with its folder or dropped as the oldest rotation is owed only where the
  follower had read it before; mostly the world waits for that, else the line may be lost, and must still not come twice
  or late;
- what is written between a rotator's copy and its truncation, and a half line that lies across them, is destroyed by
  the rotator;
- lines cut off at the end (a power cut) may have been read or not. Fewer than EXACT_LINES are cut between two lines
  that the follower proved to have read: so far back it knows every line's end, farther back only some;
- what is written to a file that has no name any more is read only by a follower that had it open.

Every number must come at most once, in order, and every owed one must come.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

NAME = "events.jsonl"
KEPT_FILES = 5
LIMIT_BYTES = 3000
CUT_LINES = 7
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_PAD = "xyé漢🛸"


class Subject(Protocol):
    """The follower under test."""

    taken: list[int]  # numbers, as they came
    seen: set[int]  # the same

    def pause(self) -> None:
        """The world stands still between two system calls: the follower may read."""

    def drain(self, owed: int) -> None:
        """Let it read all there is, at least up to that number, starting it if need be."""

    def kill(self) -> None:
        """Stop it dead."""

    def start(self) -> None:
        """Start it where it was, if it does not run."""


@dataclass(slots=True)
class Content:
    """What a file holds: number (0 for a line that is no event) and length of each line, and a half line."""

    lines: list[tuple[int, int]] = field(default_factory=list)
    half: bytes = b""

    def numbers(self) -> list[int]:
        """Events in it."""
        return [number for number, _ in self.lines if number]

    def copy(self) -> Content:
        """The same content in another file."""
        return Content(list(self.lines), self.half)


class World:
    """The writer, the rotator and the accidents.

    Args:
        folder: of the log.
        rng: draws the operations.
        subject: the follower.
        unread: share of destructions that do not wait for the follower.
    """

    def __init__(self, folder: Path, rng: random.Random, subject: Subject, unread: float = 0.3) -> None:
        self.path = folder / NAME
        self.operations: dict[str, int] = {}
        self._rng = rng
        self._subject = subject
        self._unread = unread
        self._fd = -1
        self._named = True  # whether the open file still has its name
        self._files: list[Content | None] = [None]  # by number; 0 is the newest
        self._open: Content | None = None  # of the file that the writer has open
        self._pending = b""
        self._number = 0
        self._long = 0  # lines that were too long
        self._writing = 0  # number of the half written line
        self._owed: set[int] = set()
        self._unread_owed: list[int] = []  # since the newest drain
        self._uncertain_lines = 0  # lines cut since the follower proved where it is
        self._proof = 0  # a line that, once read, proves it
        self._actions: list[tuple[int, Callable[[], None]]] = [
            (300, self.write_some),
            (60, self.write_many),
            (12, self.rename),
            (8, self.rename_late),
            (12, self.copy_and_truncate),
            (6, self.truncate),
            (10, self.cut),
            (5, self.delete),
            (3, self.delete_folder),
            (5, self.replace),
            (10, self.touch),
            (6, self.junk),
            (2, self.too_long),
            (8, self.kill),
            (20, self.start),
            (3, self.drain),
        ]

    def act(self) -> str:
        """Do one operation; its name."""
        weights, actions = zip(*self._actions, strict=True)
        action = self._rng.choices(actions, weights)[0]
        action()
        self._subject.pause()
        self.operations[action.__name__] = self.operations.get(action.__name__, 0) + 1
        return action.__name__

    def finish(self) -> None:
        """Let the follower read the rest, and check all of it."""
        self._finish_line()
        self._append(self._next_line())
        self.drain()

    def verdict(self) -> dict[str, int]:
        """What is wrong with what the follower took: lost, repeated, out of order, made up."""
        taken = self._subject.taken
        seen: set[int] = set()
        repeated = disorder = 0
        newest = 0
        for number in taken:
            repeated += number in seen
            disorder += number < newest and number not in seen
            seen.add(number)
            newest = max(newest, number)
        made_up = sum(not 0 < number <= self._number for number in seen)
        lost = sum(number not in seen for number in self._owed)
        return {"lost": lost, "repeated": repeated, "out_of_order": disorder, "made_up": made_up}

    def close(self) -> None:
        """Close the writer."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    # --- writing

    def write_some(self) -> None:
        """Go on with the half line, or begin one, up to a random byte."""
        if not self._pending:
            self._begin_line()
        self._append_part(self._rng.randint(1, len(self._pending)))

    def write_many(self) -> None:
        """Write some whole lines."""
        self._finish_line()
        for _ in range(self._rng.randint(1, 40)):
            self._append(self._next_line())

    def junk(self) -> None:
        """A line that is no event."""
        self._finish_line()
        self._writing = 0
        self._append(self._rng.choice([b"no event\n", b"{\n", b"\n", b"\xff\xfe\n", b'{"n":"x"}\n', b"\0\0\0\n"]))

    def too_long(self) -> None:
        """A line that is longer than the limit, now and then longer than any read."""
        self._finish_line()
        self._writing = 0
        size_bytes = self._rng.choice([LIMIT_BYTES + 1, 2 * LIMIT_BYTES, 70_000, 150_000])
        self._long += 1  # no two lines of a log are alike: each says when it was written
        self._pending = b'{"n":0,"k":%d,"p":"%s","k":%d}\n' % (self._long, b"z" * size_bytes, self._long)
        self._append_part(self._rng.randint(1, len(self._pending)))

    def touch(self) -> None:
        """Change nothing but the file's times, as a clock that steps does."""
        at_s = self._rng.randint(0, 2**32)
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path, (at_s, at_s))

    # --- rotating

    def rename(self) -> None:
        """Rotate as the event log does: whole lines, then shift, then a new file."""
        self._finish_line()
        self._close_writer()
        self._shift()
        if self._rng.random() < 0.5:
            self._open_writer()

    def rename_late(self) -> None:
        """Rotate under a writer that goes on writing to the old file for a while."""
        if self._fd < 0 or not self._named:
            return
        self._shift()
        if self._rng.random() < 0.5:
            os.close(os.open(self.path, _FLAGS, 0o640))  # the rotator makes the new file, empty
            self._files[0] = Content()
        for _ in range(self._rng.randint(0, 5)):
            self._subject.pause()
            self.write_some()
        if self._rng.random() < 0.8:
            self._finish_line()
        else:
            self._give_up_line()  # the writer dies in the middle of a line
        self._close_writer()
        self._open_writer()

    def copy_and_truncate(self) -> None:
        """Rotate by copying, then truncating under the writer."""
        content = self._files[0]
        if content is None or self._open is not content:
            return
        gap = self._rng.randint(0, 3) if self._rng.random() < 0.3 and self._allow(4) else 0
        self._shift_others()
        with self.path.open("rb") as source, self._rotated(1).open("wb", buffering=0) as target:
            while piece := source.read(self._rng.randint(1, 20_000)):
                target.write(piece)
                self._subject.pause()
        self._files.insert(1, content.copy())
        copied = set(content.numbers())
        for _ in range(gap):  # the rotator's own loss
            self._finish_line()
            self._append(self._next_line())
        os.truncate(self.path, 0)
        self._destroyed(number for number in content.numbers() if number not in copied)
        if gap:
            self._uncertain_lines += gap + 1
            self._proof = self._number + 1
        self._forget_half(content)
        content.lines = []
        self._drop()

    # --- accidents

    def truncate(self) -> None:
        """Empty the newest file."""
        content = self._files[0]
        if content is None:
            return
        self._destroying()
        os.truncate(self.path, 0)
        self._destroyed(content.numbers())
        self._forget_half(content)
        content.lines = []

    def cut(self) -> None:
        """A power cut: the newest file loses its end, and is repaired when the writer comes back."""
        content = self._files[0]
        if content is None or (self._open is not None and self._open is not content):
            return
        lines = min(self._rng.randint(0, 3), len(content.lines))
        if not self._allow(lines + 1):
            return
        self._uncertain_lines += lines + 1
        self._close_writer()
        kept = content.lines[: len(content.lines) - lines]
        whole = sum(size_bytes for _, size_bytes in kept)
        gone = content.lines[len(kept) :]
        torn = self._rng.randint(0, gone[0][1] - 1) if gone else self._rng.randint(0, len(content.half))
        os.truncate(self.path, whole + torn)
        self._destroyed(number for number, _ in gone if number)
        self._give_up_line()
        self._subject.pause()
        if gone and torn == gone[0][1] - 1 and self._rng.random() < 0.5:
            with self.path.open("ab") as file:  # all but its newline is there
                file.write(b"\n")
            kept.append(gone[0])
        else:
            os.truncate(self.path, whole)
        content.lines, content.half = kept, b""
        self._proof = self._number + 1
        self._subject.pause()
        self._open_writer()

    def delete(self) -> None:
        """Delete the newest file; the writer notices at once, or later."""
        content = self._files[0]
        if content is None:
            return
        self._destroying()
        self.path.unlink()
        self._destroyed(content.numbers())
        self._files[0] = None
        if self._open is content:
            self._named = False
            for _ in range(self._rng.randint(0, 3)):
                self.write_some()
            self._give_up_line()
            self._close_writer()

    def delete_folder(self) -> None:
        """Delete the folder with all files."""
        if not self.path.parent.exists():
            return
        self._destroying()
        for content in self._files:
            if content is not None:
                self._destroyed(content.numbers())
        shutil.rmtree(self.path.parent)
        self._files = [None]
        self._give_up_line()
        self._close_writer()

    def replace(self) -> None:
        """Put a copy in place of the newest file, as an editor does."""
        content = self._files[0]
        if content is None or content.half or (self._open is not None and self._open is not content):
            return
        self._close_writer()
        copy = self.path.with_name("copy")
        shutil.copyfile(self.path, copy)
        self._subject.pause()
        copy.rename(self.path)

    def kill(self) -> None:
        """Kill the follower."""
        self._subject.kill()

    def start(self) -> None:
        """Start it again."""
        self._subject.start()

    def drain(self) -> None:
        """Wait until the follower has read all that is owed."""
        owed = max((number for number in self._unread_owed if number in self._owed), default=0)
        self._subject.drain(owed)
        self._unread_owed.clear()
        self._settle()

    # --- the writer's hands

    def _next_line(self) -> bytes:
        self._number += 1
        self._writing = self._number
        pad = "".join(self._rng.choices(_PAD, k=self._rng.choice([0, 3, 40, 400])))
        return json.dumps({"n": self._number, "p": pad}, ensure_ascii=False).encode() + b"\n"

    def _begin_line(self) -> None:
        self._pending = self._next_line()

    def _append(self, line: bytes) -> None:
        self._pending = line
        self._append_part(len(line))

    def _append_part(self, size_bytes: int) -> None:
        part, rest = self._pending[:size_bytes], self._pending[size_bytes:]
        content = self._open_writer()
        os.write(self._fd, part)
        self._pending = rest
        content.half += part
        if rest:
            return
        whole = content.half.count(b"\n") == 1 and self._writing
        number = self._writing if whole and _number(content.half) == self._writing else 0
        content.lines.append((number, len(content.half)))
        content.half = b""
        if number and self._named:
            self._owed.add(number)
            self._unread_owed.append(number)

    def _finish_line(self) -> None:
        if self._pending:
            self._append_part(len(self._pending))

    def _give_up_line(self) -> None:
        self._pending = b""

    def _open_writer(self) -> Content:
        if self._fd < 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, _FLAGS, 0o640)
            self._named = True
            content = self._files[0] = self._files[0] or Content()
            if content.half:  # repaired on open
                os.truncate(self.path, sum(size_bytes for _, size_bytes in content.lines))
                content.half = b""
            self._open = content
        if self._open is None:
            raise AssertionError("a writer without a file")
        return self._open

    def _close_writer(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._open = -1, None

    def _forget_half(self, content: Content) -> None:
        """The half line's beginning is gone: what follows is no event."""
        if content.half:
            content.half = b""
            self._writing = 0

    # --- the rotator's hands

    def _rotated(self, number: int) -> Path:
        return self.path.with_name(f"{NAME}.{number}")

    def _shift(self) -> None:
        if self._files[0] is None:
            return
        self._shift_others()
        self.path.rename(self._rotated(1))
        self._subject.pause()
        self._files.insert(0, None)
        self._drop()

    def _shift_others(self) -> None:
        for number in range(len(self._files) - 1, 0, -1):
            self._rotated(number).rename(self._rotated(number + 1))
            self._subject.pause()

    def _drop(self) -> None:
        while len(self._files) > KEPT_FILES + 1:
            self._destroying()
            content = self._files.pop()
            self._rotated(len(self._files)).unlink()
            if content is not None:
                self._destroyed(content.numbers())

    # --- the books

    def _destroying(self) -> None:
        """Something is about to be destroyed: mostly after it was read."""
        if self._rng.random() >= self._unread:
            self.drain()

    def _destroyed(self, numbers: Iterable[int]) -> None:
        self._owed.difference_update(number for number in numbers if number not in self._subject.seen)

    def _settle(self) -> None:
        if self._proof and any(number >= self._proof for number in self._subject.taken[-100:]):
            self._uncertain_lines = self._proof = 0

    def _allow(self, lines: int) -> bool:
        """Whether so many lines may be cut off and every other line still be owed exactly once."""
        self._settle()
        return self._uncertain_lines + lines <= CUT_LINES


def _number(line: bytes) -> int:
    try:
        return int(json.loads(line)["n"])
    except ValueError:
        return 0
