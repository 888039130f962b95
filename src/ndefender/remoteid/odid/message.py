"""Any message from its bytes, and back: the front of this room.

What carries a message (the element's or service data's header, the counter before it) belongs to `remoteid.frames`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import assert_never

from ndefender.remoteid.odid import authentication, basic_id, location, operator_id, pack, self_id, system
from ndefender.remoteid.odid.authentication import Authentication
from ndefender.remoteid.odid.basic_id import BasicId
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.operator_id import OperatorId
from ndefender.remoteid.odid.self_id import SelfId
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import MESSAGE_BYTES, BadMessage

Message = BasicId | Location | Authentication | SelfId | System | OperatorId

# What an aircraft says with every frame and does not change: read once. Values are immutable, so they can be shared.
_once = lru_cache(maxsize=4096)

_READERS: dict[int, Callable[[bytes], Message]] = {
    basic_id.TYPE: _once(basic_id.read),
    location.TYPE: location.read,
    authentication.TYPE: authentication.read,
    self_id.TYPE: _once(self_id.read),
    system.TYPE: system.read,
    operator_id.TYPE: _once(operator_id.read),
}


def decode(data: bytes) -> tuple[Message, ...]:
    """Read what one frame carries: a single message of 25 bytes, or a pack.

    Args:
        data: from the byte with type and version on, no counter before it.
    Returns:
        the messages in their order, at least one. Of a pack, those of a reserved type are left out.
    Raises:
        BadMessage: wrong length or number, or no message of a known type. A pack may be followed by other bytes.
    """
    if not data:
        raise BadMessage("no bytes")
    if data[0] >> 4 != pack.TYPE:
        return (decode_one(data),)
    found = []
    for part in pack.split(data):
        reader = _READERS.get(part[0] >> 4)
        if reader is not None:
            found.append(reader(part))
    if not found:
        raise BadMessage(f"pack: {data[2]} messages, none of a known type")
    return tuple(found)


def decode_one(data: bytes) -> Message:
    """Read a single message.

    Raises:
        BadMessage: not 25 bytes, or of a reserved type; a pack is none.
    """
    if len(data) != MESSAGE_BYTES:
        raise BadMessage(f"message: {len(data)} bytes, must be {MESSAGE_BYTES}")
    reader = _READERS.get(data[0] >> 4)
    if reader is None:
        raise BadMessage(f"message: type {data[0] >> 4}, known are 0 to 5")
    return reader(data)


def encode(message: Message) -> bytes:
    """The 25 bytes of a message.

    Raises:
        BadMessage: a field is outside of what its bits hold; the message names it.
    """
    match message:
        case BasicId():
            return basic_id.write(message)
        case Location():
            return location.write(message)
        case Authentication():
            return authentication.write(message)
        case SelfId():
            return self_id.write(message)
        case System():
            return system.write(message)
        case OperatorId():
            return operator_id.write(message)
        case _:
            assert_never(message)


def encode_pack(messages: Sequence[Message]) -> bytes:
    """The bytes of a pack, with the first message's protocol version.

    Raises:
        BadMessage: none or too many of them, or one that cannot be encoded.
    """
    if not messages:
        raise BadMessage("pack: no messages")
    return pack.join([encode(message) for message in messages], messages[0].version)
