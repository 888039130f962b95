"""The error tree: a class is a reaction, fields hold the facts, messages name value and limit."""

from __future__ import annotations


class NdefenderError(Exception):
    """Root of every error this package raises on purpose."""


class ConfigError(NdefenderError):
    """A setting is unusable. Reaction: do not start; show `path`, the value and the limit.

    Args:
        path: dotted path of the offending setting, for example ``plan.bands[2].stop_hz``.
        reason: what is wrong with it, with value and limit.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class SourceError(NdefenderError):
    """Root of what a sample source may report."""


class SourceTimeout(SourceError):
    """No samples within the time-out. Reaction: count it and read again."""


class SourceLost(SourceError):
    """The device went away. Reaction: close, reopen with back-off under a new `source_epoch`."""


class EndOfRecording(SourceError):
    """The recording has no more samples. Reaction: finish cleanly."""


class SourceUnavailable(SourceError):
    """The source cannot be opened at all (missing library, wrong address). Reaction: policy of the caller."""


class TuningRejected(SourceError):
    """The hardware refused an attribute or read back another value. Reaction: skip that hop and say so.

    Args:
        attribute: which attribute.
        wanted: the value that was set.
        got: the value read back, or None when the write itself failed.
    """

    def __init__(self, attribute: str, wanted: object, got: object, detail: str = "") -> None:
        super().__init__(f"{attribute}: wanted {wanted}, radio has {got}{': ' + detail if detail else ''}")
        self.attribute = attribute
        self.wanted = wanted
        self.got = got


class RecordingError(SourceUnavailable):
    """A recording cannot be used. Reaction: show which file, which field, and what is allowed."""


class SceneError(NdefenderError):
    """A scene file is wrong. Reaction: show its path and the offending field."""


class RingError(NdefenderError):
    """A shared-memory segment does not have the layout its reader expects. Reaction: restart the process."""


class LogUnavailable(NdefenderError):
    """The event log cannot be written. Reaction: go on without it, say so in `/health`."""


class CommandRejected(NdefenderError):
    """A command cannot be carried out. Reaction: answer with `code` and `status`.

    Args:
        status: HTTP status that says why (400, 403, 404, 409, 429).
        code: short machine-readable reason.
        message: what, where and the limit.
        retry_after_s: after how many seconds it is worth trying again, None where nobody can say.
    """

    def __init__(self, status: int, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
