"""libiio 0.24's network protocol: request lines in, answer bytes out. Pure, no sockets.

A request is one line ended by a newline (CR before it is ignored). An answer is a decimal integer line, negative for
-errno; an attribute's value or a block's bytes follow where the verb has any.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ndefender.errors import NdefenderError

MAX_LINE_BYTES = 1024  # the longest legal line is a WRITE with names and a mask of eight digits: far below
MAX_NUMBER_DIGITS = 10  # sizes are 32-bit unsigned in iiod; more digits are garbage
MASK_DIGITS = 8  # one 32-bit word: no device here has more than 32 channels
KINDS = ("INPUT", "OUTPUT", "DEBUG", "BUFFER")


class Refused(NdefenderError):
    """The emulated device refuses a request. Reaction: answer with the negative `errno`.

    Args:
        code: positive errno.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {errno.errorcode.get(code, str(code))}")
        self.code = code


class Verb(StrEnum):
    """The verbs a libiio 0.24 client sends."""

    PRINT = "PRINT"
    VERSION = "VERSION"
    TIMEOUT = "TIMEOUT"
    EXIT = "EXIT"
    READ = "READ"
    WRITE = "WRITE"
    GETTRIG = "GETTRIG"
    SETTRIG = "SETTRIG"
    SET = "SET"
    OPEN = "OPEN"
    CLOSE = "CLOSE"
    READBUF = "READBUF"
    WRITEBUF = "WRITEBUF"


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed line.

    Args:
        verb: what is asked.
        device: id or name of the device, empty where the verb has none.
        kind: `INPUT`, `OUTPUT`, `DEBUG`, `BUFFER`, or empty for a device attribute.
        channel: channel id for `INPUT` and `OUTPUT`.
        attribute: attribute name; empty means all of them.
        number: milliseconds, samples, bytes or count, as the verb has it.
        mask: channels of an OPEN, bit i is the i-th channel of the device.
        cyclic: OPEN asked for a cyclic buffer.
    """

    verb: Verb
    device: str = ""
    kind: str = ""
    channel: str = ""
    attribute: str = ""
    number: int = 0
    mask: int = 0
    cyclic: bool = False


def parse(line: bytes) -> Request:
    """Parse one request line without its newline.

    Raises:
        Refused: EINVAL for anything that is not a request of this protocol.
    """
    try:
        words = line.decode("ascii").split()
    except UnicodeDecodeError:
        raise Refused(errno.EINVAL) from None
    if not words or words[0] not in Verb.__members__:
        raise Refused(errno.EINVAL)
    verb, rest = Verb(words[0]), words[1:]
    if verb in (Verb.PRINT, Verb.VERSION, Verb.EXIT):
        return Request(verb)
    if verb is Verb.TIMEOUT:
        return Request(verb, number=_number(rest, 0))
    if not rest:
        raise Refused(errno.EINVAL)
    if verb is Verb.READ:
        return _attribute(verb, rest, 0)
    if verb is Verb.WRITE:
        return _attribute(verb, rest[:-1], _number(rest, len(rest) - 1))
    return _device(verb, rest)


def _device(verb: Verb, rest: list[str]) -> Request:
    """Parse the verbs that act on a whole device."""
    device = rest[0]
    if verb is Verb.OPEN:
        if len(rest) not in (3, 4) or len(rest[2]) != MASK_DIGITS or rest[3:] not in ([], ["CYCLIC"]):
            raise Refused(errno.EINVAL)
        return Request(verb, device, number=_number(rest, 1), mask=_hexadecimal(rest[2]), cyclic=len(rest) == 4)
    if verb in (Verb.READBUF, Verb.WRITEBUF):
        return Request(verb, device, number=_number(rest, 1))
    if verb is Verb.SET:
        if rest[1:2] != ["BUFFERS_COUNT"]:
            raise Refused(errno.EINVAL)
        return Request(verb, device, number=_number(rest, 2))
    return Request(verb, device)


def _attribute(verb: Verb, rest: list[str], number: int) -> Request:
    """Parse `dev [INPUT|OUTPUT chan | DEBUG | BUFFER] [attr]`."""
    if not rest:
        raise Refused(errno.EINVAL)
    device, names = rest[0], rest[1:]
    kind = names.pop(0) if names and names[0] in KINDS else ""
    channel = ""
    if kind in ("INPUT", "OUTPUT"):
        if not names:
            raise Refused(errno.EINVAL)
        channel = names.pop(0)
    if len(names) > 1:
        raise Refused(errno.EINVAL)
    return Request(verb, device, kind, channel, names[0] if names else "", number)


def _number(words: list[str], index: int) -> int:
    """Return the non-negative decimal number at `index`."""
    if not 0 <= index < len(words):
        raise Refused(errno.EINVAL)
    word = words[index]
    if not word.isdigit() or len(word) > MAX_NUMBER_DIGITS:
        raise Refused(errno.EINVAL)
    return int(word)


def _hexadecimal(word: str) -> int:
    """Return a hexadecimal word's value."""
    try:
        return int(word, 16)
    except ValueError:
        raise Refused(errno.EINVAL) from None


def integer(value: int) -> bytes:
    """Answer line with a result or -errno."""
    return b"%d\n" % value


def value(text: str) -> bytes:
    """Answer with an attribute's value: its length with the terminating NUL, the bytes, a newline."""
    data = text.encode("ascii") + b"\0"
    return integer(len(data)) + data + b"\n"


def document(text: str) -> bytes:
    """Answer to PRINT: the length of the XML, the XML, a newline."""
    data = text.encode("ascii")
    return integer(len(data)) + data + b"\n"


def values(results: Iterable[str | int]) -> bytes:
    """Answer to a READ of all attributes: for each a big-endian length (or -errno) and the value padded to four."""
    packed = bytearray()
    for result in results:
        if isinstance(result, int):
            packed += struct.pack(">i", result)
            continue
        data = result.encode("ascii") + b"\0"
        packed += struct.pack(">i", len(data)) + data + bytes(-len(data) % 4)
    return integer(len(packed)) + bytes(packed) + b"\n"


def block_header(n_bytes: int, mask: int | None) -> bytes:
    """Answer line before a block of a READBUF: its bytes and, before the first one, the channel mask."""
    return integer(n_bytes) + (b"" if mask is None else b"%08x\n" % mask)
