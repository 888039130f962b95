"""Makes one burst of what was found twice or in pieces: doubles, fragments, pulses of a keyed carrier, clicks.

A keyed carrier is as narrow as its pulses allow: time times bandwidth is a few. A modulated burst carries many symbols,
so two of them in a row are two packets however close.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .spans import (
    BOX_HIGH,
    BOX_LOW,
    BURST_BOX,
    CENTROID,
    CORE,
    FIRST,
    HIGH,
    KIND,
    LAST,
    LOW,
    NOISE,
    ON,
    POWER,
    PULSED,
    START,
    STOP,
)

INSIDE_TIME = 0.7
INSIDE_BAND = 0.6
KEYED_BINS = 4.0  # main lobe of the window
KEYED_PRODUCT = 16.0  # time-bandwidth product of a bare pulse, window included
PAUSE_RATIO = 6.0  # longest pause inside a packet, in lengths of the longer neighbour
LEVEL_RATIO = 4.0  # pulses of one transmitter are this alike in power
MAX_IMPULSES = 8
SAME_PLACE = 0.5  # of their width: clicks that scatter less are one transmitter's pulses ...
NARROW_SHARE = 0.5  # ... unless they fill the spectrum
COMB_FRAMES = 3.0  # pieces of a preamble are that short
COMB_GAP_RATIO = 0.03  # of the rate: 802.11's short training field has lines 1.25 MHz apart
COMB_PIECES = 3
IMPULSE_PRODUCT = 32.0  # of a click over the whole band: the envelope's smoothing makes it look longer than it is


@kernel
def absorb(bursts: NDArray[np.float64], order: NDArray[np.int64], keep: NDArray[np.uint8]) -> None:
    """Drop doubles and fragments: what lies inside the time and band of a burst with more energy.

    Args:
        bursts: float64, shape (n, BURST_COLUMNS).
        order: int64, shape (n,), most energy first.
        keep: uint8, shape (n,), written.
    """
    for position in range(order.shape[0]):
        i = order[position]
        keep[i] = 1
        for earlier in range(position):
            k = order[earlier]
            if keep[k] == 0:
                continue
            time = min(bursts[i, STOP], bursts[k, STOP]) - max(bursts[i, START], bursts[k, START])
            band = min(bursts[i, HIGH], bursts[k, BOX_HIGH]) - max(bursts[i, LOW], bursts[k, BOX_LOW])
            if time > INSIDE_TIME * (bursts[i, STOP] - bursts[i, START]) and band > INSIDE_BAND * (
                bursts[i, HIGH] - bursts[i, LOW]
            ):
                keep[i] = 0
                break


@kernel
def is_keyed(burst: NDArray[np.float64], n_fft: int) -> bool:
    """Whether a burst is a bare pulse of carrier."""
    product = (burst[STOP] - burst[START]) * burst[CORE] / n_fft
    return bool(burst[KIND] == BURST_BOX and (product < KEYED_PRODUCT or burst[CORE] <= KEYED_BINS))


@kernel
def belongs(packet: NDArray[np.float64], pulse: NDArray[np.float64], longest: float) -> bool:
    """Whether a pulse continues a packet: same band, alike in power, after a pause no longer than pulses allow."""
    common = min(packet[HIGH], pulse[HIGH]) - max(packet[LOW], pulse[LOW])
    pause = pulse[START] - packet[STOP]
    alike = max(packet[POWER], pulse[POWER]) < LEVEL_RATIO * min(packet[POWER], pulse[POWER])
    return bool(alike and common > -1.0 and pause < PAUSE_RATIO * longest)


@kernel
def join_pulses(bursts: NDArray[np.float64], by_start: NDArray[np.int64], n_fft: int, keep: NDArray[np.uint8]) -> None:
    """Join keyed pulses that follow one another on the same frequency into the first of them.

    Args:
        bursts: float64, shape (n, BURST_COLUMNS); packets are extended and marked PULSED.
        by_start: int64, shape (n,), in order of START.
        n_fft: bins.
        keep: uint8, shape (n,): 0 for pulses that went into a packet; entries that are 0 already are ignored.
    """
    longest = np.zeros(bursts.shape[0])
    packets = np.zeros(bursts.shape[0], dtype=np.int64)
    count = 0
    for position in range(by_start.shape[0]):
        i = by_start[position]
        if keep[i] == 0 or not is_keyed(bursts[i], n_fft):
            continue
        length = bursts[i, STOP] - bursts[i, START]
        home = -1
        for p in range(count):
            if belongs(bursts[packets[p]], bursts[i], max(longest[packets[p]], length)):
                home = packets[p]
                break
        if home < 0:
            packets[count] = i
            count += 1
            longest[i] = length
            bursts[i, ON] = length
            if bursts[i, CORE] <= KEYED_BINS:  # clipping and keying splatter are not its bandwidth
                bursts[i, LOW] = bursts[i, CENTROID] - 0.5 * bursts[i, CORE]
                bursts[i, HIGH] = bursts[i, CENTROID] + 0.5 * bursts[i, CORE]
            continue
        extend(bursts[home], bursts[i])
        longest[home] = max(longest[home], length)
        keep[i] = 0


@kernel
def extend(packet: NDArray[np.float64], pulse: NDArray[np.float64]) -> None:
    """Add a pulse to a packet; levels and band are those of the stronger."""
    start, stop = min(packet[START], pulse[START]), max(packet[STOP], pulse[STOP])
    first, last = min(packet[FIRST], pulse[FIRST]), max(packet[LAST], pulse[LAST])
    on = packet[ON] + pulse[STOP] - pulse[START]
    if pulse[POWER] > packet[POWER]:
        packet[:] = pulse
        if pulse[CORE] <= KEYED_BINS:
            packet[LOW] = pulse[CENTROID] - 0.5 * pulse[CORE]
            packet[HIGH] = pulse[CENTROID] + 0.5 * pulse[CORE]
    packet[START], packet[STOP], packet[FIRST], packet[LAST] = start, stop, first, last
    packet[ON], packet[PULSED] = on, 1.0


def is_impulse(bursts: NDArray[np.float64], n_fft: int) -> NDArray[np.bool_]:
    """Which bursts are clicks (as short as their bandwidth allows) or showers of clicks already joined.

    Args:
        bursts: float64, shape (n, BURST_COLUMNS).
        n_fft: bins.
    Returns:
        bool, shape (n,).
    """
    product = (bursts[:, STOP] - bursts[:, START]) * (bursts[:, HIGH] - bursts[:, LOW]) / n_fft
    click = (bursts[:, KIND] == BURST_BOX) & (bursts[:, PULSED] == 0) & (product < IMPULSE_PRODUCT)
    return np.asarray(click | ((bursts[:, PULSED] == 1) & (bursts[:, CORE] > KEYED_BINS)))


def drop_shower(bursts: NDArray[np.float64], n_fft: int) -> tuple[NDArray[np.float64], int]:
    """Take out a shower of unrelated impulses.

    Switching noise and ignition give hundreds of clicks a second, each over the threshold, none a transmitter. A few
    stay as they are; more than MAX_IMPULSES that share no frequency are noise, and are counted.

    Args:
        bursts: float64, shape (n, BURST_COLUMNS).
        n_fft: bins.
    Returns:
        (bursts left, number of impulses taken out).
    """
    if len(bursts) <= MAX_IMPULSES:
        return bursts, 0
    impulses = is_impulse(bursts, n_fft)
    count = int(np.count_nonzero(impulses))
    if count <= MAX_IMPULSES:
        return bursts, 0
    shower = bursts[impulses]
    width = np.median(shower[:, HIGH] - shower[:, LOW])
    same = np.std(shower[:, LOW] + shower[:, HIGH]) / 2 < SAME_PLACE * width and width < NARROW_SHARE * n_fft
    return (bursts, 0) if same else (bursts[~impulses], count)


def join_combs(bursts: NDArray[np.float64], n_fft: int) -> NDArray[np.float64]:
    """Make one burst of short pieces that start together side by side: the comb of a preamble cut off by the block.

    Args:
        bursts: float64, shape (n, BURST_COLUMNS).
        n_fft: bins.
    Returns:
        float64, shape (m, BURST_COLUMNS), m <= n.
    """
    short = (bursts[:, KIND] == BURST_BOX) & (bursts[:, STOP] - bursts[:, START] <= COMB_FRAMES * n_fft)
    pieces = np.flatnonzero(short)
    if len(pieces) < COMB_PIECES:
        return bursts
    pieces = pieces[np.argsort(bursts[pieces, LOW], kind="stable")]
    gone = np.zeros(len(bursts), dtype=bool)
    joined = []
    while len(pieces) >= COMB_PIECES:
        chain = [int(pieces[0])]
        for i in pieces[1:]:
            together = abs(bursts[i, START] - bursts[chain[0], START]) <= n_fft
            if together and bursts[i, LOW] - bursts[chain[-1], HIGH] <= COMB_GAP_RATIO * n_fft:
                chain.append(int(i))
        if len(chain) >= COMB_PIECES:
            comb = bursts[chain[0]].copy()
            members = bursts[chain]
            comb[[START, LOW, BOX_LOW, FIRST]] = members[:, [START, LOW, BOX_LOW, FIRST]].min(axis=0)
            comb[[STOP, HIGH, BOX_HIGH, LAST]] = members[:, [STOP, HIGH, BOX_HIGH, LAST]].max(axis=0)
            comb[[POWER, NOISE, CORE]] = members[:, [POWER, NOISE, CORE]].sum(axis=0)
            joined.append(comb)
            gone[chain] = True
            pieces = np.array([i for i in pieces if not gone[i]], dtype=np.int64)
        else:
            pieces = pieces[1:]
    return np.concatenate([bursts[~gone], np.array(joined)]) if joined else bursts
