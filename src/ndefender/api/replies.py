"""What is said on the way out: an answer as JSON, and who asked, for the audit."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from ndefender.api.request_id import request_id

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_SECURITY_BYTES = tuple((name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items())


class Answer(HTTPResponse):
    """JSON with the security headers, which are encoded once and not anew for every answer.

    Args:
        body: UTF-8 JSON.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__(body, content_type="application/json")

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Header lines as Sanic sends them."""
        yield from super().processed_headers
        yield from _SECURITY_BYTES


def reply(answer: object) -> HTTPResponse:
    """Answer 200 with a Struct or JSON types."""
    return Answer(msgspec.json.encode(answer))


def client_of(request: Request) -> str:
    """Who asks: address, and the id under which the log has the request."""
    return f"{request.ip} request {request_id(request)}"
