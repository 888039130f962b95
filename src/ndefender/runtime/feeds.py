"""The event logs that the aggregator follows, and what they held when the service started."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ndefender.config.settings import Settings
from ndefender.events.log import LOG_NAME
from ndefender.ingest.event import FeedEvent
from ndefender.ingest.feed import Feed
from ndefender.ingest.position import Position
from ndefender.ingest.recent import end_position, read_recent
from ndefender.ingest.store import PositionStore
from ndefender.ingest.tail import Tailer
from ndefender.runtime.journal import SIMULATED_FOLDER
from ndefender.units import NS_PER_MS

REMOTE_ID_LOG = "remoteid.jsonl"
REMOTE_ID_FEED = "remote_id"
RESTORE_MS = 600_000  # contacts that fell silent longer ago are no longer alive by any TTL

FeedKind = Literal["rf", "remote_id"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """One log to follow.

    Args:
        name: of the feed, in messages, metrics and its position's file.
        kind: which half of the aggregator takes it.
        path: newest file of the log.
    """

    name: str
    kind: FeedKind
    path: Path


def sources(settings: Settings) -> list[Source]:
    """The logs: both of the service's own RF logs, since a simulated radio has one of its own, unless told another."""
    folder = Path(settings.log.folder)
    remote_id = Source(REMOTE_ID_FEED, "remote_id", Path(settings.feeds.remote_id_log or folder / REMOTE_ID_LOG))
    if settings.feeds.rf_log:
        return [Source("rf", "rf", Path(settings.feeds.rf_log)), remote_id]
    return [
        Source("rf", "rf", folder / LOG_NAME),
        Source("rf_simulated", "rf", folder / SIMULATED_FOLDER / LOG_NAME),
        remote_id,
    ]


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where following a log begins.

    Args:
        source: the log.
        store: keeps its position.
        start: from there on events are followed; None for the beginning.
        before: events up to there that may still matter, oldest first.
    """

    source: Source
    store: PositionStore
    start: Position | None
    before: list[FeedEvent]


def begin(source: Source, folder: Path) -> Beginning:
    """Find where to go on, and read what came before. Blocks.

    A first start takes the log as it stands for known: what is in it is restored, not told again.

    Args:
        source: the log.
        folder: of the positions.
    """
    store = PositionStore(folder / f"{source.name}.position")
    since_ms = time.time_ns() // NS_PER_MS - RESTORE_MS
    try:
        start = store.load() or end_position(source.path)
        return Beginning(source, store, start, read_recent(source.path, since_ms, start) if start else [])
    except OSError as error:
        log.warning("%s cannot be read yet: %s", source.path, error)
        return Beginning(source, store, None, [])


def follow(settings: Settings, beginning: Beginning, sink: Callable[[FeedEvent], None]) -> Feed:
    """Make the feed that goes on from there."""
    tailer = Tailer(beginning.source.path, beginning.start, settings.feeds.poll_s, settings.feeds.max_line_bytes)
    return Feed(beginning.source.name, tailer, beginning.store, sink)
