"""One captured frame, as a capture file or an interface gives it."""

from __future__ import annotations

import msgspec

MAX_RECORD_BYTES = 262_144
"""The limit of the tools that write captures. A record that claims more means that the place in the file is lost."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One captured frame.

    Args:
        link_type: LINKTYPE number: what `data` begins with.
        time_s: seconds since 1970.
        data: the frame as far as it was captured.
        cut: only its beginning was captured.
        fcs_bytes: bytes of frame check sequence at its end, None where the file does not say.
        bad: the receiver says that the check failed.
    """

    link_type: int
    time_s: float
    data: bytes
    cut: bool = False
    fcs_bytes: int | None = None
    bad: bool = False
