"""One line for every command and every refusal, with the request's id; so many a second and no more."""

from __future__ import annotations

import logging

from sanic.request import Request
from sanic.response import BaseHTTPResponse

from ndefender.api.rate import Clock, TokenBucket
from ndefender.api.request_id import request_id

log = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DENIED = frozenset({401, 403, 429})
LINES_PER_S = 10.0  # nobody fills the log by knocking
BURST_LINES = 100
PATH_CHARS = 200


class _Lines:
    """So many lines a second, and how many were left out since the last one."""

    def __init__(self, now_s: float) -> None:
        self.bucket = TokenBucket(LINES_PER_S, BURST_LINES, now_s)
        self.left_out = 0


class RequestLog:
    """Writes what became of requests that were more than a successful look.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Apart, so that a flood of refusals hides no command that was carried out.
        self._done = _Lines(clock())
        self._refused = _Lines(clock())

    def tell(self, request: Request, response: BaseHTTPResponse) -> None:
        """Write a line, unless it was a look that went well."""
        if request.method in SAFE_METHODS and response.status < 400:
            return
        lines = self._done if response.status < 400 else self._refused
        if lines.bucket.wait_s(self._clock()) > 0.0:
            lines.left_out += 1
            return
        lines.bucket.take()
        left_out = f" ({lines.left_out} like it before were not logged)" if lines.left_out else ""
        lines.left_out = 0
        # Without the query: there may be a ticket in it. What is not plain text is escaped.
        log.log(
            logging.WARNING if response.status in DENIED else logging.INFO,
            "request %s from %s: %s %s: %d%s",
            request_id(request),
            request.ip,
            request.method,
            ascii(request.path[:PATH_CHARS]),
            response.status,
            left_out,
        )
