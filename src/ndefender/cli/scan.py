"""`ndefender scan`: a recording, as fast as it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from ndefender.cli.options import config_option, environment
from ndefender.config.load import load_settings
from ndefender.radio.recording import RecordingSource
from ndefender.radio.source import BlockMeta
from ndefender.runtime.offline import scan


class WatchedRecording(RecordingSource):
    """A recording that tells how far it has been read: `on_read(samples done, samples in all)`."""

    on_read: Callable[[int, int], None] | None = None

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """As any recording; then report."""
        meta = super().read_into(out, timeout_s)
        if self.on_read is not None:
            self.on_read(self.position_samples, self.n_samples)
        return meta


@contextmanager
def progress(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error while the block runs; None where that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def open_recording(
    path: Path, format_name: str | None, rate_hz: float | None, center_hz: float | None
) -> WatchedRecording:
    """A SigMF recording, or a raw file where `format_name` is given.

    Raises:
        click.UsageError: options that do not go together.
    """
    if format_name is None:
        if rate_hz is not None or center_hz is not None:
            raise click.UsageError("--rate-hz and --center-hz are for raw files and need --format")
        return WatchedRecording(path)
    if rate_hz is None:
        raise click.UsageError("a raw file needs --rate-hz")
    source = WatchedRecording.raw(path, format_name, rate_hz, center_hz)
    assert isinstance(source, WatchedRecording)
    return source


@click.command("scan")
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--emissions", is_flag=True, help="One object an emission instead of contact events.")
@click.option("--jsonl", type=click.File("wb"), help="Write the lines to this file too.")
@click.option("--format", "format_name", help="A raw file of these samples: cu8, ci8, ci16_le, cf32_le, …")
@click.option("--rate-hz", type=float, help="Sample rate of a raw file.")
@click.option("--center-hz", type=float, help="Centre of a raw file; without it, frequencies are offsets from 0.")
@config_option
def command(
    recording: Path,
    emissions: bool,
    jsonl: BinaryIO | None,
    format_name: str | None,
    rate_hz: float | None,
    center_hz: float | None,
    config: Path | None,
) -> None:
    """Analyse RECORDING, a SigMF pair or archive, or with --format a raw file, at full speed.

    Standard output is JSON lines only: event envelopes, or with --emissions one object an emission. Here one dwell is
    enough to confirm a contact.
    """
    source = open_recording(recording, format_name, rate_hz, center_hz)
    settings = load_settings(config, environment())
    with ExitStack() as stack:
        source.on_read = stack.enter_context(progress(recording.name))
        outputs = [sys.stdout.buffer, *([jsonl] if jsonl else [])]
        for line in scan(source, settings, emissions):
            for output in outputs:
                output.write(line.rstrip(b"\n") + b"\n")
        for output in outputs:
            output.flush()
