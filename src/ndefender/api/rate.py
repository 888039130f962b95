"""Token buckets on an injected monotonic clock."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ndefender.api.errors import ApiError
from ndefender.errors import CommandRejected

Clock = Callable[[], float]
MAX_CLIENT_BUCKETS = 1024  # addresses remembered; the one unused longest is forgotten first


class TokenBucket:
    """`burst` tokens at most, refilled at `rate_per_s`.

    Args:
        rate_per_s: refill; 0 means that there is always a token.
        burst: size, >= 1.
        now_s: time of creation; the bucket starts full.
    """

    __slots__ = ("_at_s", "_burst", "_rate_per_s", "_tokens")

    def __init__(self, rate_per_s: float, burst: int, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until a token is there, 0 when one is."""
        if self._rate_per_s == 0.0:
            return 0.0
        elapsed_s = max(0.0, now_s - self._at_s)
        self._tokens = min(self._burst, self._tokens + elapsed_s * self._rate_per_s)
        self._at_s = max(self._at_s, now_s)
        return 0.0 if self._tokens >= 1.0 else (1.0 - self._tokens) / self._rate_per_s

    def take(self) -> None:
        """Take a token; only after `wait_s` said 0."""
        self._tokens -= 1.0

    def give(self) -> None:
        """Put a token back."""
        self._tokens = min(self._burst, self._tokens + 1.0)


class CommandRate:
    """Limits commands per client and over all clients.

    Args:
        clock: monotonic seconds.
        client_per_min, client_burst: one client; 0 a minute means no limit, here and below.
        global_per_min, global_burst: all clients.
        dangerous_per_min, dangerous_burst: dangerous commands of all clients.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        client_per_min: float,
        client_burst: int,
        global_per_min: float,
        global_burst: int,
        dangerous_per_min: float,
        dangerous_burst: int,
    ) -> None:
        self._clock = clock
        self._client = (client_per_min / 60.0, client_burst)
        now_s = clock()
        self._all = TokenBucket(global_per_min / 60.0, global_burst, now_s)
        self._dangerous = TokenBucket(dangerous_per_min / 60.0, dangerous_burst, now_s)
        self._clients: OrderedDict[str, TokenBucket] = OrderedDict()

    def charge(self, client: str, *, dangerous: bool) -> None:
        """Count one command of `client`, or refuse it.

        Raises:
            ApiError: 429 `rate_limited` with `Retry-After`; a refused command takes no token.
        """
        now_s = self._clock()
        bucket = self._clients.get(client)
        if bucket is None:
            bucket = self._clients[client] = TokenBucket(*self._client, now_s)
            if len(self._clients) > MAX_CLIENT_BUCKETS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(client)
        buckets = [bucket, self._all, self._dangerous] if dangerous else [bucket, self._all]
        wait_s = max(each.wait_s(now_s) for each in buckets)
        if wait_s > 0.0:
            retry_s = max(1, math.ceil(wait_s))
            raise ApiError(
                429, "rate_limited", f"too many commands: try again in {retry_s} s", {"Retry-After": str(retry_s)}
            )
        for each in buckets:
            each.take()

    @contextmanager
    def charged(self, client: str, *, dangerous: bool) -> Iterator[None]:
        """`charge` what is done inside; the dangerous command's own token comes back where it is refused.

        A refused reboot did no harm, so the next one need not wait. The client's token stays spent: refusing costs too.

        Raises:
            ApiError: as `charge`.
        """
        self.charge(client, dangerous=dangerous)
        try:
            yield
        except CommandRejected:
            if dangerous:
                self._dangerous.give()
            raise
