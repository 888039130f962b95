"""Takes the front's place: follows the result rings, looks at every dwell's first samples, keeps what it saw.

What is to be done stands in `order.json` of the working folder, what was seen goes to `seen.npz`.
"""

from __future__ import annotations

import json
import select
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ndefender.radio import iio_library
from ndefender.radio.scene.waves.tone import following_offset_hz
from ndefender.ring.ring import RingReader
from ndefender.ring.segment import attach
from ndefender.runtime.exits import EXIT_FINISHED, EXIT_OK
from ndefender.runtime.process import Child
from ndefender.runtime.results import Dwell, ResultFollower
from ndefender.runtime.wiring import CaptureCount, Seat
from ndefender.runtime.worker import block_view

ORDER, SEEN = "order.json", "seen.npz"
EMULATOR = "ndefender-emulator"
POLL_MS = 100
HEAD_SAMPLES = 8192  # where what was taken before a retune would be
STRETCH = 64  # samples that are looked at together
MATCH = 0.5  # part of a stretch's power that is the hop's own tone, at least
BINS_OFF = 3  # a tone is found within so many bins
NEAR_BINS = 6  # another hop's tone so near to the own one cannot be told from it
FOREIGN_DB = 20.0  # over the floor: noise alone reaches 12 dB once in a thousand dwells, a tone of one frame 50 dB

DWELL = np.dtype(
    [
        ("seq", "u8"),
        ("sweep", "u4"),
        ("hop", "i4"),
        ("n_samples", "u8"),
        ("captured_ns", "i8"),
        ("done_ns", "i8"),
        ("busy_ns", "u8"),
        ("stale_samples", "u8"),
        ("heard", "u1"),  # 1: its own tone was found among the emissions
        ("foreign", "u1"),  # 1: a tone of another hop was found
    ]
)


def stale_in_head(iq: NDArray[np.int16], offset_hz: float, rate_hz: float) -> int:
    """Samples of a dwell's head, in stretches of 64, that are not the hop's own tone.

    Args:
        iq: int16, shape (n, 2).
        offset_hz: where the own tone is.
        rate_hz: sample rate.
    """
    n = min(len(iq), HEAD_SAMPLES) // STRETCH * STRETCH
    x = iq[:n].astype(np.float32)
    x -= x.mean(axis=0)  # the DC spike
    z = (x[:, 0] + 1j * x[:, 1]).reshape(-1, STRETCH)
    own = np.exp(-2j * np.pi * offset_hz / rate_hz * np.arange(STRETCH))
    share = np.abs(z @ own) ** 2 / (STRETCH * np.sum(np.abs(z) ** 2, axis=1) + 1e-9)
    return int(np.count_nonzero(share < MATCH)) * STRETCH


def tones_of_others(dwell: Dwell, own_hz: float, offsets_hz: NDArray[np.float64]) -> bool:
    """Whether the spectrum's maximum over time shows a tone where another hop has its own."""
    summary = dwell.summary
    bin_hz = float(summary["bin_hz"])
    foreign = offsets_hz[np.abs(offsets_hz - own_hz) > NEAR_BINS * bin_hz]
    edges = float(summary["block"]["center_hz"]) - float(summary["spectrum_start_hz"])
    places = np.rint((foreign[:, None] + edges) / bin_hz + np.arange(-1, 2)).astype(int)
    floor = float(np.median(dwell.mean_power))
    return bool(len(places)) and float(dwell.max_power[places].max()) > floor * 10 ** (FOREIGN_DB / 10)


def emulator_late(uri: str) -> int:
    """How often the emulated radio was late so far."""
    context = iio_library.connect(iio_library.load(), uri)  # kept while its device is used: libiio frees both together
    device = next(device for device in context.devices if device.name == EMULATOR)
    return int(device.attrs["late"].value)


class Watch:
    """What is known of the dwells so far.

    Args:
        iq: ring of dwells.
        offsets_hz: of the tones of all hops.
    """

    def __init__(self, iq: RingReader, offsets_hz: NDArray[np.float64]) -> None:
        self._iq = iq
        self._offsets_hz = offsets_hz
        self.rows: list[tuple[int, ...]] = []
        self.unseen_heads = 0

    def take(self, dwell: Dwell) -> None:
        """Look at one dwell."""
        block = dwell.summary["block"]
        own_hz = following_offset_hz(float(block["center_hz"]), float(block["bandwidth_hz"]))
        foreign = tones_of_others(dwell, own_hz, self._offsets_hz)
        distance = np.abs(dwell.emissions["center_hz"] - float(block["center_hz"]) - own_hz)
        heard = bool(np.any(distance < BINS_OFF * float(dwell.summary["bin_hz"])))
        n_samples = int(block["n_samples"])
        stale = n_samples if foreign or not heard else self._head(dwell.seq, own_hz, float(block["rate_hz"]))
        self.rows.append(
            (
                dwell.seq,
                int(block["sweep_index"]),
                int(block["hop_index"]),
                n_samples,
                int(block["captured_ns"]),
                int(dwell.summary["done_ns"]),
                int(dwell.summary["busy_ns"]),
                stale,
                int(heard),
                int(foreign),
            )
        )

    def _head(self, seq: int, own_hz: float, rate_hz: float) -> int:
        payload = self._iq.read(seq)
        if payload is not None:
            head = block_view(payload)[1][:HEAD_SAMPLES].copy()
            if self._iq.holds(seq):
                return stale_in_head(head, own_hz, rate_hz)
        self.unseen_heads += 1
        return 0


def main(child: Child) -> int:
    """Entry: watch as many sweeps as ordered after as many of warm-up, write down what was seen, end the service."""
    wiring = child.wiring
    order = json.loads(Path(ORDER).read_text(encoding="utf-8"))
    bandwidth_hz = wiring.settings.radio.bandwidth_hz
    offsets_hz = np.array([following_offset_hz(center, bandwidth_hz) for center in order["centers_hz"]])
    watch = Watch(RingReader(attach(wiring.layout.iq)), offsets_hz)
    rings = [RingReader(attach(spec)) for spec in wiring.layout.results]
    follower = ResultFollower(rings, [0] * len(rings))
    capture, loop = child.board.row(Seat.CAPTURE), child.board.row(Seat.LOOP)
    first, last = order["warm_up"], order["warm_up"] + order["sweeps"]
    late_before: int | None = None
    poller = select.poll()
    poller.register(wiring.wake.fileno(), select.POLLIN)
    while capture.get(CaptureCount.SWEEPS) <= last:  # one more dwell than the last sweep ends its time
        child.row.beat_ns = loop.beat_ns = time.monotonic_ns()
        if child.stop.is_set():
            return EXIT_OK
        if late_before is None and capture.get(CaptureCount.SWEEPS) >= first:
            late_before = emulator_late(wiring.radio_uri)
        poller.poll(POLL_MS)
        wiring.wake.clear()
        for dwell in follower.read():
            watch.take(dwell)
    facts = {
        "late": emulator_late(wiring.radio_uri) - (late_before or 0),
        "dropped": capture.get(CaptureCount.DROPPED),
        "timeouts": capture.get(CaptureCount.TIMEOUTS),
        "rejected": capture.get(CaptureCount.REJECTED),
        "unseen_heads": watch.unseen_heads,
    }
    np.savez(SEEN, dwells=np.array(watch.rows, DWELL), facts=np.array(json.dumps(facts)))
    return EXIT_FINISHED
