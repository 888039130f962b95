"""Traffic of an 802.11 network: beacons each 102.4 ms, between them packets, each acknowledged after a SIFS.

IEEE Std 802.11-2020: beacon interval of 100 time units of 1024 µs (11.1.3.2), SIFS 16 µs (17.4.4; 10 µs at 2.4 GHz).
Time is cut into slots of 2.56 ms, the first of each 40 is the beacon's, each other one holds at most one packet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, slots

BEACON_NS = 102_400_000
SLOT_NS = BEACON_NS // 40
SIFS_NS = 16_000
ACK_DB = -5.0  # the peer stands further off


def exchanges(
    dice: Dice,
    start_ns: int,
    stop_ns: int,
    air_ns: Sequence[int],
    load: float,
    *,
    beacons: bool,
    sifs_ns: int = SIFS_NS,
) -> Iterator[Burst]:
    """Yield a network's bursts that may overlap [start_ns, stop_ns).

    Args:
        dice: of the emitter.
        start_ns, stop_ns: since the scene's start.
        air_ns: length of each variant: the data packets, then the beacon, then the acknowledgement.
        load: share of the slots that carry a packet.
        beacons: send beacons.
        sifs_ns: between a packet and its acknowledgement.
    """
    packets, beacon, ack = len(air_ns) - 2, len(air_ns) - 2, len(air_ns) - 1
    phase = dice.below("phase", 0, BEACON_NS) - BEACON_NS  # the network is older than the scene
    for i in slots(start_ns - phase, stop_ns - phase, SLOT_NS):
        at = phase + i * SLOT_NS
        if i % 40 == 0:
            if beacons:
                yield Burst(at, air_ns[beacon], beacon)
        elif dice.uniform("load", i) < load:
            kind = dice.below("packet", i, packets)
            at += dice.below("backoff", i, SLOT_NS - air_ns[kind] - sifs_ns - air_ns[ack])
            yield Burst(at, air_ns[kind], kind)
            yield Burst(at + air_ns[kind] + sifs_ns, air_ns[ack], ack, gain_db=ACK_DB)
