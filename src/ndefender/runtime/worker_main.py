"""Entry of the processes that analyse."""

from __future__ import annotations

import logging
import time

from ndefender.ring.ring import RingReader, RingWriter
from ndefender.ring.segment import attach
from ndefender.runtime import analysis
from ndefender.runtime.exits import EXIT_OK
from ndefender.runtime.process import Child
from ndefender.runtime.worker import Worker

log = logging.getLogger(__name__)


def main(child: Child) -> int:
    """Entry of a worker process. Kernels are compiled, or loaded from Numba's cache, before it says that it is up."""
    started_s = time.monotonic()
    wiring, index = child.wiring, child.spec.index
    iq, results = attach(wiring.layout.iq), attach(wiring.layout.results[index])
    analyser = analysis.make_pipeline(wiring.settings, wiring.layout.slot_samples)
    worker = Worker(index, RingReader(iq), RingWriter(results), wiring.queue, wiring.wake, child.row, analyser)
    analysis.warm_up(wiring.settings)
    log.info("analysis kernels are ready after %.1f s", time.monotonic() - started_s)
    worker.run(child.stop.is_set)
    return EXIT_OK
