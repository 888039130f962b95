"""Makes one burst of what was found twice or in pieces: doubles, fragments, pulses of a keyed carrier.

A keyed carrier is as narrow as its pulses allow: time times bandwidth is a few. A modulated burst carries many symbols,
so two of them in a row are two packets however close.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

INSIDE_TIME = 0.7
INSIDE_BAND = 0.6
KEYED_BINS = 4.0  # main lobe of the window
MAX_IMPULSES = 8
KEYED_PRODUCT = 16.0  # time-bandwidth product of a bare pulse, window included
PAUSE_RATIO = 6.0  # longest pause inside a packet, in lengths of the longer neighbour
LEVEL_RATIO = 4.0  # pulses of one transmitter are this alike in power


@dataclass(slots=True)
class Burst:
    """One burst as measured on the plane.

    Args:
        start, stop: samples.
        low, high: occupied band in fractional bins.
        power: in-band power above the floor (sum over bins of the mean cell).
        noise: floor summed over the same bins.
        peak: highest mean cell.
        flatness: 0..1.
        edge: dB per bin.
        core: bins within 6 dB of the peak.
        box_low, box_high: band of the box it was found in, skirts included.
        first_frame, last_frame: frames it was measured on.
        continuous, integrated, pulsed: how it was found.
        on_samples: time on, where that is less than stop - start.
    """

    start: float
    stop: float
    low: float
    high: float
    power: float
    noise: float
    peak: float
    flatness: float
    edge: float
    core: float
    box_low: int
    box_high: int
    first_frame: int
    last_frame: int
    continuous: bool
    integrated: bool
    pulsed: bool
    on_samples: float


def is_keyed(burst: Burst, n_fft: int) -> bool:
    """Whether a burst is a bare pulse of carrier."""
    product = (burst.stop - burst.start) * burst.core / n_fft
    return not burst.continuous and (product < KEYED_PRODUCT or burst.core <= KEYED_BINS)


def within(inner: Burst, outer: Burst) -> bool:
    """Whether a burst lies inside another one's time and band."""
    time = min(inner.stop, outer.stop) - max(inner.start, outer.start)
    band = min(inner.high, outer.box_high) - max(inner.low, outer.box_low)
    return time > INSIDE_TIME * (inner.stop - inner.start) and band > INSIDE_BAND * (inner.high - inner.low)


def absorb(bursts: list[Burst]) -> list[Burst]:
    """Drop what is part of a stronger burst: doubles and fragments of one emission.

    Args:
        bursts: of one block, any order.
    Returns:
        Those that lie in no stronger one, strongest first.
    """
    kept: list[Burst] = []
    for burst in sorted(bursts, key=lambda b: -b.power * (b.stop - b.start)):
        if not any(within(burst, other) for other in kept):
            kept.append(burst)
    return kept


def belongs(packet: Burst, pulse: Burst, longest: float) -> bool:
    """Whether a pulse continues a packet."""
    common = min(packet.high, pulse.high) - max(packet.low, pulse.low)
    pause = pulse.start - packet.stop
    alike = max(packet.power, pulse.power) < LEVEL_RATIO * min(packet.power, pulse.power)
    return alike and common > -1.0 and pause < PAUSE_RATIO * longest


def join_pulses(bursts: list[Burst], n_fft: int) -> list[Burst]:
    """Join keyed pulses that follow one another on the same frequency.

    Args:
        bursts: of one block, any order.
        n_fft: bins.
    Returns:
        Bursts with packets joined; a packet of more than one pulse is `pulsed`.
    """
    result = [b for b in bursts if not is_keyed(b, n_fft)]
    open_packets: list[tuple[Burst, float]] = []
    for pulse in sorted((b for b in bursts if is_keyed(b, n_fft)), key=lambda b: b.start):
        length = pulse.stop - pulse.start
        for i, (packet, longest) in enumerate(open_packets):
            if belongs(packet, pulse, max(longest, length)):
                open_packets[i] = (_extended(packet, pulse), max(longest, length))
                break
        else:
            open_packets.append((replace(pulse, on_samples=length), length))
    return result + [packet for packet, _ in open_packets]


def merge_impulses(bursts: list[Burst], n_fft: int) -> list[Burst]:
    """Make one burst of a shower of unrelated impulses.

    Switching noise and ignition give hundreds of clicks a second, each over the threshold, none a transmitter. Single
    ones stay as they are; a shower becomes one pulsed burst over the band it covers, so that nothing is hidden.

    Args:
        bursts: of one block.
        n_fft: bins.
    Returns:
        Bursts with a shower of more than MAX_IMPULSES replaced by one.
    """
    impulses = [b for b in bursts if not b.pulsed and is_impulse(b, n_fft)] + [
        b for b in bursts if b.pulsed and b.core > KEYED_BINS
    ]
    if len(impulses) <= MAX_IMPULSES:
        return bursts
    shower = replace(
        max(impulses, key=lambda b: b.power),
        start=min(b.start for b in impulses),
        stop=max(b.stop for b in impulses),
        low=min(b.low for b in impulses),
        high=max(b.high for b in impulses),
        power=sum(b.power for b in impulses) / len(impulses),
        noise=sum(b.noise for b in impulses) / len(impulses),
        pulsed=True,
        on_samples=sum(b.on_samples or b.stop - b.start for b in impulses),
    )
    return [b for b in bursts if not any(b is i for i in impulses)] + [shower]


def is_impulse(burst: Burst, n_fft: int) -> bool:
    """Whether a burst is a click: as short as its bandwidth allows."""
    product = (burst.stop - burst.start) * (burst.high - burst.low) / n_fft
    return not burst.continuous and product < KEYED_PRODUCT


def _extended(packet: Burst, pulse: Burst) -> Burst:
    stronger = packet if packet.power >= pulse.power else pulse
    return replace(
        stronger,
        start=min(packet.start, pulse.start),
        stop=max(packet.stop, pulse.stop),
        pulsed=True,
        first_frame=min(packet.first_frame, pulse.first_frame),
        last_frame=max(packet.last_frame, pulse.last_frame),
        on_samples=packet.on_samples + pulse.stop - pulse.start,
    )
