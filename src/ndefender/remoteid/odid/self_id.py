"""Self ID (type 3): what the operator says about the flight.

| bytes | bits | field |
| --- | --- | --- |
| 0 | 7-4, 3-0 | message type 3, protocol version |
| 1 | | description type |
| 2-24 | | description, 23 bytes of ASCII, padded with NUL |
"""

from __future__ import annotations

from typing import Final

import msgspec

from ndefender.remoteid.odid.fields import header, text, text_raw, within
from ndefender.remoteid.odid.values import VERSION, DescriptionType, members

TYPE: Final = 3
DESCRIPTION_BYTES: Final = 23

_TYPES = members(DescriptionType, 256)


class SelfId(msgspec.Struct, frozen=True, gc=False):
    """What the operator says about the flight.

    Args:
        description_type: what the description is for.
        description: text (see `fields.text`); None where it is all zeros.
        version: of the protocol, 0 to 15.
    """

    description_type: DescriptionType | int
    description: str | None
    version: int = VERSION


def read(data: bytes) -> SelfId:
    """The 25 bytes of a Self ID as a value; any content is one."""
    return SelfId(_TYPES[data[1]], text(data[2:25]), data[0] & 0x0F)


def write(message: SelfId) -> bytes:
    """The 25 bytes of a Self ID.

    Raises:
        BadMessage: a field is outside of what its bits hold; the message names it.
    """
    kind = within("description_type", message.description_type, 0, 255)
    said = text_raw("description", message.description, DESCRIPTION_BYTES)
    return bytes((header(TYPE, message.version), kind)) + said
