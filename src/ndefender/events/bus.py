"""Fan-out on one asyncio loop: a bounded queue for every subscriber, and the newest events for those who come late.

A slow subscriber loses its oldest events and the loss is counted; nobody else notices.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

Wake = Callable[[], None]


class Listener(ABC):
    """Takes events one by one, told or waiting."""

    @abstractmethod
    def take(self) -> bytes | None:
        """The next event, None where there is none yet."""

    @abstractmethod
    def notify(self, wake: Wake | None) -> None:
        """Have `wake` called after every event that is queued from now on; None for nobody.

        It is called in the middle of publishing: it must be quick, and must neither raise nor publish.
        """

    async def get(self) -> bytes:
        """Wait for the next event, instead of being told. Cancellation loses nothing."""
        while (body := self.take()) is None:
            queued = asyncio.Event()
            self.notify(queued.set)
            await queued.wait()
        return body


class Subscription(Listener):
    """One listener's queue.

    Args:
        bus: where it is subscribed.
        queue_events: bound.
    """

    def __init__(self, bus: Bus, queue_events: int) -> None:
        self._bus = bus
        self._queue: deque[bytes] = deque(maxlen=queue_events)
        self._wake: Wake | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Events dropped from this queue, oldest first, because it was full."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """Events in the queue."""
        return len(self._queue)

    def take(self) -> bytes | None:
        """The next event, None where there is none yet."""
        return self._queue.popleft() if self._queue else None

    def notify(self, wake: Wake | None) -> None:
        """Have `wake` called after every event that is queued."""
        self._wake = wake

    def close(self) -> None:
        """End the subscription. Safe to call twice."""
        self._bus.forget(self)

    def offer(self, body: bytes) -> None:
        """Queue an event; called by the bus."""
        if len(self._queue) == self._queue.maxlen:
            self._dropped += 1
        self._queue.append(body)
        if self._wake is not None:
            self._wake()


class Bus:
    """All subscribers of one stream. Every method is called on the loop's thread.

    Args:
        buffer_events: newest events kept for `last`.
    """

    def __init__(self, buffer_events: int) -> None:
        if buffer_events < 1:
            raise ValueError(f"buffer_events {buffer_events}, must be at least 1")
        self._newest: deque[bytes] = deque(maxlen=buffer_events)
        self._subscriptions: dict[int, Subscription] = {}
        self._seq: int | None = None
        self._dropped_by_gone = 0

    @property
    def seq(self) -> int | None:
        """Number of the newest event, None before the first."""
        return self._seq

    @property
    def subscribers(self) -> int:
        """Listeners now."""
        return len(self._subscriptions)

    @property
    def dropped(self) -> int:
        """Events dropped for all listeners, those gone included."""
        return self._dropped_by_gone + sum(s.dropped for s in self._subscriptions.values())

    def publish(self, body: bytes, seq: int) -> None:
        """Give an event to every listener. Never waits.

        Raises:
            ValueError: the numbers have a gap or go back: the caller lost or repeated an event.
        """
        if self._seq is not None and seq != self._seq + 1:
            raise ValueError(f"event {seq} after event {self._seq}, must be {self._seq + 1}")
        self._seq = seq
        self._newest.append(body)
        for subscription in self._subscriptions.values():
            subscription.offer(body)

    def subscribe(self, queue_events: int) -> Subscription:
        """Listen to all events from now on, with a queue of `queue_events`, the oldest dropped when full."""
        if queue_events < 1:
            raise ValueError(f"queue_events {queue_events}, must be at least 1")
        subscription = Subscription(self, queue_events)
        self._subscriptions[id(subscription)] = subscription
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Stop giving events to a listener; what it lost stays counted."""
        if self._subscriptions.pop(id(subscription), None) is not None:
            self._dropped_by_gone += subscription.dropped

    def prime(self, bodies: list[bytes]) -> None:
        """Fill the buffer with events of earlier runs, oldest first, before the first `publish`."""
        self._newest.extend(bodies)

    def last(self, limit: int) -> list[bytes]:
        """The newest `limit` events, oldest first."""
        if limit < 1:
            raise ValueError(f"limit {limit}, must be at least 1")
        return list(self._newest)[-limit:]
