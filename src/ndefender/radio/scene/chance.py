"""Chance without state: every random quantity is a hash of (seed, stream, index), so any time can be asked for first.

Reference: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), the 64-bit finaliser.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MASK64 = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd


def mix64(value: int) -> int:
    """Scramble a 64-bit integer (bijective)."""
    z = value & MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
    return z ^ (z >> 31)


@lru_cache(maxsize=1024)
def _key(seed: int, stream: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


@dataclass(frozen=True, slots=True)
class Dice:
    """Independent streams of random numbers, addressed by name and index.

    Args:
        seed: 64-bit seed.
    """

    seed: int

    def fork(self, name: str) -> Dice:
        """Return dice of their own for one emitter."""
        return Dice(_key(self.seed, "fork:" + name))

    def bits(self, stream: str, index: int) -> int:
        """Return 64 random bits."""
        return mix64(_key(self.seed, stream) + index * _GOLDEN)

    def uniform(self, stream: str, index: int) -> float:
        """Return a number in [0, 1)."""
        return (self.bits(stream, index) >> 11) * 2.0**-53

    def below(self, stream: str, index: int, limit: int) -> int:
        """Return an integer in [0, limit)."""
        return (self.bits(stream, index) * limit) >> 64

    def shuffled(self, stream: str, index: int, count: int) -> tuple[int, ...]:
        """Return a random order of 0 … count-1."""
        return _shuffled(self.bits(stream, index), count)

    def generator(self, stream: str) -> np.random.Generator:
        """Return a numpy generator for bulk draws of waveform content."""
        return np.random.Generator(np.random.PCG64(_key(self.seed, stream)))


@lru_cache(maxsize=256)
def _shuffled(key: int, count: int) -> tuple[int, ...]:
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        j = (mix64(key + i * _GOLDEN) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    return tuple(order)
