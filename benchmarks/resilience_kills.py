"""Cases of `resilience.py`: kill -9."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from resilience_cases import URBAN, Figures, analog, ids, live, running
from resilience_service import Missed, Service, await_, new_twice, sequence_gaps

ROLES = ("capture", "worker-0", "front")
Say = Callable[[str], None]


def books(service: Service) -> int:
    """Stop the scan, wait until nothing is in flight; by how much published = analysed + lost is off."""

    def off() -> int:
        stats = service.get("stats")
        if stats is None:
            raise Missed("no statistics")
        lost = stats["blocks_dropped"] - stats["overruns"]
        return int(stats["blocks_captured"] - stats["blocks_analysed"] - lost)

    await_(lambda: service.post("run/stop"), "run/stop")
    with contextlib.suppress(Missed):
        await_(lambda: off() == 0, "books closed", 10.0)
    found = off()
    await_(lambda: service.post("run/start"), "run/start")
    service.await_whole()
    return abs(found)


def kills(folder: Path, count: int, progress: Say) -> Figures:
    """Kill -9 of capture, worker and front, `count` times each, at random moments."""
    rng = random.Random(1)
    figures: Figures = {}
    config = URBAN.format(ttl_s=120.0, uri="emulate:urban")
    with running(folder, config) as service:
        await_(lambda: live(service), "a contact")
        off = survived = 0
        for role in ROLES:
            took = []
            for _ in range(count):
                await_(lambda: len(analog(service)) >= 2, "both pilots")
                before = analog(service)
                stats = service.get("stats") or {}
                time.sleep(rng.uniform(1.0, 2.0))  # at any moment of its work; it has been well for a second
                took.append(service.kill(role))
                survived += before <= ids(service)
                after = service.get("stats") or {}
                off += after["blocks_captured"] < stats["blocks_captured"]
                off += after["blocks_analysed"] < stats["blocks_analysed"]
            off += books(service)
            name = role.partition("-")[0]
            figures |= {f"kill_{name}_median_s": statistics.median(took), f"kill_{name}_max_s": max(took)}
            progress(f"{role}: {figures[f'kill_{name}_median_s']:.2f} s, at most {max(took):.2f} s")
        restarts = (service.get("stats") or {})["restarts"]
        figures["books_off"] = off
        figures["contacts_survived_ratio"] = survived / (count * len(ROLES))
        figures["unasked_restarts"] = sum(restarts.values()) - count * len(ROLES)
        figures["lost_dwells"] = (service.get("stats") or {})["blocks_dropped"]
        figures["stop_s"] = service.stop()
        events = service.events()
        figures["second_new"], figures["log_gaps"] = new_twice(events), sequence_gaps(events)
    return figures


def killed_supervisors(folder: Path, count: int, progress: Say) -> Figures:
    """Kill -9 of the supervisor: what is left behind and for how long, and whether the next start is clean."""
    gone, whole, lost_ids = [], [], 0
    config = URBAN.format(ttl_s=120.0, uri="emulate:urban")
    before: set[str] = set()
    for _ in range(count + 1):
        begun_s = time.monotonic()
        with running(folder, config) as service:
            whole.append(time.monotonic() - begun_s)
            await_(lambda: live(service), "a contact")
            lost_ids += not before <= ids(service)
            await_(lambda: len(analog(service)) >= 2, "both pilots")
            before = analog(service)
            if "Traceback" in service.log():
                raise Missed(service.log())
            os.kill(service.pid, signal.SIGKILL)
            service.process.wait()
            killed_s = time.monotonic()
            await_(lambda: not service.members() and not service.segments(), "nothing left", 30.0)
            gone.append(time.monotonic() - killed_s)
    progress(f"supervisor: gone after at most {max(gone):.2f} s, whole again after at most {max(whole[1:]):.2f} s")
    return {
        "kill_supervisor_gone_max_s": max(gone),
        "kill_supervisor_whole_median_s": statistics.median(whole[1:]),
        "kill_supervisor_whole_max_s": max(whole[1:]),
        "kill_supervisor_ids_lost": lost_ids,
        "kill_supervisor_second_new": new_twice(service.events()),
    }
