"""The commands of the System Controller: what each needs, how long it rests, and who carries it out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ndefender.errors import CommandRejected
from ndefender.system.arguments import Address, Arguments, Mute, Pair, UnitName, Volume, WifiConnect, parsed, short_name
from ndefender.system.bounded import plain
from ndefender.system.parts import Parts

A = TypeVar("A", bound=Arguments)

QUICK_S = 5.0
RESTART_S = 30.0  # systemd waits for the unit to come up
WIFI_CONNECT_S = 45.0  # association, keys and DHCP
PAIR_S = 60.0  # somebody may have to confirm on the other device


@dataclass(frozen=True)
class Call:
    """A command with its arguments.

    Args:
        arguments: checked.
        run: does it; None where the part is absent.
    """

    arguments: Arguments
    run: Callable[[], Awaitable[None]] | None


@dataclass(frozen=True, kw_only=True)
class Command:
    """One row of the table.

    Args:
        part: which part of the host does it; `<part>_absent` is the code of the refusal without it.
        section: the section that tells whether that part is there, None where none does.
        call: checks the arguments; raises CommandRejected 400 or 404.
        confirm: must be confirmed.
        dangerous: must be allowed by the configuration.
        cool_down_s: rest for each target.
        timeout_s: longest execution.
    """

    part: str
    section: str | None
    call: Callable[[Mapping[str, object]], Call]
    confirm: bool = False
    dangerous: bool = False
    cool_down_s: float = 0.0
    timeout_s: float = QUICK_S


def _with(kind: type[A], run: Callable[[A], Awaitable[None]] | None) -> Callable[[Mapping[str, object]], Call]:
    """Make a row's `call` of the class of its arguments and of what takes them."""

    def call(args: Mapping[str, object]) -> Call:
        arguments = parsed(args, kind)
        return Call(arguments, partial(run, arguments) if run is not None else None)

    return call


def _without(run: Callable[[], Awaitable[None]] | None) -> Callable[[Mapping[str, object]], Call]:
    """The same for a command without arguments."""

    def call(args: Mapping[str, object]) -> Call:
        return Call(parsed(args, Arguments), run)

    return call


def _listed(
    names: frozenset[str], call: Callable[[Mapping[str, object]], Call]
) -> Callable[[Mapping[str, object]], Call]:
    """Let only units of the configuration through."""

    def only_listed(args: Mapping[str, object]) -> Call:
        made = call(args)
        name = made.arguments.target or ""
        if name not in names:
            raise CommandRejected(404, "unknown_service", f"name: {plain(name, 80)!r} is not a configured service")
        return made

    return only_listed


def command_table(parts: Parts) -> dict[str, Command]:
    """Make the table for a host.

    Args:
        parts: who carries the commands out.
    Returns:
        Command by name.
    """
    units, power, mixer, wifi, bluetooth = parts.units, parts.power, parts.mixer, parts.wifi, parts.bluetooth
    power_command = partial(Command, part="power", section=None, confirm=True, dangerous=True, cool_down_s=30.0)
    audio_command = partial(Command, part="audio", section="audio")
    wifi_command = partial(Command, part="wifi", section="network")
    bluetooth_command = partial(Command, part="bluetooth", section=None)
    return {
        "reboot": power_command(call=_without(power.reboot if power else None)),
        "shutdown": power_command(call=_without(power.power_off if power else None)),
        "service_restart": Command(
            part="services",
            section="services",
            call=_listed(
                frozenset(map(short_name, parts.unit_names)),
                _with(UnitName, (lambda a: units.restart(a.target)) if units else None),
            ),
            confirm=True,
            cool_down_s=10.0,
            timeout_s=RESTART_S,
        ),
        "gps_restart": Command(
            part="gps",
            section="services",  # it is systemd that restarts gpsd, and an absent receiver is a reason to
            call=_without(parts.restart_gps),
            confirm=True,
            cool_down_s=10.0,
            timeout_s=RESTART_S,
        ),
        "audio_mute": audio_command(call=_with(Mute, (lambda a: mixer.mute(a.muted)) if mixer else None)),
        "audio_volume": audio_command(
            call=_with(Volume, (lambda a: mixer.volume(a.volume_percent)) if mixer else None)
        ),
        "wifi_enable": wifi_command(call=_without(wifi.enable if wifi else None)),
        "wifi_disable": wifi_command(call=_without(wifi.disable if wifi else None)),
        "wifi_connect": wifi_command(
            call=_with(WifiConnect, (lambda a: wifi.connect(a.ssid, a.password or None, a.hidden)) if wifi else None),
            timeout_s=WIFI_CONNECT_S,
        ),
        "wifi_disconnect": wifi_command(call=_without(wifi.disconnect if wifi else None)),
        "bluetooth_enable": bluetooth_command(call=_without(bluetooth.enable if bluetooth else None)),
        "bluetooth_disable": bluetooth_command(call=_without(bluetooth.disable if bluetooth else None)),
        "bluetooth_scan_start": bluetooth_command(call=_without(bluetooth.scan_start if bluetooth else None)),
        "bluetooth_scan_stop": bluetooth_command(call=_without(bluetooth.scan_stop if bluetooth else None)),
        "bluetooth_pair": bluetooth_command(
            call=_with(Pair, (lambda a: bluetooth.pair(a.target, a.pin)) if bluetooth else None), timeout_s=PAIR_S
        ),
        "bluetooth_unpair": bluetooth_command(
            call=_with(Address, (lambda a: bluetooth.unpair(a.target)) if bluetooth else None)
        ),
    }
