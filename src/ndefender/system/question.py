"""What is read only when a client asks: the states and scans of the radios."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from ndefender.events.host import Section
from ndefender.system.bounded import Bounded, Failure
from ndefender.system.sections import checked, offline, stamped

S = TypeVar("S", bound=Section)


class Question(Generic[S]):
    """Something that is read only when a client asks. Clients that ask at once share one answer.

    Args:
        ask: asks the backend; None where there is none.
        kind: class of the answer.
        timeout_s: longest wait.
        absent: why there is none.
        simulated: the peer is emulated.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[S]] | None, kind: type[S], timeout_s: float, absent: str, *, simulated: bool
    ) -> None:
        self._kind = kind
        self._simulated = simulated
        self._absent = absent
        self._bounded = None if ask is None else Bounded(lambda: self._checked(ask), timeout_s)

    async def answer(self) -> S:
        """The answer; an offline one where there is none, never an error."""
        asked: S | Failure = Failure(self._absent) if self._bounded is None else await self._bounded.ask()
        if isinstance(asked, Failure):
            return offline(self._kind, asked.reason, simulated=self._simulated)
        return asked

    async def close(self) -> None:
        """Cancel what is being asked."""
        if self._bounded is not None:
            await self._bounded.close()

    async def _checked(self, ask: Callable[[], Awaitable[S]]) -> S:
        return stamped(checked(await ask(), self._kind), simulated=self._simulated)
