"""Access for browsers, which cannot set a header on a WebSocket upgrade: sessions by cookie, and one-time tickets."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict

from ndefender.api.rate import Clock

TOKEN_BYTES = 32  # 256 bits: not to be guessed
MAX_TOKENS = 256  # of each kind; the oldest goes first


class TokenStore:
    """Random tokens with a life span. Only their digests are kept, so a look-up tells nothing by its time.

    Args:
        clock: monotonic seconds.
        life_s: how long a token is good.
    """

    def __init__(self, clock: Clock, life_s: float) -> None:
        self._clock = clock
        self._life_s = life_s
        self._until_s: OrderedDict[bytes, float] = OrderedDict()

    def issue(self) -> str:
        """Make a token, URL-safe."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._until_s[self._digest(token)] = self._clock() + self._life_s
        while len(self._until_s) > MAX_TOKENS:
            self._until_s.popitem(last=False)
        return token

    def good(self, token: str) -> bool:
        """Whether the token was issued here and has not run out."""
        until_s = self._until_s.get(self._digest(token))
        return until_s is not None and self._clock() < until_s

    def redeem(self, token: str) -> bool:
        """`good`, once."""
        until_s = self._until_s.pop(self._digest(token), None)
        return until_s is not None and self._clock() < until_s

    def revoke(self, token: str) -> None:
        """Forget a token, if it is known."""
        self._until_s.pop(self._digest(token), None)

    @staticmethod
    def _digest(token: str) -> bytes:
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class BrowserAccess:
    """The two kinds of tokens of one API.

    Args:
        clock: monotonic seconds.
        session_s, ticket_s: their lives.
        cookie: name of the session cookie; cookies do not know ports, so each API has its own.
    """

    def __init__(self, clock: Clock, session_s: float, ticket_s: float, cookie: str) -> None:
        self.sessions = TokenStore(clock, session_s)
        self.tickets = TokenStore(clock, ticket_s)
        self.cookie = cookie
        self.session_s = session_s
        self.ticket_s = ticket_s
