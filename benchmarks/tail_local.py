"""The follower under test inside this process: deterministic, so that a seed that fails can be looked at."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tail_world import LIMIT_BYTES

from ndefender.ingest.follow import Follower
from ndefender.ingest.position import Position

_STEPS = 20_000  # far more than any backlog of the world takes


def number_in(data: bytes) -> int:
    """The event in a line, 0 if it is none."""
    try:
        found = json.loads(data)["n"]
    except (ValueError, TypeError, KeyError):
        return 0
    return found if isinstance(found, int) else 0


class LocalFollower:
    """A follower that reads a step now and then, and keeps its position together with what it took.

    Args:
        path: of the log.
        rng: decides how far it lags.
        greed: probability of a step at every pause.
    """

    def __init__(self, path: Path, rng: random.Random, greed: float = 0.3) -> None:
        self.taken: list[int] = []
        self.seen: set[int] = set()
        self.kills = 0
        self._path = path
        self._rng = rng
        self._greed = greed
        self._position: Position | None = None
        self._follower: Follower | None = None

    def pause(self) -> None:
        """Read a few steps, or none."""
        while self._rng.random() < self._greed and self._step():
            pass

    def drain(self, owed: int) -> None:
        """Read until there is nothing more."""
        self.start()
        for _ in range(_STEPS):
            if not self._step():
                break
        else:
            raise AssertionError("the follower never comes to rest")
        if owed and owed not in self.seen:
            raise AssertionError(f"{owed} never came")

    def kill(self) -> None:
        """Forget all but the position of what was taken."""
        if self._follower is not None:
            self._follower.close()
            self.kills += 1
        self._follower = None

    def start(self) -> None:
        """Go on there."""
        if self._follower is None:
            self._follower = Follower(self._path, self._position, LIMIT_BYTES)

    def _step(self) -> bool:
        """Read once; whether there was anything to read."""
        if self._follower is None:
            return False
        lines = self._follower.read()
        if self._follower.error:
            raise AssertionError(self._follower.error)
        taken = len(lines or ())
        if lines and self._rng.random() < 0.05:  # killed within a chunk
            taken = self._rng.randint(0, len(lines))
        for line in (lines or ())[:taken]:
            if number := number_in(line.data):
                self.taken.append(number)
                self.seen.add(number)
            self._position = line.position
        if taken < len(lines or ()):
            self.kill()
            self.start()
        return lines is not None
