"""Every source that must obey `ndefender.radio.source.Source`, each with what a test needs to exercise it.

A new source joins the conformance suite by appending a `Case` to `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from recordings import write_pair
from tone import ToneRenderer, expected_step, tone_step

from ndefender.radio.antsdr import AntSdr
from ndefender.radio.emulated.server import EmulatedRadio
from ndefender.radio.recording import RecordingSource, open_raw
from ndefender.radio.scene import load_scene
from ndefender.radio.scene.waves.tone import following_offset_hz
from ndefender.radio.simulated import SimulatedSource
from ndefender.radio.source import Source, Tuning
from ndefender.radio.wrappers import FaultySource, PacedSource, RecordingWrapper

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


RECORDED = Tuning(2.45e9, 4e6, 4e6, "manual", 0.0, "", 2048, 1)


def noise_pair(folder: Path) -> Path:
    """A recording of 12 bits of noise at `RECORDED`, in two captures, not a whole number of blocks long."""
    values = np.random.default_rng(7).integers(-2048, 2048, (20_001, 2)).astype("<i2")
    captures: list[dict[str, object]] = [
        {"core:sample_start": 0, "core:frequency": RECORDED.center_hz},
        {"core:sample_start": 10_000, "core:frequency": RECORDED.center_hz},
    ]
    rate = {"core_sample_rate": RECORDED.rate_hz, "ndefender_full_scale": 2048.0}
    return write_pair(folder, values.tobytes(), captures=captures, **rate)


def around(wrap: Callable[[RecordingSource, Path], Source]) -> Callable[[Path], AbstractContextManager[Harness]]:
    """A case of a source made from a recording."""

    @contextmanager
    def make(folder: Path) -> Iterator[Harness]:
        source = wrap(RecordingSource(noise_pair(folder)), folder)
        faulty = source if isinstance(source, FaultySource) else None
        yield Harness(
            source,
            (RECORDED, replace(RECORDED, tuning_id=2)),
            live=False,
            lose=faulty.lose if faulty else None,
            restore=faulty.restore if faulty else None,
        )
        source.close()

    return make


def following_belongs(samples: NDArray[np.int16], tuning: Tuning) -> bool:
    """Say whether the tone that follows the LO is where this one puts it, in every stretch of the block."""
    offset_hz = following_offset_hz(tuning.center_hz, tuning.bandwidth_hz)
    stretches = samples[: len(samples) // CHECK_SAMPLES * CHECK_SAMPLES].reshape(-1, CHECK_SAMPLES, 2)
    spectra = np.abs(np.fft.fft(stretches[..., 0] + 1j * stretches[..., 1], axis=1))
    found_hz = np.argmax(spectra, axis=1) * tuning.rate_hz / CHECK_SAMPLES
    return bool(np.all(np.abs(found_hz - offset_hz) <= tuning.rate_hz / CHECK_SAMPLES))


def simulated(*, paced: bool) -> Callable[[Path], AbstractContextManager[Harness]]:
    """A case of a scene rendered in this process."""

    @contextmanager
    def make(folder: Path) -> Iterator[Harness]:
        source = SimulatedSource(load_scene("tone"), paced=paced)
        first = Tuning(2_401e6, 4e6, 3e6, "manual", 30.0, "A_BALANCED", 8192, 1)
        second = Tuning(5_806e6, 4e6, 3e6, "manual", 20.0, "B_BALANCED", 8192, 2)
        impossible = Tuning(6_500e6, 4e6, 3e6, "manual", 30.0, "", 8192, 3)
        yield Harness(source, (first, second), impossible, following_belongs, live=paced)
        source.close()

    return make


SOURCES: list[Case] = [
    Case("antsdr", antsdr),
    Case("recording", around(lambda source, folder: source)),
    Case("raw", around(lambda source, folder: open_raw(folder / "rec.sigmf-data", "cs16", 4e6, RECORDED.center_hz))),
    Case("paced", around(lambda source, folder: PacedSource(source))),
    Case("faulty", around(lambda source, folder: FaultySource(source, []))),
    Case("recorded", around(lambda source, folder: RecordingWrapper(source, folder / "copy", max_bytes=10**6))),
    Case("simulated", simulated(paced=False)),
    Case("simulated-paced", simulated(paced=True)),
]
