"""What Bluetooth sniffers put before a packet: nRF Sniffer, and the pseudo-header of LINKTYPE 256.

nRF Sniffer (LINKTYPE 272): board u8, then 6 bytes: in version 1 header length u8, payload length u8, in later ones
payload length u16; version u8, counter u16, kind u8 (2 or 6: a packet). Then 10 bytes: their length u8, flags u8 (bit 0
CRC right, bits 4 to 6 PHY), channel u8, strength u8 (-dBm), event u16, time u32; then the packet.

LINKTYPE 256: channel u8 (of 2 MHz from 2402 MHz), strength i8, noise i8, errors u8, reference address u32, flags u16
(bit 1 strength valid, bit 10 CRC was checked, bit 11 it was right, bits 14 and 15 PHY); then the packet.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from ndefender.remoteid.frames.advertising import channel_mhz
from ndefender.remoteid.frames.heard import Found, FrameCounters, Radio
from ndefender.remoteid.frames.link_layer import LinkLayer

CODED_PHY = 2
NORDIC_BYTES = 17
PSEUDO_BYTES = 10
_PACKETS = frozenset({2, 6})
_DEWHITENED, _STRENGTH_VALID, _CRC_CHECKED, _CRC_RIGHT = 0x0001, 0x0002, 0x0400, 0x0800


def read_nordic(data: bytes, time_s: float, link: LinkLayer, counters: FrameCounters) -> Sequence[Found]:
    """A record of the nRF Sniffer."""
    if len(data) < 7 or (data[3] == 1 and data[1] != 6):
        counters.malformed += 1
        return ()
    if data[6] not in _PACKETS:
        return ()
    if len(data) < NORDIC_BYTES or data[7] != 10:
        counters.malformed += 1
        return ()
    flags, channel, strength = data[8:11]
    if not flags & 1:
        counters.bad_fcs += 1
        return ()
    radio = Radio(time_s, -strength, channel_mhz(channel))
    return link.read(data[NORDIC_BYTES:], radio, coded=flags >> 4 & 7 == CODED_PHY, checked=True)


def read_pseudo(data: bytes, time_s: float, link: LinkLayer, counters: FrameCounters) -> Sequence[Found]:
    """A record with the pseudo-header of LINKTYPE 256."""
    if len(data) < PSEUDO_BYTES:
        counters.malformed += 1
        return ()
    channel, strength = struct.unpack_from("<Bb", data)
    (flags,) = struct.unpack_from("<H", data, 8)
    if not flags & _DEWHITENED:
        counters.unsupported += 1
        return ()
    if flags & _CRC_CHECKED and not flags & _CRC_RIGHT:
        counters.bad_fcs += 1
        return ()
    radio = Radio(time_s, strength if flags & _STRENGTH_VALID else None, 2402 + 2 * channel if channel < 40 else None)
    return link.read(data[PSEUDO_BYTES:], radio, coded=flags >> 14 == CODED_PHY, checked=bool(flags & _CRC_CHECKED))
