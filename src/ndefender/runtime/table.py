"""The process table of the service."""

from __future__ import annotations

from ndefender.config.settings import Settings
from ndefender.runtime.mapping import EMULATE_SCHEME
from ndefender.runtime.process import ProcessSpec
from ndefender.runtime.wiring import Seat, worker_count

COMPILE_S = 600.0  # first compile of every kernel on a slow board
START_S = 60.0
CAPTURE_STOP_S = 1.0  # inside libiio it hears nothing for seconds while a radio is silent; it has nothing to finish
FIRST, AFTER_WARM_UP = 0, 1  # the first worker compiles what all of them use; the others then find it in the cache
IN_THE_FRONT = frozenset({"ups"})  # an I2C bus is an object, not an address
STOP_CAPTURE, STOP_WORKERS, STOP_FRONT, STOP_REST = 0, 1, 2, 3


def process_table(settings: Settings, emulated: frozenset[str] = frozenset()) -> list[ProcessSpec]:
    """List the processes of a service, in the order in which they are started.

    Args:
        settings: the configuration.
        emulated: parts of the host that a demo's peers stand in for.
    """
    beat_s = settings.runtime.beat_timeout_s
    table = []
    if settings.radio.uri.startswith(EMULATE_SCHEME):
        table.append(
            ProcessSpec(
                name="emulator",
                entry="ndefender.runtime.emulator:main",
                rows=(Seat.EMULATOR,),
                start_order=FIRST,
                stop_order=STOP_REST,
                beat_timeout_s=beat_s,
                start_timeout_s=COMPILE_S,
            )
        )
    if emulated - IN_THE_FRONT:
        table.append(
            ProcessSpec(
                name="peers",
                entry="ndefender.runtime.demo:main",
                rows=(Seat.PEERS,),
                start_order=FIRST,
                stop_order=STOP_REST,
                beat_timeout_s=beat_s,
                start_timeout_s=START_S,
            )
        )
    table += [
        ProcessSpec(
            name="front",
            entry="ndefender.runtime.front:main",
            rows=(Seat.TRACKER, Seat.LOOP),
            start_order=FIRST,
            stop_order=STOP_FRONT,
            beat_timeout_s=beat_s,
            start_timeout_s=START_S,
            serves=True,
        ),
        ProcessSpec(
            name="capture",
            entry="ndefender.runtime.capture_main:main",
            rows=(Seat.CAPTURE,),
            start_order=FIRST,
            stop_order=STOP_CAPTURE,
            beat_timeout_s=beat_s,
            start_timeout_s=START_S,
            stop_timeout_s=CAPTURE_STOP_S,
        ),
    ]
    table += [
        ProcessSpec(
            name=f"worker-{index}",
            entry="ndefender.runtime.worker_main:main",
            rows=(Seat.WORKER + index,),
            start_order=FIRST if index == 0 else AFTER_WARM_UP,
            gate=index == 0,
            stop_order=STOP_WORKERS,
            beat_timeout_s=beat_s,
            start_timeout_s=COMPILE_S,
            index=index,
        )
        for index in range(worker_count(settings))
    ]
    return table
