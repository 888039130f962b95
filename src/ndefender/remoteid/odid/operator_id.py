"""Operator ID (type 5): the registration of who flies.

| bytes | bits | field |
| --- | --- | --- |
| 0 | 7-4, 3-0 | message type 5, protocol version |
| 1 | | operator ID type |
| 2-21 | | operator ID, 20 bytes of ASCII, padded with NUL |
| 22-24 | | reserved |
"""

from __future__ import annotations

from typing import Final

import msgspec

from ndefender.remoteid.odid.fields import header, reserved_bytes, text, text_raw, within
from ndefender.remoteid.odid.values import VERSION, OperatorIdType, members

TYPE: Final = 5
ID_BYTES: Final = 20

_TYPES = members(OperatorIdType, 256)


class OperatorId(msgspec.Struct, frozen=True, gc=False):
    """The registration of who flies.

    Args:
        operator_id_type: what the ID is.
        operator_id: text (see `fields.text`); None where it is all zeros.
        version: of the protocol, 0 to 15.
        reserved: bytes 22 to 24.
    """

    operator_id_type: OperatorIdType | int
    operator_id: str | None
    version: int = VERSION
    reserved: bytes = bytes(3)


def read(data: bytes) -> OperatorId:
    """The 25 bytes of an Operator ID as a value; any content is one."""
    return OperatorId(_TYPES[data[1]], text(data[2:22]), data[0] & 0x0F, data[22:25])


def write(message: OperatorId) -> bytes:
    """The 25 bytes of an Operator ID.

    Raises:
        BadMessage: a field is outside of what its bits hold; the message names it.
    """
    kind = within("operator_id_type", message.operator_id_type, 0, 255)
    said = text_raw("operator_id", message.operator_id, ID_BYTES)
    reserved = reserved_bytes(message.reserved, b"\xff\xff\xff")
    return bytes((header(TYPE, message.version), kind)) + said + reserved
