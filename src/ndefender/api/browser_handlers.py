"""Sessions and tickets for browsers: the same three operations in every API."""

from __future__ import annotations

from sanic.request import Request
from sanic.response import HTTPResponse

from ndefender.api.answers import SessionAnswer, TicketAnswer
from ndefender.api.bodies import read_command
from ndefender.api.errors import ApiError
from ndefender.api.guard import Guard
from ndefender.api.operations import Operation
from ndefender.api.replies import reply
from ndefender.api.requests import Nothing, SessionRequest


class BrowserHandlers:
    """One method an operation.

    Args:
        guard: key and browser access.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def session_open(self, request: Request) -> HTTPResponse:
        """`POST /session`: the key for a cookie that scripts cannot read."""
        body, _ = read_command(request, SessionRequest)
        if not self._guard.key_required:
            return reply(SessionAnswer(key_required=False, expires_in_s=None))
        given = request.headers.get("x-api-key") if body.key is None else body.key
        if given is None or not self._guard.key_is(str(given)):
            raise ApiError(401, "unauthorized", "the API key is missing or wrong: send it as `key` or in X-API-Key")
        browser = self._guard.browser
        response = reply(SessionAnswer(key_required=True, expires_in_s=browser.session_s))
        response.add_cookie(
            browser.cookie,
            browser.sessions.issue(),
            path="/",
            max_age=int(browser.session_s),
            httponly=True,
            samesite="Strict",
            secure=request.scheme == "https",
        )
        return response

    async def session_close(self, request: Request) -> HTTPResponse:
        """`DELETE /session`."""
        browser = self._guard.browser
        token = request.cookies.get(browser.cookie)
        if token is not None:
            browser.sessions.revoke(str(token))
        response = reply(SessionAnswer(key_required=self._guard.key_required, expires_in_s=0.0))
        response.delete_cookie(browser.cookie, path="/")
        return response

    async def session_ticket(self, request: Request) -> HTTPResponse:
        """`POST /session/ticket`: one upgrade for a page that has no cookie."""
        read_command(request, Nothing)
        browser = self._guard.browser
        return reply(TicketAnswer(ticket=browser.tickets.issue(), expires_in_s=browser.ticket_s))


def browser_operations(guard: Guard) -> tuple[Operation, ...]:
    """The rows of every API's route table that are about browsers."""
    handlers = BrowserHandlers(guard)
    return (
        Operation(
            "POST",
            "/session",
            "Log a browser in",
            handlers.session_open,
            SessionAnswer,
            SessionRequest,
            errors=(413,),
        ),
        Operation("DELETE", "/session", "Log a browser out", handlers.session_close, SessionAnswer),
        Operation(
            "POST",
            "/session/ticket",
            "A one-time ticket for an upgrade",
            handlers.session_ticket,
            TicketAnswer,
            Nothing,
            errors=(413,),
        ),
    )
