"""The whole service with emulated peers, and clients of its real sockets, which know addresses and JSON alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from service_rig import DEADLINE_S, Service, settings_for, wait_for
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ndefender.config.settings import (
    AggregatorSettings,
    ApiTable,
    Esp32Settings,
    GpsSettings,
    HostSettings,
    Settings,
    SystemControllerSettings,
    TrackerSettings,
    UpsSettings,
)
from ndefender.system.emulated.mock_process import dbusmock_missing

JSON = dict[str, Any]
BASE = "/api/v1"
PERIOD_S = 1.0
NO_BUS = 254  # an I2C bus that no machine has
# The demo stands in for what a host lacks; here everything is to be stood in for, whatever this machine has.
DEMO = (
    "import sys; from pathlib import Path; import msgspec; from ndefender.config.settings import Settings; "
    "from ndefender.runtime import demo; from ndefender.runtime.run import run; "
    "demo.SYSTEM_BUS = Path('/dev/null/none'); demo.has_sound = lambda: False; "
    "sys.exit(run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Settings), demo=True))"
)


def need_peers() -> None:
    """Skip where a program that stands in for a part of the host is not installed."""
    for program in ("dbus-daemon", "gpsd", "pulseaudio"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None:
            pytest.skip(f"{program} is not installed")
    if missing := dbusmock_missing():
        pytest.skip(missing)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def unlimited(table: ApiTable, **more: Any) -> Any:
    """An API without command rates."""
    return msgspec.structs.replace(table, command_rate_per_min=0.0, **more)


def bare_settings(folder: Path, **changes: Any) -> Settings:
    """The radio alone: no panel, no UPS, no gpsd."""
    return msgspec.structs.replace(
        settings_for(folder),
        **{
            "esp32": Esp32Settings(enabled=False),
            "ups": UpsSettings(enabled=False),
            "gps": GpsSettings(enabled=False),
            "aggregator": unlimited(AggregatorSettings(port=0)),
        }
        | changes,
    )


def peered_settings(folder: Path, panel: str, **changes: Any) -> Settings:
    """Everything: short periods, and contacts that are soon lost."""
    return msgspec.structs.replace(
        settings_for(folder),
        **{
            "tracker": TrackerSettings(ttl_s=3.0),
            "aggregator": unlimited(AggregatorSettings(port=0)),
            "system_controller": unlimited(SystemControllerSettings(port=0)),
            "esp32": Esp32Settings(port=panel),
            "gps": GpsSettings(port=free_port()),
            "ups": UpsSettings(bus=NO_BUS, period_s=PERIOD_S),
            "host": HostSettings(
                system_period_s=PERIOD_S,
                services_period_s=PERIOD_S,
                network_period_s=PERIOD_S,
                audio_period_s=PERIOD_S,
            ),
        }
        | changes,
    )


class Addresses:
    """Where a running service listens, as its log says."""

    def __init__(self, service: Service) -> None:
        found = dict(re.findall(r"supervisor: (\w+) .* at http://([^/]+)/", service.log()))
        self._client = httpx.Client(timeout=DEADLINE_S, trust_env=False)
        self.hosts = {"aggregator": found["Backend"], "system": found["System"], "scan": found["AntSDR"]}

    def http(self, api: str) -> str:
        """Base of an API's routes."""
        return f"http://{self.hosts[api]}{BASE}"

    def ws(self, api: str, path: str = "/ws") -> str:
        """One of its sockets."""
        return f"ws://{self.hosts[api]}{BASE}{path}"

    def get(self, api: str, path: str) -> Any:
        """GET; None while nobody answers."""
        with contextlib.suppress(httpx.HTTPError):
            return self._client.get(self.http(api) + path).json()
        return None

    def post(self, api: str, path: str, payload: object = None, confirm: bool = False) -> httpx.Response:
        """POST a command."""
        body = {"payload": payload or {}, "confirm": confirm}
        return self._client.post(self.http(api) + path, json=body)


class Ear:
    """Listens to one socket and keeps what it hears, in its order."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.heard: list[JSON] = []
        self.gone = False
        self._stack = contextlib.ExitStack()
        self._socket = self._stack.enter_context(
            connect(url, open_timeout=DEADLINE_S, close_timeout=1.0, additional_headers=headers, max_size=None)
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            for frame in self._socket:
                self.heard.append(json.loads(frame))
        self.gone = True

    def wait(self, what: str, wanted: Callable[[JSON], bool], deadline_s: float = DEADLINE_S) -> JSON:
        """The first envelope that is as wanted, heard already or to come."""
        return wait_for(lambda: next((each for each in list(self.heard) if wanted(each)), None), what, deadline_s)

    def wait_gone(self) -> None:
        """Wait until the other side hung up and everything it had sent was heard."""
        wait_for(lambda: self.gone, "the socket is closed")

    def close(self) -> None:
        """Hang up."""
        self._stack.close()
        self._thread.join(DEADLINE_S)


@contextlib.contextmanager
def ears(*urls: str) -> Iterator[list[Ear]]:
    """Listen to several sockets."""
    with contextlib.ExitStack() as stack:
        found = []
        for url in urls:
            found.append(Ear(url))
            stack.callback(found[-1].close)
        yield found


def assert_numbered(heard: list[JSON]) -> None:
    """The numbers of one connection: from the greeting on without gap or repetition, of one run."""
    numbers = [each["seq"] for each in heard if "seq" in each]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len({each["boot_id"] for each in heard}) == 1


class FeedWriter:
    """Writes the log of a Remote ID feed as another program would."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("ab", buffering=0)

    def say(self, kind: str, at_ms: int, **data: Any) -> None:
        """Append one event."""
        envelope = {"type": kind, "timestamp_ms": at_ms, "source": "remoteid", "data": data}
        self._stream.write(json.dumps(envelope).encode() + b"\n")

    def close(self) -> None:
        """Stop writing."""
        self._stream.close()
