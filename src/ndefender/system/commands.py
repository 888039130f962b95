"""Commands, from the request to the acknowledgement: checked in a fixed order, run once, bounded in time, audited."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from ndefender.errors import CommandRejected
from ndefender.events.host import AckData, CommandAck
from ndefender.system.audit import MAX_CLIENT_CHARS, Audit, AuditRecord, Outcome, without
from ndefender.system.backend import Offline
from ndefender.system.bounded import Bounded, Failure, in_background, plain, text_of
from ndefender.system.command_table import Call, Command
from ndefender.system.cooldown import CoolDowns

MAX_RUNNING = 16  # at once, over all clients: commands to a host that hangs must not pile up
BUSY_RETRY_S = 1.0
STOP_S = 1.0
STOPPED = "the service stopped before the outcome was known"

Key = tuple[str, str | None]  # command and target: what rests
RunKey = tuple[str, str | None, str]  # and variant: what does not run beside itself


@dataclass(frozen=True)
class Order:
    """A command that passed its checks.

    Args:
        name: of the command.
        command: its row.
        call: its arguments, and what does it.
        client: who asked.
        command_id: uuid4.
    """

    name: str
    command: Command
    call: Call
    client: str
    command_id: str

    @property
    def key(self) -> Key:
        """What rests after it."""
        return (self.name, self.call.arguments.target)

    @property
    def run_key(self) -> RunKey:
        """What must not run beside it."""
        return (*self.key, self.call.arguments.variant)

    def refusal(self, failure: Failure | None) -> CommandRejected | None:
        """Whether the failure, whose reason holds no secret, means that the part refused it and nothing was done."""
        error = failure.error if failure is not None else None
        if failure is None or not isinstance(error, CommandRejected | Offline):
            return None
        if isinstance(error, Offline):
            part = self.command.part
            return CommandRejected(409, f"{part}_absent", f"{part} is not there: {failure.reason}")
        message = without(error.message, self.call.arguments.secrets)
        return CommandRejected(error.status, error.code, message, error.retry_after_s)


class Commander:
    """Carries out the commands of a table. Every method is called on the loop's thread.

    Order of the checks: arguments 400/404, confirmation 400, permission 403, cool-down and equal commands that still
    run 429, presence of the part 409. Between the first check and the reservation nothing is awaited, so that of two
    equal requests exactly one passes. A refusal of any kind, by the part itself too, leaves no trace but its audit.

    Args:
        table: command by name.
        clock: monotonic seconds, for cool-downs.
        now_ms: wall clock, milliseconds since the epoch, for acknowledgements.
        allow_unsafe: dangerous commands are possible at all.
        dry_run: everything is checked, acknowledged and audited, and nothing done.
        audit: where every command is written.
        why_offline: why a section's part is known to be offline, None where it is not.
        why_absent: why a part is not there at all.
        simulated: parts whose peers are emulated.
    """

    def __init__(
        self,
        table: Mapping[str, Command],
        *,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
        allow_unsafe: bool,
        dry_run: bool,
        audit: Audit,
        why_offline: Callable[[str], str | None],
        why_absent: Callable[[str], str],
        simulated: frozenset[str] = frozenset(),
    ) -> None:
        self.on_ack: list[Callable[[CommandAck], None]] = []
        self._table = table
        self._clock = clock
        self._now_ms = now_ms
        self._allow_unsafe = allow_unsafe
        self._dry_run = dry_run
        self._audit = audit
        self._why_offline = why_offline
        self._why_absent = why_absent
        self._simulated = simulated
        self._cool_downs = CoolDowns()
        self._running: set[RunKey] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def command(self, name: str, args: Mapping[str, object], *, confirm: bool, client: str) -> CommandAck:
        """Carry out a command.

        Args:
            name: of the table.
            args: its arguments, unchecked.
            confirm: the client confirmed it.
            client: who asks, for the audit.
        Returns:
            The acknowledgement; `ok` false where it was accepted and failed.
        Raises:
            CommandRejected: 400, 403, 404, 409 or 429: it was not accepted, nothing was done.
        """
        client = plain(client, MAX_CLIENT_CHARS)
        try:
            order = self._admit(name, args, confirm, client)
        except CommandRejected as refusal:
            known = name if name in self._table else plain(name, 40)
            self._audit.write(
                AuditRecord(
                    client=client, command=known, outcome="refused", reason=refusal.message, status=refusal.status
                )
            )
            raise
        # In a task of its own: a client that hangs up does not leave a command half done or without its audit.
        outcome: asyncio.Future[CommandAck | CommandRejected] = asyncio.get_running_loop().create_future()
        in_background(self._carry_out(order, outcome), self._tasks)
        answer = await asyncio.shield(outcome)
        if isinstance(answer, CommandRejected):
            raise answer
        return answer

    async def stop(self) -> None:
        """Cancel what still runs."""
        for task in set(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=STOP_S)

    def _admit(self, name: str, args: Mapping[str, object], confirm: bool, client: str) -> Order:
        """Check in the documented order, and reserve."""
        command = self._table.get(name)
        if command is None:
            raise CommandRejected(404, "unknown_command", f"there is no command {plain(name, 40)!r}")
        call = command.call(args)
        if command.confirm and not confirm:
            raise CommandRejected(400, "confirm_required", f"confirm: must be true for {name}")
        if command.dangerous and not self._allow_unsafe:
            raise CommandRejected(
                403, "unsafe_operations_disabled", f"{name} needs safety.allow_unsafe_operations = true"
            )
        order = Order(name, command, call, client, str(uuid.uuid4()))
        now_s = self._clock()
        self._check_rest(order, now_s)
        self._check_presence(command, call)
        self._cool_downs.begin(order.key, now_s, command.cool_down_s)
        self._running.add(order.run_key)
        return order

    def _check_rest(self, order: Order, now_s: float) -> None:
        wait_s = self._cool_downs.wait_s(order.key, now_s)
        if wait_s > 0.0:
            message = f"{order.name} rests: try again in {math.ceil(wait_s)} s"
            raise CommandRejected(429, "cooling_down", message, retry_after_s=wait_s)
        if order.run_key in self._running:
            message = f"{order.name} is still being carried out: try again in {BUSY_RETRY_S:g} s"
            raise CommandRejected(429, "still_running", message, retry_after_s=BUSY_RETRY_S)
        if len(self._running) >= MAX_RUNNING:
            message = f"{MAX_RUNNING} commands are being carried out: try again in {BUSY_RETRY_S:g} s"
            raise CommandRejected(429, "still_running", message, retry_after_s=BUSY_RETRY_S)

    def _check_presence(self, command: Command, call: Call) -> None:
        why = None
        if call.run is None:
            why = self._why_absent(command.part)
        elif command.section is not None:
            why = self._why_offline(command.section)
        if why is not None:
            raise CommandRejected(409, f"{command.part}_absent", f"{command.part} is not there: {why}")

    async def _carry_out(self, order: Order, outcome: asyncio.Future[CommandAck | CommandRejected]) -> None:
        self._write(order, "accepted")
        try:
            failure = await self._run(order)
        except asyncio.CancelledError:
            # Only when the service stops, which may be what the command was about.
            self._write(order, "failed", STOPPED)
            outcome.set_result(self._ack(order, STOPPED))
            raise
        refusal = order.refusal(failure)
        if refusal is not None:
            self._cool_downs.give_back(order.key)
            self._write(order, "refused", refusal.message, refusal.status)
            outcome.set_result(refusal)
            return
        reason = None if failure is None else failure.reason
        self._write(order, "done" if failure is None else "failed", reason)
        ack = self._ack(order, reason)
        outcome.set_result(ack)
        for listener in self.on_ack:
            listener(ack)

    async def _run(self, order: Order) -> Failure | None:
        """Do it; None where it succeeded. The key is freed when the work ended, not when its time was over."""
        run = order.call.run
        if self._dry_run or run is None:
            self._running.discard(order.run_key)
            return None
        bounded = Bounded(run, order.command.timeout_s)
        try:
            answer = await bounded.ask()
        finally:
            await bounded.close()
            if bounded.task is None:
                self._running.discard(order.run_key)
            else:
                bounded.task.add_done_callback(lambda _: self._running.discard(order.run_key))
        if not isinstance(answer, Failure):
            return None
        secrets = order.call.arguments.secrets
        # What did not answer in time has said nothing: the reason is ours.
        return answer if answer.error is None else Failure(without(text_of(answer.error), secrets), answer.error)

    def _ack(self, order: Order, reason: str | None) -> CommandAck:
        target = order.call.arguments.public_target
        data = AckData(
            command=order.name,
            ok=reason is None,
            reason=reason,
            command_id=order.command_id,
            target=msgspec.UNSET if target is None else target,
            dry_run=True if self._dry_run else msgspec.UNSET,
            simulated=True if order.command.part in self._simulated else msgspec.UNSET,
        )
        return CommandAck(timestamp_ms=self._now_ms(), data=data)

    def _write(self, order: Order, outcome: Outcome, reason: str | None = None, status: int | None = None) -> None:
        self._audit.write(
            AuditRecord(
                client=order.client,
                command=order.name,
                outcome=outcome,
                command_id=order.command_id,
                target=order.call.arguments.public_target,
                reason=reason,
                status=status,
                dry_run=self._dry_run,
                simulated=order.command.part in self._simulated,
            )
        )
