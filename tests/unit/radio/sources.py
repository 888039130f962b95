"""Every source that must obey `ndefender.radio.source.Source`, each with what a test needs to exercise it.

A new source joins the conformance suite by appending a `Case` to `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tone import ToneRenderer, expected_step, tone_step

from ndefender.radio.antsdr import AntSdr
from ndefender.radio.emulated.server import EmulatedRadio
from ndefender.radio.source import Source, Tuning

CHECK_SAMPLES = 512  # stretches of a block that must each be at the block's tuning


@dataclass(frozen=True)
class Harness:
    """A closed source and what a test may do with it.

    Args:
        source: under test, not opened.
        tunings: two different ones that it takes; a recording may give the same twice.
        impossible: one that it must reject; None where it takes any.
        belongs: says whether samples were taken at a tuning; None where they do not show it.
        live: blocks are from now, not from a recording.
        lose, restore: take the device away and bring it back; None where that cannot happen.
    """

    source: Source
    tunings: tuple[Tuning, Tuning]
    impossible: Tuning | None = None
    belongs: Callable[[NDArray[np.int16], Tuning], bool] | None = None
    live: bool = True
    lose: Callable[[], None] | None = None
    restore: Callable[[], None] | None = None


@dataclass(frozen=True)
class Case:
    """A way to make a source; `make` gets an empty folder."""

    name: str
    make: Callable[[Path], AbstractContextManager[Harness]]


def tone_belongs(samples: NDArray[np.int16], tuning: Tuning) -> bool:
    """Say whether the tone is where this LO puts it, in every stretch of the block."""
    return all(
        tone_step(samples[at : at + CHECK_SAMPLES]) == expected_step(tuning.center_hz)
        for at in range(0, len(samples) - CHECK_SAMPLES + 1, CHECK_SAMPLES)
    )


@contextmanager
def antsdr(folder: Path) -> Iterator[Harness]:
    """AntSDR over the emulated radio, through libiio and pyadi-iio."""
    radios: list[EmulatedRadio] = []
    port = 0

    def restore() -> None:
        radio = EmulatedRadio(ToneRenderer(), "127.0.0.1", port)
        radio.start()
        radios.append(radio)

    def lose() -> None:
        radios.pop().stop()

    restore()
    port = radios[0].port
    source = AntSdr(radios[0].uri)
    first = Tuning(2_401e6, 4e6, 3e6, "manual", 30.0, "A_BALANCED", 8192, 1)
    second = Tuning(5_806e6, 4e6, 3e6, "manual", 20.0, "B_BALANCED", 8192, 2)
    impossible = Tuning(6_500e6, 4e6, 3e6, "manual", 30.0, "", 8192, 3)
    try:
        yield Harness(source, (first, second), impossible, tone_belongs, lose=lose, restore=restore)
    finally:
        source.close()
        for radio in radios:
            radio.stop()


SOURCES: list[Case] = [Case("antsdr", antsdr)]
