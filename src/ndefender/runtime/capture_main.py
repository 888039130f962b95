"""Entry of the capture process: puts the loop together from the wiring."""

from __future__ import annotations

import time
from functools import partial

from ndefender.errors import ConfigError, RecordingError
from ndefender.ring.ledger import Ledger
from ndefender.ring.ring import RingWriter
from ndefender.ring.segment import attach
from ndefender.runtime.admission import Admission
from ndefender.runtime.capture import Capture, CaptureParts
from ndefender.runtime.capture_state import Desired
from ndefender.runtime.mapping import plan_for
from ndefender.runtime.messages import Link
from ndefender.runtime.process import Child
from ndefender.runtime.sources import make_source
from ndefender.runtime.wiring import Seat


def main(child: Child) -> int:
    """Entry of the capture process."""
    wiring, board = child.wiring, child.board
    settings, layout = wiring.settings, wiring.layout
    workers = [board.row(Seat.WORKER + i) for i in range(len(layout.results))]
    radio, link = settings.radio, Link(wiring.capture_end)
    parts = CaptureParts(
        make_source=partial(make_source, settings, wiring.radio_uri),
        planner=partial(plan_for, settings),
        ring=RingWriter(attach(layout.iq)),
        queue=wiring.queue,
        row=child.row,
        link=link,
        ledger=Ledger(attach(layout.capture_ledger)),
        workers_ready=lambda: any(row.beat_ns for row in workers),
        admission=Admission(layout.iq.slots, len(workers)),
        default=Desired(
            running=settings.scan.autostart,
            plan=settings.scan.plan,
            plans=dict(settings.plan),
            gain_mode=radio.gain_mode,
        ),
        uri=radio.uri,
        step_hz=min(radio.rate_hz * radio.usable_ratio, radio.bandwidth_hz),
        slot_samples=layout.slot_samples,
        timeout_s=radio.timeout_s,
        reopen_max_s=radio.reopen_max_s,
        clock_ns=time.monotonic_ns,
        pause=link.wait,
    )
    try:
        return Capture(parts).run(child.stop.is_set)
    except RecordingError as error:
        raise ConfigError("radio.uri", str(error)) from error
