"""The emulated panel as a process: start, say so, serve until SIGTERM, take faults from standard input."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from ndefender.ingest.emulated.panel import Panel

# Word on standard input: what it does. `garbage` takes a number of bytes, `reset` a first time stamp in ms.
WORDS = ("unplug", "replug", "reset", "mute", "unmute", "silence", "speak", "garbage")
NOISE = bytes(byte for byte in range(256) if byte != 0x0A)
MOST_GARBAGE_BYTES = 16_000_000


def run(panel: Panel, *, control: bool = False) -> None:
    """Serve a panel until SIGTERM or SIGINT, then return. Call it from the main thread.

    Prints one line, `ready DEVICE`, when a host can open it.

    Args:
        panel: not started yet.
        control: obey `WORDS` on standard input, one a line; each is answered with `done WORD DEVICE` or `refused WORD`.
    Raises:
        OSError: no pseudo-terminal is left, or the link cannot be made.
    """
    ended = threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    panel.start()
    try:
        _tell(f"ready {panel.path}")
        if control:
            threading.Thread(target=_obey_all, args=(panel,), name="control", daemon=True).start()
        ended.wait()
    finally:
        panel.stop()


def obey(panel: Panel, line: str) -> bool:
    """Do what one line says; False where it makes no sense."""
    word, _, rest = line.strip().partition(" ")
    if word not in WORDS or (rest and not (rest.isascii() and rest.isdigit() and len(rest) <= 10)):
        return False
    number = int(rest or 0)
    match word:
        case "unplug":
            panel.unplug()
        case "replug":
            panel.replug()
        case "reset":
            panel.reset(number % 2**32)
        case "mute" | "unmute":
            panel.mute(word == "mute")
        case "silence" | "speak":
            panel.silence(word == "silence")
        case "garbage":
            count = min(number, MOST_GARBAGE_BYTES)
            panel.garbage((NOISE * (count // len(NOISE) + 1))[:count] + b"\n")
    return True


def _obey_all(panel: Panel) -> None:
    for line in sys.stdin:
        if line.strip():
            done = obey(panel, line)
            _tell(f"{'done' if done else 'refused'} {line.split()[0]} {panel.path}".rstrip())


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
