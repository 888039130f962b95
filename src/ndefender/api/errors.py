"""The one error table: every exception that reaches a request's outermost level becomes status, code and message."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec
from sanic.exceptions import MethodNotAllowed, SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from ndefender.api.request_id import request_id
from ndefender.errors import CommandRejected

log = logging.getLogger(__name__)

ErrorBody = Callable[[str, str], object]

CODES: dict[int, str] = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    411: "length_required",
    413: "payload_too_large",
    414: "uri_too_long",
    417: "expectation_failed",
    426: "upgrade_required",
    429: "rate_limited",
    431: "headers_too_large",
    500: "internal",
    503: "unavailable",
}
SELF_EVIDENT = frozenset({*CODES.values(), "malformed_json", "invalid_body", "invalid_query"})
PATH_CHARS = 200  # of a path, in the log
INTERNAL_MESSAGE = "internal error; the service's log says more"


class ApiError(Exception):
    """A request is answered with an error.

    Args:
        status: HTTP status.
        code: short machine-readable reason.
        message: what, where and the limit.
        headers: response headers that belong to it.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def nested_body(code: str, message: str) -> object:
    """Error body of the AntSDR Scan API: ``{"error": {"code", "message"}}``."""
    return {"error": {"code": code, "message": message}}


def detail_body(code: str, message: str) -> object:
    """Error body of the Backend Aggregator and of the System Controller: ``{"detail": "<message>"}``.

    It has no place for a code. One that says more than the status does ends the message, for example
    ``… (confirm_required)``: a message begins with the path of the field that is wrong, where there is one.
    """
    return {"detail": message if code in SELF_EVIDENT else f"{message} ({code})"}


def as_api_error(error: BaseException) -> ApiError:
    """Look an exception up in the table.

    Args:
        error: whatever a handler, the guard or the server raised.
    Returns:
        What the client is told. Anything unknown is a 500 that says nothing of its inside.
    """
    if isinstance(error, ApiError):
        return error
    if isinstance(error, CommandRejected):
        headers = {}
        if error.status in (429, 503):
            headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s or 0.0)))
        return ApiError(error.status, error.code, error.message, headers)
    if isinstance(error, SanicException):
        status = error.status_code
        if status >= 500 and status != 503:
            return ApiError(500, CODES[500], INTERNAL_MESSAGE)
        headers = {}
        if isinstance(error, MethodNotAllowed):
            headers["Allow"] = str(error.headers.get("Allow", ""))
        if status in (429, 503):
            headers["Retry-After"] = "1"
        if status == 426:
            headers["Upgrade"] = "websocket"
        return ApiError(status, CODES.get(status, "error"), str(error) or HTTPStatus(status).phrase, headers)
    return ApiError(500, CODES[500], INTERNAL_MESSAGE)


def error_answer(error: ApiError, body: ErrorBody) -> HTTPResponse:
    """Render an error in an API's error body."""
    return HTTPResponse(
        msgspec.json.encode(body(error.code, error.message)),
        status=error.status,
        headers=error.headers,
        content_type="application/json",
    )


def error_handler(body: ErrorBody) -> Callable[[Request, Exception], HTTPResponse]:
    """Make the handler that a Sanic app uses for every exception.

    Args:
        body: builds the API's error body from code and message.
    """

    def handle(request: Request, error: Exception) -> HTTPResponse:
        told = as_api_error(error)
        if told.status == 500:
            path = ascii(request.path[:PATH_CHARS])
            log.error("request %s failed: %s %s", request_id(request), request.method, path, exc_info=error)
        return error_answer(told, body)

    return handle
