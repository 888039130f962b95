"""Authentication (type 2): a page of a signature over other messages.

Page 0:

| bytes | bits | field |
| --- | --- | --- |
| 0 | 7-4, 3-0 | message type 2, protocol version |
| 1 | 7-4 | authentication type |
| 1 | 3-0 | page number, 0 |
| 2 | 7-4 | reserved |
| 2 | 3-0 | index of the last page, 0 to 15 |
| 3 | | length of the authentication data over all pages, bytes |
| 4-7 | | time of the signature, seconds since 2019-01-01T00:00:00Z, little-endian; 0: none given |
| 8-24 | | authentication data, its first 17 bytes |

Pages 1 to 15:

| bytes | bits | field |
| --- | --- | --- |
| 0, 1 | | as above |
| 2-24 | | authentication data, the next 23 bytes |

With type 5, the first byte of the data says which specific method. What follows the data, its length in one byte before
it, is forward error correction or other additional data.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from ndefender.remoteid.odid.fields import header, reserved_bytes, within
from ndefender.remoteid.odid.values import EPOCH_UNIX_S, VERSION, AuthType, BadMessage, members

TYPE: Final = 2
FIRST_PAGE_BYTES: Final = 17
PAGE_BYTES: Final = 23

_FIRST = struct.Struct("<BBBBI17s")
_AUTH_TYPES = members(AuthType)
_NOTHING_RESERVED = bytes(1)


class Authentication(msgspec.Struct, frozen=True, gc=False):
    """A page of a signature.

    Args:
        auth_type: what is signed, and how.
        page: its number, 0 to 15.
        data: of this page, padding included: 17 bytes on page 0, 23 on the others.
        last_page: index of the last page, 0 to 15; on page 0, None on the others.
        length_bytes: of the data over all pages, 0 to 255; on page 0, None on the others.
        timestamp_unix_s: when it was signed; None where that is not said, and on pages other than 0.
        version: of the protocol, 0 to 15.
        reserved: the reserved bits of byte 2 (0xf0) on page 0; zero on the others.
    """

    auth_type: AuthType | int
    page: int
    data: bytes
    last_page: int | None = None
    length_bytes: int | None = None
    timestamp_unix_s: int | None = None
    version: int = VERSION
    reserved: bytes = _NOTHING_RESERVED


def read(data: bytes) -> Authentication:
    """The 25 bytes of an Authentication page as a value; any content is one."""
    page = data[1] & 0x0F
    auth_type = _AUTH_TYPES[data[1] >> 4]
    if page:
        return Authentication(auth_type, page, data[2:25], version=data[0] & 0x0F)
    head, _, last, length_bytes, time_s, said = _FIRST.unpack(data)
    return Authentication(
        auth_type,
        page,
        said,
        last & 0x0F,
        length_bytes,
        time_s + EPOCH_UNIX_S if time_s else None,
        head & 0x0F,
        bytes((last & 0xF0,)) if last & 0xF0 else _NOTHING_RESERVED,
    )


def write(message: Authentication) -> bytes:
    """The 25 bytes of an Authentication page; data that is shorter than a page is padded with NUL.

    Raises:
        BadMessage: a field is outside of what its bits hold, or on a page that does not have it; the message names it.
    """
    page = within("page", message.page, 0, 15)
    kind = within("auth_type", message.auth_type, 0, 15) << 4 | page
    size = PAGE_BYTES if page else FIRST_PAGE_BYTES
    if len(message.data) > size:
        raise BadMessage(f"data: {len(message.data)} bytes on page {page}, at most {size}")
    first = (message.last_page, message.length_bytes, message.timestamp_unix_s)
    if page:
        if first != (None, None, None):
            raise BadMessage(f"last_page, length_bytes, timestamp_unix_s: {first} on page {page}, are of page 0")
        reserved_bytes(message.reserved, bytes(1))
        return bytes((header(TYPE, message.version), kind)) + message.data.ljust(size, b"\0")
    if message.last_page is None or message.length_bytes is None:
        raise BadMessage("last_page, length_bytes: page 0 must have them")
    time_s = message.timestamp_unix_s
    return _FIRST.pack(
        header(TYPE, message.version),
        kind,
        within("last_page", message.last_page, 0, 15) | reserved_bytes(message.reserved, b"\xf0")[0],
        within("length_bytes", message.length_bytes, 0, 255),
        0 if time_s is None else within("timestamp_unix_s", time_s - EPOCH_UNIX_S, 1, 0xFFFFFFFF),
        message.data,
    )
