"""What is said on the way out: an answer as JSON, and who asked, for the audit."""

from __future__ import annotations

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from ndefender.api.request_id import request_id


def reply(answer: object) -> HTTPResponse:
    """Answer 200 with a Struct or JSON types."""
    return HTTPResponse(msgspec.json.encode(answer), content_type="application/json")


def client_of(request: Request) -> str:
    """Who asks: address, and the id under which the log has the request."""
    return f"{request.ip} request {request_id(request)}"
