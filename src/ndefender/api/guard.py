"""The one guard of every API: who may ask (key, session, ticket) and from where (Host, Origin).

`Host` is checked on every request, so that a name an attacker controls cannot be pointed at this service (DNS
rebinding). So is `Origin`, which browsers send with upgrades, with everything that changes state and with whatever a
script of another site wants to read; and `Sec-Fetch-Site`, which says of the rest whether another site asks for it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import time
from urllib.parse import urlsplit

from sanic.request import Request
from sanic.response import BaseHTTPResponse, HTTPResponse

from ndefender.api.browser import BrowserAccess
from ndefender.api.errors import ApiError
from ndefender.api.rate import Clock
from ndefender.api.replies import SECURITY_HEADERS, Answer
from ndefender.api.request_id import HEADER as REQUEST_ID
from ndefender.api.request_id import request_id
from ndefender.api.request_log import SAFE_METHODS, RequestLog
from ndefender.api.settings import ApiSettings

OPEN_PATHS = frozenset({"/api/v1/session"})  # proves the key itself
WILDCARD_HOSTS = frozenset({"0.0.0.0", "::", ""})
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
    "Access-Control-Allow-Headers": "Content-Type, X-API-Key, X-Request-Id",
    "Access-Control-Max-Age": "600",
}
EXPOSED_HEADERS = "Retry-After, X-Request-Id"
OTHER_SITES = frozenset({"cross-site", "same-site"})  # another port of this host is the same site and another origin
KNOWN_HOSTS = 64  # remembered; a client keeps to one, so more is somebody playing
_HOST = re.compile(r"^(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?$")


def host_name(host: str) -> str | None:
    """Name part of a `Host` header, lower case, without port, brackets and trailing dot; None where it is malformed."""
    match = _HOST.match(host.lower())
    return (match["name"].strip("[]").rstrip(".") or None) if match else None


def is_loopback(name: str) -> bool:
    """Whether a host name can only mean this machine."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_upgrade(request: Request) -> bool:
    """Whether the request asks for a WebSocket."""
    return str(request.headers.get("upgrade", "")).lower() == "websocket"


def _followed_a_link(request: Request) -> bool:
    """Whether a person went there: it is shown on its own, in no frame, and no script of the other site sees it."""
    headers = request.headers
    return (
        request.method in SAFE_METHODS
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


class Guard:
    """Checks requests before any handler runs, and finishes every answer.

    Args:
        settings: key, allow-lists and bind address.
        browser: sessions and tickets.
        clock: monotonic seconds.
    """

    def __init__(self, settings: ApiSettings, browser: BrowserAccess, clock: Clock = time.monotonic) -> None:
        self.browser = browser
        self.key_required = bool(settings.api_key)
        self._key = _digest(settings.api_key)
        self._log = RequestLog(clock)
        self._bind = settings.host.lower().strip("[]")
        self._known_hosts: dict[str, str] = {}  # headers that passed, whoever sends them, in lower case
        self._hosts = frozenset(host_name(host) or host.lower() for host in settings.allowed_hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins)

    async def check(self, request: Request) -> HTTPResponse | None:
        """Request middleware.

        Returns:
            The answer to a CORS preflight, else None: go on.
        Raises:
            ApiError: 400 `bad_host`, 403 `host_not_allowed` or `origin_not_allowed`, 401 `unauthorized`.
        """
        if not request.head:  # the server could not parse it: there is nothing to guard, only an error to tell
            return None
        host = self._check_host(request)
        origin = request.headers.get("origin")
        if origin is not None:
            self._check_origin(str(origin), host)
            if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
                return HTTPResponse(status=204, headers=dict(PREFLIGHT_HEADERS))
        elif request.headers.get("sec-fetch-site") in OTHER_SITES and not _followed_a_link(request):
            raise ApiError(403, "origin_not_allowed", "a page of another site asks: add its origin to allowed_origins")
        if request.path not in OPEN_PATHS and not self.authorized(request):
            raise ApiError(401, "unauthorized", "the API key is missing or wrong: send it in X-API-Key")
        return None

    async def finish(self, request: Request, response: BaseHTTPResponse) -> HTTPResponse | None:
        """Response middleware: request id and security headers on every answer, CORS for allow-listed origins."""
        response.headers[REQUEST_ID] = request_id(request)
        if not isinstance(response, Answer):  # which has them
            for name, value in SECURITY_HEADERS.items():
                response.headers.setdefault(name, value)
        if self._origins:
            response.headers["Vary"] = "Origin"
            origin = request.headers.get("origin")
            if origin is not None and str(origin).lower() in self._origins:
                response.headers["Access-Control-Allow-Origin"] = str(origin)
                response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        self._log.tell(request, response)
        return None

    def key_is(self, given: str) -> bool:
        """Compare a key in constant time, whatever its length. True where none is configured."""
        return not self.key_required or hmac.compare_digest(_digest(given), self._key)

    def authorized(self, request: Request) -> bool:
        """Whether the request carries the key, a live session, or (an upgrade) a fresh ticket, which it uses up."""
        if not self.key_required:
            return True
        given = request.headers.get("x-api-key")
        if given is not None:
            return self.key_is(str(given))
        session = request.cookies.get(self.browser.cookie)
        if session is not None and self.browser.sessions.good(str(session)):
            return True
        if is_upgrade(request):
            ticket = request.args.get("ticket")
            return ticket is not None and self.browser.tickets.redeem(str(ticket))
        return False

    def _check_host(self, request: Request) -> str:
        hosts = request.headers.getall("host", [])
        if len(hosts) == 1 and hosts[0] in self._known_hosts:
            return self._known_hosts[hosts[0]]
        name = host_name(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            raise ApiError(400, "bad_host", "exactly one well-formed Host header is needed")
        named = name == self._bind and name not in WILDCARD_HOSTS  # 0.0.0.0 is no name to call anybody by
        if named or is_loopback(name) or name in self._hosts:
            if len(self._known_hosts) < KNOWN_HOSTS:
                self._known_hosts[hosts[0]] = hosts[0].lower()
        elif not self._is_own_address(request, name):
            raise ApiError(403, "host_not_allowed", f"Host {name!r} is not this service: add it to api.allowed_hosts")
        return str(hosts[0]).lower()

    def _is_own_address(self, request: Request, name: str) -> bool:
        """A service bound to all addresses answers to the address that the connection came in by."""
        if self._bind not in WILDCARD_HOSTS or request.transport is None:
            return False
        own = request.transport.get_extra_info("sockname")
        return isinstance(own, tuple) and name == str(own[0]).removeprefix("::ffff:")

    def _check_origin(self, origin: str, host: str) -> None:
        origin = origin.lower()
        try:
            parts = urlsplit(origin)
            same = parts.scheme in ("http", "https") and parts.netloc == host
        except ValueError:  # not even a URL
            same = False
        if not same and origin not in self._origins:
            raise ApiError(
                403, "origin_not_allowed", f"Origin {origin[:200]!r} is not allowed: add it to api.allowed_origins"
            )
