"""Basic ID (type 0): who this is, and what kind of aircraft.

| bytes | bits | field |
| --- | --- | --- |
| 0 | 7-4, 3-0 | message type 0, protocol version |
| 1 | 7-4 | ID type |
| 1 | 3-0 | aircraft type |
| 2-21 | | UAS ID, 20 bytes, padded with NUL |
| 22-24 | | reserved |

The UAS ID is ASCII, but for type 3 a UUID in 16 bytes, network order, and for type 4 a session ID, whose first byte
says which kind (1: DRIP entity tag in 16 bytes, 2: IEEE 1609.2 in 8 bytes).
"""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from ndefender.remoteid.odid.fields import header, reserved_bytes, text, text_raw, within
from ndefender.remoteid.odid.values import VERSION, BadMessage, IdType, UaType, members

TYPE: Final = 0
ID_BYTES: Final = 20

_UUID_BYTES = 16
_BINARY = (IdType.UTM_UUID, IdType.SESSION_ID)
_ID_TYPES = members(IdType)
_UA_TYPES = members(UaType)


class BasicId(msgspec.Struct, frozen=True, gc=False):
    """Who this is.

    Args:
        id_type: what `uas_id` is.
        ua_type: kind of aircraft.
        uas_id: as text (see `fields.text`); a UUID as its 36 characters; a session ID as 40 hexadecimal digits, its
            first two say which kind. None where it is all zeros.
        version: of the protocol, 0 to 15.
        reserved: bytes 22 to 24.
    """

    id_type: IdType | int
    ua_type: UaType | int
    uas_id: str | None
    version: int = VERSION
    reserved: bytes = bytes(3)


def read(data: bytes) -> BasicId:
    """The 25 bytes of a Basic ID as a value; any content is one."""
    types = data[1]
    id_type = _ID_TYPES[types >> 4]
    raw = data[2:22]
    uas_id = text(raw)
    if uas_id is not None and id_type in _BINARY:
        uas_id = _binary(id_type, raw)
    return BasicId(id_type, _UA_TYPES[types & 0x0F], uas_id, data[0] & 0x0F, data[22:25])


def write(message: BasicId) -> bytes:
    """The 25 bytes of a Basic ID.

    Raises:
        BadMessage: a field is outside of what its bits hold; the message names it.
    """
    types = within("id_type", message.id_type, 0, 15) << 4 | within("ua_type", message.ua_type, 0, 15)
    reserved = reserved_bytes(message.reserved, b"\xff\xff\xff")
    return bytes((header(TYPE, message.version), types)) + _id_raw(message) + reserved


def _binary(id_type: int, raw: bytes) -> str | None:
    """A UAS ID that is no text by its type."""
    if id_type == IdType.SESSION_ID:
        return raw.hex()
    if any(raw[_UUID_BYTES:]):  # no UUID: senders of the standard's predecessor put text there
        return text(raw)
    return str(uuid.UUID(bytes=raw[:_UUID_BYTES]))


def _id_raw(message: BasicId) -> bytes:
    """The 20 bytes of a UAS ID.

    Raises:
        BadMessage: it is not what its type says.
    """
    said = message.uas_id
    try:
        if said is not None and message.id_type == IdType.SESSION_ID:
            raw = bytes.fromhex(said)
            if len(raw) != ID_BYTES:
                raise BadMessage(f"uas_id: a session ID of {len(raw)} bytes, must be {ID_BYTES}")
            return raw
        if said is not None and message.id_type == IdType.UTM_UUID and "\\" not in said and len(said) > ID_BYTES:
            return uuid.UUID(said).bytes.ljust(ID_BYTES, b"\0")
    except BadMessage:
        raise
    except ValueError as error:
        raise BadMessage(f"uas_id: {said!r} is not of ID type {int(message.id_type)}") from error
    return text_raw("uas_id", said, ID_BYTES)
