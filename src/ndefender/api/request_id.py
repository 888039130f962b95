"""The id of a request: in the answer, in the log and in the audit, so that the three can be laid side by side."""

from __future__ import annotations

import itertools
import re
import secrets

from sanic.request import Request

HEADER = "X-Request-Id"
_RUN = secrets.token_hex(6)  # tells the ids of this run of the service from another's
_COUNT = itertools.count(1)
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")  # nothing that could break a line of the log, or forge one


def request_id(request: Request) -> str:
    """The client's own id where it is well-formed, else one made here; the same on every call."""
    known = getattr(request.ctx, "request_id", None)
    if known is None:
        given = request.headers.get(HEADER)
        own = given is not None and _WELL_FORMED.fullmatch(str(given)) is not None
        known = request.ctx.request_id = str(given) if own else f"{_RUN}-{next(_COUNT):x}"
    return str(known)
