"""ISO 8601 time-stamps of recordings, in whole nanoseconds (`datetime` stops at microseconds)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ..units import NS_PER_S

_FRACTION = re.compile(r"[.,](\d+)")
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_utc_ns(text: str) -> int | None:
    """Nanoseconds since 1970 of an ISO 8601 time (UTC where it names no zone); None if it is not one."""
    fraction = _FRACTION.search(text)
    whole = text if fraction is None else text[: fraction.start()] + text[fraction.end() :]
    try:
        moment = datetime.fromisoformat(whole)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _UNIX_EPOCH
    ns = 0 if fraction is None else int(fraction.group(1)[:9].ljust(9, "0"))
    return (since.days * 86_400 + since.seconds) * NS_PER_S + ns


def format_utc_ns(unix_ns: int) -> str:
    """Write nanoseconds since 1970 as ISO 8601 with nine decimals and `Z`."""
    seconds, ns = divmod(unix_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"
