"""Operator's log on standard error: text, text for journald, or JSON; each line with the name of its process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
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


class _JournalFormatter(logging.Formatter):
    """`<4>capture: radio lost: …`: the journal has the time, and takes the priority off each line (sd-daemon(3))."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        text = f"{self._process}: {record.getMessage()}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        prefix = f"<{_priority(record.levelno)}>"
        return "\n".join(prefix + line for line in text.split("\n"))


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


def _priority(level: int) -> int:
    """Priority of syslog(3): 2 critical, 3 error, 4 warning, 6 informational, 7 debug."""
    steps = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
    return next((priority for least, priority in steps if level >= least), 7)


def to_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Whether what is written to a descriptor goes to the journal.

    The variable alone does not tell: it stays in the environment when the output is sent elsewhere.

    Args:
        environ: the environment; systemd sets JOURNAL_STREAM to `device:inode` of the stream it connected.
        descriptor: usually that of standard error.
    """
    try:
        state = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{state.st_dev}:{state.st_ino}"


def _formatter(process: str, log_format: str) -> logging.Formatter:
    if log_format == "json":
        return _JsonFormatter(process)
    return _JournalFormatter(process) if to_journal(os.environ, 2) else _TextFormatter(process)


def set_up(process: str, level: str, log_format: str) -> None:
    """Send the log of this process to standard error.

    Args:
        process: name shown in every line.
        level: `debug`, `info`, `warning`, `error`.
        log_format: `text` (where it goes to the journal: with priorities, without times) or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(process, log_format))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for noisy in ("numba", "asyncio", "sanic.root", "sanic.server"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
