"""Message Pack (type 15): several messages in one frame, for transports that hold more than 25 bytes.

| bytes | bits | field |
| --- | --- | --- |
| 0 | 7-4, 3-0 | message type 15, protocol version |
| 1 | | size of a message, 25 |
| 2 | | number of messages, 1 to 9 (10 before version 2) |
| 3- | | the messages, one after another |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ndefender.remoteid.odid.fields import header
from ndefender.remoteid.odid.values import MESSAGE_BYTES, VERSION, BadMessage

TYPE: Final = 15
HEADER_BYTES: Final = 3
MAX_MESSAGES: Final = 9

_MAX_MESSAGES_BEFORE = 10  # of versions 0 and 1


def split(data: bytes) -> list[bytes]:
    """The messages of a pack, 25 bytes each, whatever they are; the caller has seen that the first byte says pack.

    What stands behind the last of them is left alone: the frame's check has shown that the sender meant it.

    Raises:
        BadMessage: size, number and length do not go together.
    """
    if len(data) < HEADER_BYTES + MESSAGE_BYTES:
        raise BadMessage(f"pack: {len(data)} bytes, at least {HEADER_BYTES + MESSAGE_BYTES}")
    if data[1] != MESSAGE_BYTES:
        raise BadMessage(f"pack: messages of {data[1]} bytes, must be {MESSAGE_BYTES}")
    most = MAX_MESSAGES if data[0] & 0x0F >= VERSION else _MAX_MESSAGES_BEFORE
    if not 1 <= data[2] <= most:
        raise BadMessage(f"pack: {data[2]} messages, allowed 1 to {most}")
    end = HEADER_BYTES + data[2] * MESSAGE_BYTES
    if len(data) < end:
        raise BadMessage(f"pack: {len(data)} bytes, {data[2]} messages have {end}")
    return [data[at : at + MESSAGE_BYTES] for at in range(HEADER_BYTES, end, MESSAGE_BYTES)]


def join(messages: Sequence[bytes], version: int = VERSION) -> bytes:
    """A pack of encoded messages.

    Raises:
        BadMessage: none, too many, or one that does not have 25 bytes.
    """
    most = MAX_MESSAGES if version >= VERSION else _MAX_MESSAGES_BEFORE
    if not 1 <= len(messages) <= most:
        raise BadMessage(f"pack: {len(messages)} messages, allowed 1 to {most}")
    if any(len(message) != MESSAGE_BYTES for message in messages):
        raise BadMessage(f"pack: lengths {[len(message) for message in messages]}, must be {MESSAGE_BYTES}")
    return bytes((header(TYPE, version), MESSAGE_BYTES, len(messages))) + b"".join(messages)
