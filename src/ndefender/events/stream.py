"""One API's stream of numbered envelopes: each is encoded once, and the same bytes go to every client."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ndefender.events.bus import Bus, Listener, Subscription, Wake


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Envelope of the Backend Aggregator and of the System Controller.

    Args:
        type: event type of EVENTS.md's catalogue.
        timestamp_ms: wall clock, milliseconds since the epoch.
        source: `aggregator`, `system`, `antsdr`, `remoteid`, `esp32`.
        data: Struct, JSON types or `msgspec.Raw`.
        seq: counts the API's envelopes from 1, without gaps.
        boot_id: which run of the service made it; numbers begin again with a new one.
    """

    type: str
    timestamp_ms: int
    source: str
    data: object
    seq: int | msgspec.UnsetType = msgspec.UNSET
    boot_id: str | msgspec.UnsetType = msgspec.UNSET


class Greeted(Listener):
    """A subscription that begins with envelopes made for this client alone.

    Args:
        greetings: encoded envelopes, first ones first.
        following: the rest; subscribed in the same turn of the loop in which the greetings were made, so that nothing
            is lost or doubled between them.
    """

    def __init__(self, greetings: list[bytes], following: Subscription) -> None:
        self._greetings = greetings[::-1]
        self._following = following

    @property
    def dropped(self) -> int:
        """Events dropped because the queue was full."""
        return self._following.dropped

    def take(self) -> bytes | None:
        """The next envelope, None where there is none yet."""
        return self._greetings.pop() if self._greetings else self._following.take()

    def notify(self, wake: Wake | None) -> None:
        """Have `wake` called after every envelope that is queued; the greetings are there already."""
        self._following.notify(wake)

    def close(self) -> None:
        """End the subscription. Safe to call twice."""
        self._following.close()


class Stream:
    """Numbers, encodes and publishes. On the loop's thread only.

    Args:
        bus: where the envelopes go.
        boot_id: of this run.
        now_ms: wall clock, milliseconds since the epoch.
    """

    def __init__(self, bus: Bus, boot_id: str, now_ms: Callable[[], int]) -> None:
        self.bus = bus
        self.boot_id = boot_id
        self._now_ms = now_ms
        self._encoder = msgspec.json.Encoder()

    @property
    def seq(self) -> int:
        """Number of the newest envelope, 0 before the first."""
        return self.bus.seq or 0

    def emit(self, kind: str, source: str, data: object, timestamp_ms: int | None = None) -> int:
        """Publish one event.

        Args:
            kind: its type.
            source: who says it.
            data: Struct, JSON types or `msgspec.Raw`.
            timestamp_ms: when it happened; None for now.
        Returns:
            Its number.
        """
        seq = self.seq + 1
        self.bus.publish(self._encode(kind, source, data, timestamp_ms, seq), seq)
        return seq

    def greet(self, queue_events: int, *greetings: tuple[str, str, object]) -> Greeted:
        """Subscribe a client that is first sent what it alone is sent.

        The last greeting carries the number of the newest envelope, since it is the snapshot after which the client
        goes on with the next one; the ones before it carry none, so that a client sees numbers without gaps.

        Args:
            queue_events: bound of its queue.
            greetings: type, source and data of each.
        """
        *before, last = greetings
        encoded = [self._encode(*greeting, None, msgspec.UNSET) for greeting in before]
        encoded.append(self._encode(*last, None, self.seq))
        return Greeted(encoded, self.bus.subscribe(queue_events))

    def _encode(
        self, kind: str, source: str, data: object, timestamp_ms: int | None, seq: int | msgspec.UnsetType
    ) -> bytes:
        at_ms = self._now_ms() if timestamp_ms is None else timestamp_ms
        envelope = Envelope(type=kind, timestamp_ms=at_ms, source=source, data=data, seq=seq, boot_id=self.boot_id)
        return self._encoder.encode(envelope)
