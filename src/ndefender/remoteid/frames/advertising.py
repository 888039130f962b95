"""Open Drone ID in Bluetooth Low Energy advertising data, whatever carried it.

Advertising data are structures of length u8 (of what follows), kind u8, content. Kind 16 is service data: UUID u16
(FFFA, little-endian), application code 0D, message counter u8, one message or one pack.
"""

from __future__ import annotations

from collections.abc import Sequence

from ndefender.remoteid.frames.heard import Found, FrameCounters, Heard, Radio, Transport, one_payload

SERVICE_DATA = b"\x16\xfa\xff\x0d"

PRIMARY_MHZ = {37: 2402, 38: 2426, 39: 2480}


def channel_mhz(index: int) -> int | None:
    """Centre of the channel with that index; None beyond 39."""
    if index > 39:
        return None
    return PRIMARY_MHZ.get(index) or (2404 + 2 * index if index < 11 else 2406 + 2 * index)


def read(data: bytes, sender: str, transport: Transport, radio: Radio, counters: FrameCounters) -> Sequence[Found]:
    """What advertising data announce; mostly nothing."""
    if SERVICE_DATA not in data:
        return ()
    found: list[Found] = []
    at, end = 0, len(data)
    while at + 1 < end and data[at]:
        after = at + 1 + data[at]
        if data.startswith(SERVICE_DATA, at + 1, after):
            payload = one_payload(data[at + 6 : after]) if after <= end else None
            if payload is None:
                counters.malformed += 1
            else:
                counters.odid += 1
                found.append(
                    Heard(sender, transport, data[at + 5], payload, radio.rssi_dbm, radio.freq_mhz, radio.time_s)
                )
        at = after
    return found
