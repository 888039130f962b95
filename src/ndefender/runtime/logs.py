"""Operator's log on standard error: text or JSON lines, each with the name of its process."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec


class _TextFormatter(logging.Formatter):
    """`2026-11-02T10:00:00.123Z warning capture: radio lost: …`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        text = f"{_stamp(record)} {record.levelname.lower()} {self._process}: {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: `time level process logger message exception?`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        line = {
            "time": _stamp(record),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def _stamp(record: logging.LogRecord) -> str:
    """Time of a record, UTC, milliseconds."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"


def set_up(process: str, level: str, log_format: str) -> None:
    """Send the log of this process to standard error.

    Args:
        process: name shown in every line.
        level: `debug`, `info`, `warning`, `error`.
        log_format: `text` or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(process) if log_format == "json" else _TextFormatter(process))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for noisy in ("numba", "asyncio", "sanic.root", "sanic.server"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
