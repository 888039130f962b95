"""Commands: order of the checks, exact cool-downs, never twice, never half, never a secret. Time is virtual."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.host_parts import Stubborn, hang
from support.virtual_time import run_virtually

from ndefender.errors import CommandRejected
from ndefender.events.host import CommandAck
from ndefender.system.audit import WITHHELD, Audit, without
from ndefender.system.backend import Offline
from ndefender.system.command_table import command_table
from ndefender.system.commands import MAX_RUNNING, Commander
from ndefender.system.parts import Parts

T = TypeVar("T")
NAMES = [
    *("reboot", "shutdown", "service_restart", "gps_restart", "audio_mute", "audio_volume"),
    *("wifi_enable", "wifi_disable", "wifi_connect", "wifi_disconnect"),
    *("bluetooth_enable", "bluetooth_disable", "bluetooth_scan_start", "bluetooth_scan_stop"),
    *("bluetooth_pair", "bluetooth_unpair"),
]
ARGS: dict[str, dict[str, object]] = {
    "service_restart": {"name": "ndefender"},
    "audio_mute": {"muted": True},
    "audio_volume": {"volume_percent": 60},
    "wifi_connect": {"ssid": "MyWiFi", "password": "correct horse", "hidden": False},
    "bluetooth_pair": {"addr": "aa:bb:cc:dd:ee:ff", "pin": "0000"},
    "bluetooth_unpair": {"addr": "AA:BB:CC:DD:EE:FF"},
}
Act = Callable[[str], Awaitable[None]]


class Host:
    """Carries out every command by writing it down, then doing what the test says."""

    def __init__(self, act: Act | None = None) -> None:
        self.done: list[tuple[str, tuple[object, ...]]] = []
        self.at_s: list[float] = []
        self.act = act

    async def _do(self, name: str, *args: object) -> None:
        self.done.append((name, args))
        self.at_s.append(asyncio.get_running_loop().time())
        if self.act is not None:
            await self.act(name)

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, None]]:
        return lambda *args: self._do(name, *args)

    def parts(self, **left_out: None) -> Parts:
        every: dict[str, Any] = dict.fromkeys(("units", "power", "wifi", "bluetooth", "mixer"), self)
        every["restart_gps"] = self.restart_gps
        return Parts(**{**every, **left_out}, unit_names=["ndefender", "gpsd"], absent={"audio": "no sound card"})


def commander(
    host: Host,
    *,
    allow_unsafe: bool = True,
    dry_run: bool = False,
    offline: Mapping[str, str] | None = None,
    simulated: frozenset[str] = frozenset(),
    **left_out: None,
) -> Commander:
    parts = host.parts(**left_out)
    loop = asyncio.get_running_loop()
    return Commander(
        command_table(parts),
        clock=loop.time,
        now_ms=lambda: 1_700_000_000_000 + round(loop.time() * 1e3),
        allow_unsafe=allow_unsafe,
        dry_run=dry_run,
        audit=Audit(),
        why_offline=(offline if offline is not None else {}).get,
        why_absent=parts.why_absent,
        simulated=simulated,
    )


async def order(
    on: Commander, name: str, args: Mapping[str, object] | None = None, *, confirm: bool = True, client: str = "test"
) -> CommandAck:
    return await on.command(name, ARGS.get(name, {}) if args is None else args, confirm=confirm, client=client)


async def refused(work: Awaitable[CommandAck]) -> CommandRejected:
    with pytest.raises(CommandRejected) as caught:
        await work
    return caught.value


def audited(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(r.getMessage()) for r in caplog.records if r.name == "ndefender.system.audit"]


def test_the_table_has_every_command_of_the_contract() -> None:
    assert sorted(command_table(Host().parts())) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_done_once_acknowledged_and_audited(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> tuple[CommandAck, list[CommandAck]]:
        on, said = commander(host), list[CommandAck]()
        on.on_ack.append(said.append)
        return await order(on, name), said

    host = Host()
    ack, said = run_virtually(work())
    assert said == [ack]
    assert (ack.data.command, ack.data.ok, ack.data.reason) == (name, True, None)
    assert len(host.done) == 1
    lines = audited(caplog)
    assert [(line["command"], line["client"], line["outcome"]) for line in lines] == [
        (name, "test", "accepted"),
        (name, "test", "done"),
    ]
    assert {line["command_id"] for line in lines} == {ack.data.command_id}


def test_arguments_arrive_as_they_are_meant() -> None:
    async def work() -> None:
        on = commander(host)
        for name in ARGS:
            await order(on, name)
        await order(on, "wifi_connect", {"ssid": "open", "password": ""})
        await order(on, "wifi_connect", {"ssid": "stored", "password": None, "hidden": True})
        await order(on, "wifi_connect", {"ssid": "left out", "password": None, "hidden": None})

    host = Host()
    run_virtually(work())
    assert host.done == [
        ("restart", ("ndefender",)),
        ("mute", (True,)),
        ("volume", (60,)),
        ("connect", ("MyWiFi", "correct horse", False)),
        ("pair", ("AA:BB:CC:DD:EE:FF", "0000")),
        ("unpair", ("AA:BB:CC:DD:EE:FF",)),
        ("connect", ("open", None, False)),
        ("connect", ("stored", None, True)),
        ("connect", ("left out", None, False)),
    ]


BAD_ARGUMENTS: list[tuple[str, dict[str, object], int, str]] = [
    ("service_restart", {}, 400, "name"),
    ("service_restart", {"name": 7}, 400, "name"),
    ("service_restart", {"name": "sshd"}, 404, "name"),
    ("service_restart", {"name": "../ndefender"}, 404, "name"),
    ("service_restart", {"name": ".service"}, 404, "name"),
    ("service_restart", {"name": "ndefender.service.service"}, 404, "name"),
    ("service_restart", {"name": "ndefender\n"}, 404, "name"),
    ("service_restart", {"name": "x" * 100_000}, 404, "name"),
    ("audio_mute", {"muted": "yes"}, 400, "muted"),
    ("audio_mute", {"muted": 1}, 400, "muted"),
    ("audio_volume", {"volume_percent": 101}, 400, "volume_percent"),
    ("audio_volume", {"volume_percent": -1}, 400, "volume_percent"),
    ("audio_volume", {"volume_percent": math.nan}, 400, "volume_percent"),
    ("audio_volume", {"volume_percent": True}, 400, "volume_percent"),
    ("audio_volume", {"volume_percent": 50, "extra": 1}, 400, "extra"),
    ("wifi_connect", {"ssid": ""}, 400, "ssid"),
    ("wifi_connect", {"ssid": "é" * 17}, 400, "ssid"),
    ("wifi_connect", {"ssid": "a\0b"}, 400, "ssid"),
    ("wifi_connect", {"ssid": "a\ud800"}, 400, "ssid"),
    ("wifi_connect", {"ssid": "a", "password": "short"}, 400, "password"),
    ("wifi_connect", {"ssid": "a", "password": "z" * 64}, 400, "password"),
    ("wifi_connect", {"ssid": "a", "password": "z" * 65}, 400, "password"),
    ("wifi_connect", {"ssid": "a", "password": ["hidden here"]}, 400, "password"),
    ("wifi_connect", {"ssid": "a", "hidden": "no"}, 400, "hidden"),
    ("bluetooth_pair", {"addr": "aa:bb"}, 400, "addr"),
    ("bluetooth_pair", {"addr": "aa:bb:cc:dd:ee:ff\n"}, 400, "addr"),
    ("bluetooth_pair", {"addr": "aa:bb:cc:dd:ee:ff/../x"}, 400, "addr"),
    ("bluetooth_pair", {"addr": "aa:bb:cc:dd:ee:ff", "pin": "12345678901234567"}, 400, "pin"),
    ("bluetooth_pair", {"addr": "aa:bb:cc:dd:ee:ff", "pin": 1234}, 400, "pin"),
    ("bluetooth_unpair", {"addr": None}, 400, "addr"),
    ("reboot", {"force": True}, 400, "force"),
    ("format_disk", {}, 404, "format_disk"),
    ("__class__", {}, 404, "__class__"),
]


@pytest.mark.parametrize(("name", "args", "status", "field"), BAD_ARGUMENTS)
def test_wrong_arguments_are_refused_by_the_path_of_their_field(
    name: str, args: dict[str, object], status: int, field: str
) -> None:
    async def work() -> CommandRejected:
        return await refused(order(commander(host), name, args))

    host = Host()
    refusal = run_virtually(work())
    assert refusal.status == status
    assert field in refusal.message
    assert len(refusal.message) < 300
    assert "hidden here" not in refusal.message
    assert host.done == []


def test_the_checks_come_in_the_documented_order() -> None:
    async def work() -> list[tuple[int, str]]:
        host = Host()
        got = []
        for allow_unsafe, left_out, tries in (
            (False, {"power": None}, [({"x": 1}, False), ({}, False), ({}, True)]),
            (True, {"power": None}, [({"x": 1}, False), ({}, False), ({}, True)]),
        ):
            on = commander(host, allow_unsafe=allow_unsafe, **left_out)
            for args, confirm in tries:
                refusal = await refused(order(on, "reboot", args, confirm=confirm))
                got.append((refusal.status, refusal.code))
        on = commander(host, offline=(offline := {}))
        await order(on, "service_restart")
        offline["services"] = "no systemd"
        for args, confirm in (({"name": "x"}, False), (None, False), (None, True)):
            refusal = await refused(order(on, "service_restart", args, confirm=confirm))
            got.append((refusal.status, refusal.code))
        await asyncio.sleep(10.0)
        refusal = await refused(order(on, "service_restart"))
        got.append((refusal.status, refusal.code))
        assert "no systemd" in refusal.message
        return got

    assert run_virtually(work()) == [
        (400, "bad_request"),
        (400, "confirm_required"),
        (403, "unsafe_operations_disabled"),
        (400, "bad_request"),
        (400, "confirm_required"),
        (409, "power_absent"),
        (404, "unknown_service"),
        (400, "confirm_required"),
        (429, "cooling_down"),
        (409, "services_absent"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_part_that_is_not_there_is_a_conflict(name: str) -> None:
    async def work() -> CommandRejected:
        nobody: dict[str, None] = dict.fromkeys(("units", "power", "wifi", "bluetooth", "mixer", "restart_gps"))
        return await refused(order(commander(Host(), **nobody), name))

    refusal = run_virtually(work())
    assert refusal.status == 409
    assert refusal.code.endswith("_absent")
    assert ("no sound card" if name.startswith("audio") else "not configured") in refusal.message


COOL_DOWNS_S = {"service_restart": 10.0, "gps_restart": 10.0, "reboot": 30.0, "shutdown": 30.0}


@pytest.mark.parametrize("name", COOL_DOWNS_S)
def test_ten_clients_hammer_for_a_minute_and_the_cool_down_is_exact(name: str) -> None:
    """Every eighth of a second, so that times are exact in binary; the ten of one instant arrive together."""

    async def work() -> tuple[Host, list[float | None]]:
        host = Host(lambda _: asyncio.sleep(0.05))
        on, waits_s = commander(host), list[float | None]()

        async def client(number: int) -> None:
            for _ in range(60 * 8):
                try:
                    await order(on, name, client=f"c{number}")
                except CommandRejected as refusal:
                    assert refusal.code == "cooling_down"
                    waits_s.append(refusal.retry_after_s)
                    seconds = math.ceil(refusal.retry_after_s or 0.0)
                    assert f"{seconds} s" in refusal.message
                now_s = asyncio.get_running_loop().time()
                await asyncio.sleep(math.floor(now_s * 8 + 1) / 8 - now_s)

        await asyncio.gather(*(client(number) for number in range(10)))
        return host, waits_s

    host, waits_s = run_virtually(work())
    cool_down_s = COOL_DOWNS_S[name]
    assert host.at_s == [k * cool_down_s for k in range(int(60 / cool_down_s))]
    assert len(host.done) + len(waits_s) == 10 * 60 * 8
    assert all(wait_s is not None and 0.0 < wait_s <= cool_down_s for wait_s in waits_s)


def test_units_rest_each_on_their_own() -> None:
    async def work() -> list[tuple[str, tuple[object, ...]]]:
        on = commander(host)
        await order(on, "service_restart", {"name": "ndefender"})
        await order(on, "service_restart", {"name": "gpsd"})
        await order(on, "gps_restart")
        assert (await refused(order(on, "service_restart", {"name": "gpsd"}))).retry_after_s == 10.0
        return host.done

    host = Host()
    assert len(run_virtually(work())) == 3


def test_another_spelling_of_a_unit_does_not_get_around_its_rest() -> None:
    async def work() -> str:
        on = commander(host)
        ack = await order(on, "service_restart", {"name": "ndefender.service"})
        assert ack.data.target == "ndefender"
        return (await refused(order(on, "service_restart", {"name": "ndefender"}))).code

    host = Host()
    assert run_virtually(work()) == "cooling_down"
    assert host.done == [("restart", ("ndefender",))]


STEP = st.tuples(
    st.sampled_from([0.0, 0.25, 1.0, 4.0, 9.75, 10.0, 20.0]),
    st.sampled_from(["ndefender", "gpsd", "sshd"]),
    st.booleans(),
    st.sampled_from(["does it", "fails", "refuses", "is offline"]),
)


@given(steps=st.lists(STEP, max_size=40))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_refused_requests_consume_nothing_whatever_the_order(
    steps: list[tuple[float, str, bool, str]],
) -> None:
    """Against the plainest model: when was it last accepted."""

    async def work() -> None:
        doing = ""

        async def act(_: str) -> None:
            if doing == "fails":
                raise OSError("job failed")
            if doing == "refuses":
                raise CommandRejected(409, "services_absent", "systemd said no")
            if doing == "is offline":
                raise Offline("no bus")

        host = Host(act)
        on = commander(host)
        ready_s: dict[str, float] = {}
        now_s = 0.0
        for pause_s, unit, confirm, does in steps:
            doing = does
            await asyncio.sleep(pause_s)
            now_s += pause_s
            runs = len(host.done)
            try:
                ack = await order(on, "service_restart", {"name": unit}, confirm=confirm)
                got: object = ack.data.ok
            except CommandRejected as refusal:
                got = refusal.status
            if unit == "sshd":
                expected: object = 404
            elif not confirm:
                expected = 400
            elif ready_s.get(unit, 0.0) > now_s:
                expected = 429
            elif doing in {"refuses", "is offline"}:
                expected = 409
            else:
                expected = doing == "does it"
                ready_s[unit] = now_s + 10.0
            assert got == expected
            assert (len(host.done) > runs) == (expected in {True, False} or (expected == 409))

    run_virtually(work())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in COOL_DOWNS_S])
def test_of_equal_commands_at_one_time_one_runs(name: str) -> None:
    async def work() -> tuple[int, list[CommandRejected]]:
        on = commander(Host(lambda _: asyncio.sleep(1.0)))
        answers = await asyncio.gather(*(order(on, name) for _ in range(10)), return_exceptions=True)
        again = await order(on, name)
        assert again.data.ok
        refusals = [answer for answer in answers if isinstance(answer, CommandRejected)]
        return sum(isinstance(answer, CommandAck) for answer in answers), refusals

    done, refusals = run_virtually(work())
    assert done == 1
    assert {(refusal.status, refusal.code) for refusal in refusals} == {(429, "still_running")}


def test_different_volumes_are_not_equal_commands() -> None:
    async def work() -> list[bool]:
        on = commander(Host(lambda _: asyncio.sleep(0.1)))
        acks = await asyncio.gather(*(order(on, "audio_volume", {"volume_percent": v}) for v in (10, 20, 30)))
        return [ack.data.ok for ack in acks]

    assert run_virtually(work()) == [True] * 3


def test_a_command_that_fails_is_acknowledged_as_failed_and_rests() -> None:
    async def fail(_: str) -> None:
        raise OSError(5, "input/output error")

    async def work() -> tuple[CommandAck, list[CommandAck], CommandRejected]:
        on, said = commander(Host(fail)), list[CommandAck]()
        on.on_ack.append(said.append)
        ack = await order(on, "reboot")
        return ack, said, await refused(order(on, "reboot"))

    ack, said, refusal = run_virtually(work())
    assert not ack.data.ok
    assert "input/output error" in (ack.data.reason or "")
    assert said == [ack]
    assert refusal.code == "cooling_down"


def test_a_command_that_hangs_ends_at_its_time_and_can_be_given_again() -> None:
    async def work() -> tuple[float, CommandAck, CommandAck]:
        host = Host(lambda _: hang())
        on = commander(host)
        ack = await order(on, "wifi_enable")
        took_s = asyncio.get_running_loop().time()
        host.act = None
        return took_s, ack, await order(on, "wifi_enable")

    took_s, ack, again = run_virtually(work())
    assert took_s == pytest.approx(5.0, abs=0.1)
    assert ack.data.reason == "no answer within 5 s"
    assert again.data.ok


def test_a_command_that_does_not_give_up_is_not_run_beside_itself() -> None:
    stubborn = Stubborn(2)

    async def work() -> list[str]:
        host = Host(lambda _: stubborn())
        on = commander(host)
        got = [str((await order(on, "wifi_enable")).data.ok)]
        got.append((await refused(order(on, "wifi_enable"))).code)
        assert len(host.done) == 1
        stubborn.left = 0
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.1)
        host.act = None
        got.append(str((await order(on, "wifi_enable")).data.ok))
        return got

    assert run_virtually(work()) == ["False", "still_running", "True"]


def test_commands_to_a_host_that_hangs_do_not_pile_up() -> None:
    async def work() -> tuple[int, set[str]]:
        host = Host(lambda _: hang())
        on = commander(host)
        answers = await asyncio.gather(
            *(order(on, "wifi_connect", {"ssid": f"n{k}"}) for k in range(100)), return_exceptions=True
        )
        return len(host.done), {a.code for a in answers if isinstance(a, CommandRejected)}

    assert run_virtually(work()) == (MAX_RUNNING, {"still_running"})


def test_a_client_that_hangs_up_leaves_the_command_whole(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> tuple[list[CommandAck], Host]:
        host = Host(lambda _: asyncio.sleep(1.0))
        on, said = commander(host), list[CommandAck]()
        on.on_ack.append(said.append)
        request = asyncio.ensure_future(order(on, "service_restart"))
        await asyncio.sleep(0.5)
        request.cancel()
        await asyncio.sleep(1.0)
        assert request.cancelled()
        return said, host

    said, _ = run_virtually(work())
    assert [ack.data.ok for ack in said] == [True]
    assert [line["outcome"] for line in audited(caplog)] == ["accepted", "done"]


def test_stopping_audits_what_was_under_way(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> CommandAck:
        on = commander(Host(lambda _: hang()))
        request = asyncio.ensure_future(order(on, "service_restart"))
        await asyncio.sleep(0.5)
        await on.stop()
        return await request

    ack = run_virtually(work())
    assert not ack.data.ok
    assert [line["outcome"] for line in audited(caplog)] == ["accepted", "failed"]


@pytest.mark.parametrize("name", NAMES)
def test_a_drill_checks_everything_and_does_nothing(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> tuple[CommandAck, str | None]:
        on = commander(host, dry_run=True)
        ack = await order(on, name)
        if name not in COOL_DOWNS_S:
            return ack, None
        return ack, (await refused(order(on, name))).code

    host = Host()
    ack, second = run_virtually(work())
    assert host.done == []
    assert (ack.data.ok, ack.data.dry_run) == (True, True)
    assert second in {None, "cooling_down"}
    assert all(line["dry_run"] for line in audited(caplog) if line["outcome"] != "refused")


def test_what_was_done_to_an_emulated_peer_says_so() -> None:
    async def work() -> list[object]:
        on = commander(Host(), simulated=frozenset({"power"}))
        return [(await order(on, name)).data.simulated for name in ("reboot", "audio_mute")]

    simulated, real = run_virtually(work())
    assert simulated is True
    assert real is not True


def test_the_audit_is_written_whatever_the_log_level(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        await order(commander(Host()), "wifi_enable", client="1.2.3.4\n{forged}\x1b[2J")

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # as the operator may set it; a handler of its own level would be another matter
    try:
        run_virtually(work())
    finally:
        root.setLevel(level)
    lines = [r.getMessage() for r in caplog.records if r.name == "ndefender.system.audit"]
    assert len(lines) == 2
    assert all(line.isprintable() and line.isascii() for line in lines)


SECRET = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), min_size=8, max_size=63)
PIN = st.text("0123456789", min_size=4, max_size=16)
ECHOES: list[Callable[[str], BaseException]] = [
    lambda secret: OSError(f"rejected {secret}"),
    lambda secret: OSError(f"rejected {secret!r}"),
    KeyError,
    lambda secret: ValueError(json.dumps({"psk": secret})),
    lambda secret: Offline(f"cannot join with {secret}"),
    lambda secret: CommandRejected(400, "bad_password", f"password {secret} is wrong"),
    lambda secret: KeyError("it's " + secret + ' "quoted"'),
    lambda secret: ValueError("x" * (240 - len("ValueError: ") - 4) + secret),
    lambda secret: ValueError(secret.encode()),
    lambda secret: Offline("wrong password"),
    lambda secret: TimeoutError(),
]


def all_that_is_said(password: str, pin: str, ssid: str, echo: Callable[[str], BaseException]) -> list[str]:
    """Every line of every log, acknowledgement and refusal of two commands with secrets, ids left out."""
    said: list[str] = []

    class Catch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(self.format(record))

    async def work() -> None:
        async def act(name: str) -> None:
            raise echo(password if name == "connect" else pin)

        on = commander(Host(act))
        on.on_ack.append(lambda ack: said.append(str(ack)))
        for name, args in (
            ("wifi_connect", {"ssid": ssid, "password": password}),
            ("bluetooth_pair", {"addr": "02:00:00:00:00:00", "pin": pin}),
        ):
            try:
                said.append(str(await order(on, name, args)))
            except CommandRejected as refusal:
                said.append(f"{refusal.status} {refusal.code} {refusal}")

    catch, root = Catch(), logging.getLogger()
    root.addHandler(catch)
    try:
        run_virtually(work())
    finally:
        root.removeHandler(catch)
    return [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", line) for line in said]


@given(secret=SECRET, pin=PIN, echo=st.sampled_from(ECHOES))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_is_written_and_told_does_not_depend_on_the_secrets(
    secret: str, pin: str, echo: Callable[[str], BaseException]
) -> None:
    said = all_that_is_said(secret, pin, "MyWiFi", echo)
    assert len(said) >= 6
    assert said == all_that_is_said("correct horse", "481516", "MyWiFi", echo)


@given(secret=SECRET, echo=st.sampled_from(ECHOES))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_network_named_like_its_password_is_not_named(secret: str, echo: Callable[[str], BaseException]) -> None:
    said = all_that_is_said(secret[:8], "481516", f"my {secret[:8]}", echo)
    assert said == all_that_is_said("12345678", "481516", "my 12345678", echo)


@given(secret=SECRET, around=st.sampled_from(["{}", "a {} b", "psk={!r}"]))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_text_with_a_secret_in_it_is_withheld_whole(secret: str, around: str) -> None:
    assert without(around.format(secret), (secret,)) == WITHHELD
    assert without("nothing to see", (secret,)) == "nothing to see"


@pytest.mark.parametrize(
    "secret", ["it's mine", 'say "please"', 'it\'s "both"', "back\\slash", "zwölf Boxer", "two  blanks"]
)
@pytest.mark.parametrize("around", ["{}", "it's {}", '"quoted" {}', "'\" {}", "\\{}"])
@pytest.mark.parametrize("show", [str, repr, ascii, json.dumps, lambda text: repr(text.encode())])
def test_no_quoting_hides_a_secret(secret: str, around: str, show: Callable[[str], str]) -> None:
    assert without(show(around.format(secret)), (secret,)) == WITHHELD
