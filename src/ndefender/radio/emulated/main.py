"""The emulated radio as a process: start, say so, serve until SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from ndefender.radio.emulated.server import DEFAULT_LINK_BYTES_S, DEFAULT_RETUNE_S, EmulatedRadio
from ndefender.radio.scene import Renderer, load_scene

# What the board starts with, for clients that set nothing, and what a scanner sets first: prepared, so that its write
# returns at once.
USUAL_RATES_HZ = (30_720_000.0, 61_440_000.0)


def run(
    scene: str,
    host: str,
    port: int,
    link_bytes_s: float = DEFAULT_LINK_BYTES_S,
    retune_s: float = DEFAULT_RETUNE_S,
    rates_hz: tuple[float, ...] = USUAL_RATES_HZ,
) -> None:
    """Serve an emulated radio until SIGTERM or SIGINT, then return. Call it from the main thread.

    Prints one line, `ready URI`, when clients can connect.

    Args:
        scene: name of a built-in scene, or path of a TOML file.
        host: address to listen on.
        port: TCP port; 0 takes a free one, which the line names.
        link_bytes_s: rate of the network link.
        retune_s: time an LO, rate or filter change takes.
        rates_hz: sample rates to prepare before that line; setting another one later takes seconds.
    Raises:
        SceneError: the scene cannot be used.
        OSError: the address is taken.
    """
    ended = threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    radio = EmulatedRadio(Renderer(load_scene(scene)), host, port, link_bytes_s, retune_s, rates_hz=rates_hz)
    radio.start()
    sys.stdout.write(f"ready {radio.uri}\n")
    sys.stdout.flush()
    ended.wait()
    radio.stop()
