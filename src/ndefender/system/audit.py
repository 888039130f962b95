"""The audit: who asked for what, to what, and what came of it; one JSON line each in the operator's log, no secrets."""

from __future__ import annotations

import json
import logging
from typing import Literal

import msgspec

from ndefender.system.bounded import plain

log = logging.getLogger(__name__)

WITHHELD = "(withheld: it contained a secret)"
MAX_CLIENT_CHARS = 120

Outcome = Literal["accepted", "done", "failed", "refused"]


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the audit.

    Args:
        client: who asked, as the API names its clients.
        command: what.
        outcome: `accepted` before it is carried out (a reboot may leave no time after), then `done` or `failed`;
            `refused` where it was not accepted.
        command_id: of an accepted command, joins its lines with its acknowledgement.
        target: to what.
        reason: why it failed or was refused.
        status: HTTP status of a refusal.
        dry_run: nothing was done.
        simulated: done to an emulated peer.
    """

    client: str
    command: str
    outcome: Outcome
    command_id: str | None = None
    target: str | None = None
    reason: str | None = None
    status: int | None = None
    dry_run: bool = False
    simulated: bool = False


class Audit:
    """Writes the records to the log `ndefender.system.audit`, whatever the operator's log level is."""

    def __init__(self) -> None:
        log.setLevel(logging.INFO)

    def write(self, record: AuditRecord) -> None:
        """Write one line: ASCII, so that no name on the air can forge another line or speak to a terminal."""
        log.info("%s", json.dumps(msgspec.to_builtins(record)))


def without(text: str, secrets: tuple[str, ...]) -> str:
    """Let a foreign text through only if it holds none of the secrets, in plain or escaped for Python, JSON or C.

    The whole text is withheld, since what is left of one with a hole in it would tell where the secret was. Looked at
    before it is made plain and cut to length, which could leave half a secret that nothing recognises.
    """
    # Without backslashes, whatever quotes were escaped in a text around the secret no longer matters.
    bare = text.replace("\\", "")
    for secret in secrets:
        escaped = (repr(secret)[1:-1], ascii(secret)[1:-1], json.dumps(secret)[1:-1], repr(secret.encode())[2:-1])
        spellings = {secret, *escaped, plain(secret)}
        if any(spelling in text for spelling in spellings if spelling):
            return WITHHELD
        if any(spelling.replace("\\", "") in bare for spelling in spellings if spelling.strip("\\")):
            return WITHHELD
    return plain(text)
