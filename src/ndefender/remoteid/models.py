"""Serial numbers by ANSI/CTA-2063-A, and whose they are.

A serial number is the manufacturer's code (4 characters, assigned by ICAO), the length of what follows (1 character, 1
to F hexadecimal), and as many characters of the manufacturer's own. Digits and upper-case letters without O and I.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

SERIAL_ALPHABET: Final = "0-9A-HJ-NP-Z"
_SERIAL: Final = re.compile(rf"([{SERIAL_ALPHABET}]{{4}})([1-9A-F])([{SERIAL_ALPHABET}]{{1,15}})")

# Only codes that are certain: heard together with the maker's own address block, or stated by the maker itself.
MANUFACTURERS: Final[dict[str, str]] = {
    "1581": "DJI",
    "1596": "Dronetag",
}


@lru_cache(maxsize=4096)  # an aircraft sends its own with every frame
def is_serial(text: str) -> bool:
    """Whether a text is a serial number by ANSI/CTA-2063-A."""
    found = _SERIAL.fullmatch(text)
    return found is not None and len(found[3]) == int(found[2], 16)


def manufacturer(serial: str) -> str | None:
    """Who made the aircraft.

    Args:
        serial: a serial number.
    Returns:
        the maker's name; None where the text is no serial number or its code is not in the table.
    """
    return MANUFACTURERS.get(serial[:4]) if is_serial(serial) else None
