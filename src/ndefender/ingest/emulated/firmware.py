"""The panel's firmware as a machine of lines and time: what it answers, measures, and says by itself. Pure.

Written from the hardware's description, apart from the code that talks to it: neither shares the other's mistakes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeGuard

Rssi = Callable[[float, float], int]  # (freq_hz, t_s since the emulator's start) -> raw ADC mean, 0..4095
Reply = dict[str, Any]

VERSION = "1.4.0-emulated"
LINE_BYTES = 512
NAME_CHARS = 63
RECEIVERS = (1, 2, 3)
BOOT_HZ = (5_740_000_000, 5_800_000_000, 5_860_000_000)
LOWEST_HZ, HIGHEST_HZ = 1_000_000, 6_500_000_000
SCAN_START_HZ, SCAN_STOP_HZ, SCAN_STEP_HZ, SCAN_DWELL_MS = 5_645_000_000, 5_865_000_000, 2_000_000, 200
HEAP_BYTES = 123_456
WRAP_MS = 1 << 32


class Refused(Exception):
    """The command is answered with `ok: false` and this as `err`."""


class Firmware:
    """One panel.

    Args:
        rssi: what a receiver measures at a frequency and time.
        period_s: of the telemetry.
        older: firmware without `data` in answers, without `seq` and `fw_version`.
        not_implemented: commands that this firmware knows only by name.
        first_stamp_ms: its clock at the first boot.
    """

    def __init__(
        self,
        rssi: Rssi,
        *,
        period_s: float = 1.0,
        older: bool = False,
        not_implemented: frozenset[str] = frozenset(),
        first_stamp_ms: int = 0,
    ) -> None:
        self._rssi = rssi
        self._period_s = period_s
        self._older = older
        self._not_implemented = not_implemented
        self._first_stamp_ms = first_stamp_ms
        self._commands: dict[str, Callable[[Reply], None]] = {
            "SET_VRX_FREQ": self._set_vrx_freq,
            "START_SCAN": self._start_scan,
            "STOP_SCAN": self._stop_scan,
            "LOCK_STRONGEST": self._lock_strongest,
            "VIDEO_SELECT": self._video_select,
            "SET_LEDS": self._set_leds,
            "GET_STATUS": self._get_status,
        }
        self.long_lines = 0
        self.boot(0.0)

    @property
    def scanning(self) -> bool:
        """Whether receiver 1 walks over the band."""
        return self._dwell_s > 0.0

    def boot(self, now_s: float, first_stamp_ms: int | None = None) -> list[Reply]:
        """Start anew: everything is forgotten. Returns what it says first."""
        self._booted_s = now_s
        self._now_s = now_s
        self._stamp0_ms = self._first_stamp_ms if first_stamp_ms is None else first_stamp_ms
        self._seq = 0
        self._received = bytearray()
        self._too_long = False
        self._freq_hz = dict(zip(RECEIVERS, BOOT_HZ, strict=True))
        self._selected = 1
        self._led = {"r": 0, "y": 1, "g": 0}
        self._range = (SCAN_START_HZ, SCAN_STOP_HZ, SCAN_STEP_HZ)
        self._dwell_s = 0.0
        self._step_s = 0.0
        self._best: dict[int, int] = {}  # frequency: what the scan measured there
        self._telemetry_s = now_s
        self._status_wanted = False
        return [self._say({"type": "log_event", "message": "boot"})]

    @property
    def due_s(self) -> float:
        """When `tick` has something to do next."""
        return min(self._telemetry_s, self._step_s) if self.scanning else self._telemetry_s

    def tick(self, now_s: float) -> list[Reply]:
        """Do what is due: a step of the scan, telemetry."""
        self._now_s = now_s
        while self.scanning and self._step_s <= now_s:
            self._measure_and_step()
        if now_s < self._telemetry_s:
            return []
        self._telemetry_s = max(self._telemetry_s + self._period_s, now_s)
        return [self._telemetry()]

    def receive(self, chunk: bytes, now_s: float) -> list[Reply]:
        """Take bytes of the host; return the answers."""
        self._now_s = now_s
        replies: list[Reply] = []
        for byte in chunk:
            if byte == 0x0A:
                if not self._too_long and self._received:
                    replies += self._line(bytes(self._received))
                self.long_lines += self._too_long
                self._received.clear()
                self._too_long = False
            elif byte != 0x0D and not self._too_long:
                self._received.append(byte)
                # The end of the line takes a place in the buffer, too.
                self._too_long = len(self._received) >= LINE_BYTES
        return replies

    def _line(self, line: bytes) -> list[Reply]:
        try:
            command = json.loads(line)
        except (ValueError, RecursionError):
            return []  # noise: nobody to answer
        if not isinstance(command, dict):
            return []
        command_id, cmd = command.get("id"), command.get("cmd")
        if not _is_name(command_id):
            return [self._ack("unknown", cmd, "missing_id")]
        try:
            if not _is_name(cmd):
                raise Refused("missing_cmd")
            action = self._commands.get(cmd)
            if action is None:
                raise Refused("unknown_cmd")
            if cmd in self._not_implemented:
                raise Refused("not_implemented")
            args = command.get("args")
            action(args if isinstance(args, dict) else {})
        except Refused as refused:
            return [self._ack(command_id, cmd, str(refused))]
        replies = [self._ack(command_id, cmd, None)]
        if self._status_wanted:
            self._status_wanted = False
            replies.append(self._telemetry())
        return replies

    def _set_vrx_freq(self, args: Reply) -> None:
        vrx_id, freq_hz = _numbers(args, "vrx_id", "freq_hz")
        if vrx_id not in RECEIVERS:
            raise Refused("vrx_id_oob")
        if not LOWEST_HZ <= freq_hz <= HIGHEST_HZ:
            raise Refused("freq_oob")
        self._freq_hz[int(vrx_id)] = int(freq_hz)

    def _start_scan(self, args: Reply) -> None:
        dwell_ms, step_hz, start_hz, stop_hz = _numbers(args, "dwell_ms", "step_hz", "start_hz", "stop_hz")
        if not 10 <= dwell_ms <= 5000:
            raise Refused("dwell_oob")
        if step_hz <= 0 or start_hz <= 0 or stop_hz <= 0 or start_hz >= stop_hz:
            raise Refused("range_oob")
        self._range = (int(start_hz), int(stop_hz), int(step_hz))
        self._dwell_s = dwell_ms / 1e3
        self._step_s = self._now_s + self._dwell_s
        self._best.clear()
        self._freq_hz[1] = int(start_hz)

    def _stop_scan(self, args: Reply) -> None:
        self._dwell_s = 0.0

    def _lock_strongest(self, args: Reply) -> None:
        vrx_id = _numbers(args, "vrx_id")[0] if "vrx_id" in args else self._selected
        if vrx_id not in RECEIVERS:
            raise Refused("vrx_id_oob")
        if not self._best:
            raise Refused("no_best")
        self._dwell_s = 0.0
        self._freq_hz[int(vrx_id)] = max(self._best, key=lambda freq_hz: self._best[freq_hz])

    def _video_select(self, args: Reply) -> None:
        (channel,) = _numbers(args, "ch")
        if channel not in RECEIVERS:
            raise Refused("ch_oob")
        self._selected = int(channel)

    def _set_leds(self, args: Reply) -> None:
        red, green, yellow = _numbers(args, "r", "g", "y")
        if not {red, green, yellow} <= {0, 1}:
            raise Refused("args_oob")
        self._led = {"r": int(red), "y": int(yellow), "g": int(green)}

    def _get_status(self, args: Reply) -> None:
        self._status_wanted = True

    def _measure_and_step(self) -> None:
        """Keep what the scan's receiver measured, go to the next frequency, from the last back to the first."""
        start_hz, stop_hz, step_hz = self._range
        here_hz = self._freq_hz[1]
        self._best[here_hz] = self._measure(here_hz)
        self._freq_hz[1] = here_hz + step_hz if here_hz + step_hz <= stop_hz else start_hz
        self._step_s += self._dwell_s

    def _measure(self, freq_hz: int) -> int:
        return min(max(self._rssi(float(freq_hz), self._now_s), 0), 4095)

    def _telemetry(self) -> Reply:
        uptime_ms = self._stamp()
        body: Reply = {
            "type": "telemetry",
            "sel": self._selected,
            "vrx": [{"id": i, "freq_hz": f, "rssi_raw": self._measure(f)} for i, f in self._freq_hz.items()],
            "video": {"selected": self._selected},
            "led": self._led,
            "sys": {"uptime_ms": uptime_ms, "heap": HEAP_BYTES},
        }
        if not self._older:
            body["fw_version"] = VERSION
        return self._say(body)

    def _ack(self, command_id: str, cmd: object, err: str | None) -> Reply:
        body: Reply = {"type": "command_ack", "id": command_id, "ok": err is None, "err": err}
        if not self._older:
            body["data"] = {"cmd": cmd if isinstance(cmd, str) else None}
        return self._say(body)

    def _say(self, body: Reply) -> Reply:
        self._seq += 1
        stamped = {"type": body["type"], "timestamp_ms": self._stamp(), **body, "simulated": True}
        return stamped if self._older else {**stamped, "seq": self._seq}

    def _stamp(self) -> int:
        return (self._stamp0_ms + int((self._now_s - self._booted_s) * 1e3)) % WRAP_MS


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= NAME_CHARS


def _numbers(args: Reply, *names: str) -> tuple[float, ...]:
    """The named arguments; `missing_args` where one is absent or no number."""
    values = [args.get(name) for name in names]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        raise Refused("missing_args")
    return tuple(float(value) for value in values if value is not None)
