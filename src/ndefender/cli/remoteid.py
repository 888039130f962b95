"""`ndefender remoteid`: a capture, heard again."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from ndefender.remoteid.control import Command, Control
from ndefender.remoteid.desk import Event
from ndefender.remoteid.feed import FeedLog, FeedWriter
from ndefender.remoteid.replay import open_replay
from ndefender.remoteid.tracker import TrackerPolicy
from ndefender.units import NS_PER_MS

_SIGNALS: dict[signal.Signals, Command] = {
    signal.SIGINT: "stop",
    signal.SIGTERM: "stop",
    signal.SIGUSR1: "toggle",
}


@contextmanager
def controlled_by_signals(control: Control) -> Iterator[None]:
    """Stop at SIGINT and SIGTERM, pause and go on at SIGUSR1, while the block runs."""
    before = {number: signal.signal(number, _sender(control, command)) for number, command in _SIGNALS.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sender(control: Control, command: Command) -> Callable[[int, object], None]:
    return lambda number, frame: control.send(command)


class Lines:
    """Lines on a stream whose reader may go away: then the replay is to stop, and the log still gets its end.

    Args:
        stream: takes the lines.
        control: is told to stop.
    """

    def __init__(self, stream: BinaryIO, control: Control) -> None:
        self._stream: BinaryIO | None = stream
        self._control = control

    def write(self, body: bytes) -> None:
        """Write one line; it is on its way after `flush`."""
        if self._stream is not None:
            self._try(self._stream.write, body + b"\n")

    def flush(self) -> None:
        """Send what was written."""
        if self._stream is not None:
            self._try(self._stream.flush)

    def _try(self, act: Callable[..., object], *given: bytes) -> None:
        try:
            act(*given)
        except BrokenPipeError:
            assert self._stream is not None
            # What is left in its buffer must go nowhere when the interpreter closes it.
            null_fd = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null_fd, self._stream.fileno())
            os.close(null_fd)
            self._stream = None
            self._control.send("stop")


@click.command("remoteid")
@click.argument("capture", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--jsonl",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append to this log too, for example to remoteid.jsonl in the service's log folder.",
)
@click.option("--speed", type=click.FloatRange(min=0), default=1.0, show_default=True, help="0: as fast as it goes.")
@click.option(
    "--ttl-s",
    type=click.FloatRange(min=0, min_open=True),
    default=TrackerPolicy().ttl_s,
    show_default=True,
    help="A contact that is silent for so many seconds is lost.",
)
@click.option("--simulated", is_flag=True, help="Say of every event that nothing of it was ever on the air.")
def command(capture: Path, jsonl: Path | None, speed: float, ttl_s: float, simulated: bool) -> None:
    """Replay the Remote ID in CAPTURE (pcap, pcapng, or a log of the feed), at its own pace or another.

    Standard output is JSON lines only: the feed's event envelopes, with the capture's own times. SIGUSR1 pauses and
    goes on, SIGINT and SIGTERM end it: every contact is then lost, and the feed says that the replay was stopped.
    """
    logging.basicConfig(stream=sys.stderr, format="ndefender: %(message)s")
    with ExitStack() as stack:
        control = Control()
        stack.callback(control.close)
        lines = Lines(sys.stdout.buffer, control)
        stack.callback(lines.flush)
        log: FeedLog | None = None
        if jsonl is not None:
            log = FeedLog(jsonl)
            stack.callback(log.close)
        outputs = [*([log.append] if log else []), lines.write]
        writer = FeedWriter(uuid.uuid4().hex, *outputs)

        def on_tick() -> None:
            lines.flush()
            if log is not None:
                log.maintain()

        def say(events: list[Event]) -> None:
            writer.say(events)
            if speed:
                lines.flush()

        stack.enter_context(controlled_by_signals(control))
        open_replay(
            capture,
            say,
            control,
            time.monotonic_ns,
            lambda: time.time_ns() // NS_PER_MS,
            speed=speed,
            policy=TrackerPolicy(ttl_s=ttl_s),
            simulated=simulated,
            on_tick=on_tick,
        ).run()
