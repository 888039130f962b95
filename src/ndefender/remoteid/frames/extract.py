"""Frames of any link type to what they announce: the one place that knows which reader is for which link type."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ndefender.remoteid.frames import radiotap, sniffers, wifi
from ndefender.remoteid.frames.capture import records
from ndefender.remoteid.frames.hci import Reports
from ndefender.remoteid.frames.heard import Found, FrameCounters, Radio
from ndefender.remoteid.frames.link_layer import LinkLayer
from ndefender.remoteid.frames.record import Record

LINK_80211 = 105
LINK_PRISM = 119
LINK_RADIOTAP = 127
LINK_HCI_H4 = 187
LINK_HCI_H4_PHDR = 201
LINK_BLE_LL = 251
LINK_HCI_MONITOR = 254
LINK_BLE_LL_PHDR = 256
LINK_NORDIC_BLE = 272

_FCS_BYTES = 4
_MONITOR_EVENT = b"\x00\x03"


def frames(path: Path, counters: FrameCounters | None = None) -> Iterator[Found]:
    """What a capture file's frames announce, in the file's order.

    Args:
        path: a pcap or pcapng file, or a pipe of one.
        counters: counted in while the iterator is consumed.

    Raises:
        CaptureUnreadable: the file cannot be opened or read, or is no capture.
    """
    counters = FrameCounters() if counters is None else counters
    take = Extractor(counters).take
    for record in records(path, counters):
        yield from take(record)


class Extractor:
    """Takes frames of any link type, one by one; nothing in a frame raises an exception."""

    def __init__(self, counters: FrameCounters) -> None:
        self.counters = counters
        self._link = LinkLayer(counters)
        self._reports = Reports(counters)
        self._readers: dict[int, Callable[[Record], Sequence[Found]]] = {
            LINK_80211: self._bare,
            LINK_PRISM: self._prism,
            LINK_RADIOTAP: self._radiotap,
            LINK_HCI_H4: self._hci,
            LINK_HCI_H4_PHDR: self._hci_directed,
            LINK_BLE_LL: self._packet,
            LINK_HCI_MONITOR: self._monitor,
            LINK_BLE_LL_PHDR: self._pseudo,
            LINK_NORDIC_BLE: self._nordic,
        }

    def take(self, record: Record) -> Sequence[Found]:
        """What one frame announces; mostly nothing."""
        counters = self.counters
        counters.frames += 1
        if record.bad:
            counters.bad_fcs += 1
            return ()
        reader = self._readers.get(record.link_type)
        if reader is None:
            counters.unsupported += 1
            return ()
        return reader(record)

    def _radiotap(self, record: Record) -> Sequence[Found]:
        head = radiotap.read(record.data)
        if head is None:
            self.counters.malformed += 1
            return ()
        length, fcs, bad, rssi_dbm, freq_mhz = head
        if bad:
            self.counters.bad_fcs += 1
            return ()
        # The header knows better than the file, where it is by interface.
        fcs_bytes = _FCS_BYTES if fcs else None
        return self._wifi(record.data[length:], fcs_bytes, record.cut, Radio(record.time_s, rssi_dbm, freq_mhz))

    def _prism(self, record: Record) -> Sequence[Found]:
        """Prism's header (code u32, length u32), or AVS's, which has both big-endian; their fields are not read."""
        if len(record.data) < 8:
            self.counters.malformed += 1
            return ()
        avs = record.data.startswith(b"\x80\x21\x10")
        (length,) = struct.unpack_from(">I" if avs else "<I", record.data, 4)
        if length > len(record.data):
            self.counters.malformed += 1
            return ()
        return self._wifi(record.data[length:], record.fcs_bytes, record.cut, Radio(record.time_s))

    def _bare(self, record: Record) -> Sequence[Found]:
        return self._wifi(record.data, record.fcs_bytes, record.cut, Radio(record.time_s))

    def _wifi(self, frame: bytes, fcs_bytes: int | None, cut: bool, radio: Radio) -> Sequence[Found]:
        """Checks and takes off the check sequence, unless it was not captured."""
        if fcs_bytes and not cut:
            if len(frame) < fcs_bytes:
                self.counters.malformed += 1
                return ()
            if fcs_bytes == _FCS_BYTES and not _fcs_right(frame):
                self.counters.bad_fcs += 1
                return ()
            frame = frame[:-fcs_bytes]
        elif fcs_bytes is None and not cut and _fcs_right(frame):
            # Not said, but there: 32 bits do not agree by chance.
            frame = frame[:-_FCS_BYTES]
        return wifi.read(frame, radio, self.counters)

    def _packet(self, record: Record) -> Sequence[Found]:
        return self._link.read(record.data, Radio(record.time_s))

    def _pseudo(self, record: Record) -> Sequence[Found]:
        return sniffers.read_pseudo(record.data, record.time_s, self._link, self.counters)

    def _nordic(self, record: Record) -> Sequence[Found]:
        return sniffers.read_nordic(record.data, record.time_s, self._link, self.counters)

    def _hci(self, record: Record) -> Sequence[Found]:
        return self._reports.read(record.data, record.time_s)

    def _hci_directed(self, record: Record) -> Sequence[Found]:
        """With 4 bytes of direction before it."""
        return self._reports.read(record.data[4:], record.time_s)

    def _monitor(self, record: Record) -> Sequence[Found]:
        """BlueZ's monitor: adapter u16, kind u16 (3: event), big-endian, then the event without its packet kind."""
        if record.data[2:4] != _MONITOR_EVENT:
            return ()
        return self._reports.read(b"\x04" + record.data[4:], record.time_s)


def _fcs_right(frame: bytes) -> bool:
    """802.11's check sequence over all but the last four bytes, which hold it."""
    end = len(frame) - _FCS_BYTES
    return end >= 0 and zlib.crc32(memoryview(frame)[:end]) == int.from_bytes(frame[end:], "little")
