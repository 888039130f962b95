"""The service as one call: takes the state folder, creates what the processes share, supervises them, cleans up."""

from __future__ import annotations

import errno
import ipaddress
import logging
import multiprocessing
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ndefender.config.settings import ApiTable, Settings
from ndefender.errors import ConfigError, RingError
from ndefender.radio.emulated import address
from ndefender.ring.board import Board
from ndefender.ring.queue import Wake, WorkQueue
from ndefender.ring.segment import Segment, create, sweep_stale
from ndefender.runtime import logs
from ndefender.runtime.demo import with_peers
from ndefender.runtime.exits import EXIT_BUSY, EXIT_CONFIG
from ndefender.runtime.lock import FolderBusy, FolderLock, ServiceState, run_folder
from ndefender.runtime.mapping import EMULATE_SCHEME
from ndefender.runtime.messages import link_pair
from ndefender.runtime.process import ProcessSpec
from ndefender.runtime.restart import RestartPolicy
from ndefender.runtime.supervisor import Supervisor
from ndefender.runtime.table import process_table
from ndefender.runtime.wiring import Layout, Listeners, Wiring, layout_for
from ndefender.units import NS_PER_MS

BACKLOG = 128
APIS = (  # listener, table of the configuration, title
    ("aggregator", "aggregator", "Backend Aggregator"),
    ("system", "system_controller", "System Controller"),
    ("scan", "api", "AntSDR Scan API"),
)

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    config_path: Path | None = None,
    table: Sequence[ProcessSpec] | None = None,
    *,
    demo: bool = False,
) -> int:
    """Run the service until it is told to stop. Call it from the main thread.

    Args:
        settings: the configuration.
        config_path: where it came from, for a reload.
        table: processes to run instead of the service's own.
        demo: let emulated peers stand in for the parts that this host does not have.
    Returns:
        exit code, see `runtime.exits`.
    """
    logs.set_up("supervisor", settings.runtime.log_level, settings.runtime.log_format)
    try:
        lock = FolderLock(run_folder(settings))
    except FolderBusy as error:
        log.error("%s", error)
        return EXIT_BUSY
    except OSError as error:
        log.error("state folder %s cannot be used: %s", run_folder(settings), error)
        return EXIT_CONFIG
    try:
        with ExitStack() as stack:
            stage = Stage(run_folder(settings), config_path)
            if demo:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ndefender-")))
                settings, emulated = with_peers(settings, folder)
                stage = replace(stage, emulated=emulated, demo_folder=folder)
                log.warning("demo: emulated and marked as simulated: %s", ", ".join(sorted(emulated)) or "nothing")
            processes = process_table(settings, stage.emulated) if table is None else table
            return _run_locked(settings, lock, stage, processes)
    except (ConfigError, RingError) as error:
        log.error("cannot start: %s", error)
        return EXIT_CONFIG
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a run takes place.

    Args:
        folder: of its state.
        config_path: where the settings came from.
        emulated, demo_folder: see `Wiring`.
    """

    folder: Path
    config_path: Path | None
    emulated: frozenset[str] = frozenset()
    demo_folder: Path | None = None


def _run_locked(settings: Settings, lock: FolderLock, stage: Stage, table: Sequence[ProcessSpec]) -> int:
    """Create, supervise, clean up."""
    for name in sweep_stale():
        log.warning("removed %s, which a service that was killed left behind", name)
    layout = layout_for(settings)
    segments: list[Segment] = []
    with ExitStack() as stack:
        listeners = Listeners(
            **{name: stack.enter_context(_listen(settings, table_name)) for name, table_name, _ in APIS}
        )
        try:
            segments.extend(create(spec) for spec in layout)
            wiring = _wire(settings, layout, listeners, stage)
            lock.write_state(_state(wiring, listeners))
            _announce(settings, listeners)
            runtime = settings.runtime
            policy = RestartPolicy(window_s=runtime.restart_window_s, max_restarts=runtime.max_restarts)
            board = Board(next(s for s in segments if s.spec == layout.board))
            code = Supervisor(table, wiring, board, policy).run()
        finally:
            for segment in segments:
                segment.close()
                segment.unlink()
    log.info("stopped, exit code %d", code)
    return code


def _listen(settings: Settings, table_name: str) -> socket.socket:
    api: ApiTable = getattr(settings, table_name)
    return listen(api.host, api.port, table_name)


def _state(wiring: Wiring, listeners: Listeners) -> ServiceState:
    host, port = listeners.scan.getsockname()[:2]
    return ServiceState(
        os.getpid(),
        wiring.boot_id,
        host,
        port,
        time.time_ns() // NS_PER_MS,
        aggregator=_address(listeners.aggregator),
        system=_address(listeners.system),
    )


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _announce(settings: Settings, listeners: Listeners) -> None:
    """Say where the APIs are, and loudly where anybody may come in."""
    for name, table_name, title in APIS:
        api: ApiTable = getattr(settings, table_name)
        address = _address(getattr(listeners, name))
        log.info("%s at http://%s/api/v1 (documents at /docs)", title, address)
        if not is_loopback(api.host) and not api.api_key:
            log.warning("%s is open to the network WITHOUT A KEY: set %s.api_key", address, table_name)
    log.info("radio %s", settings.radio.uri)


def _wire(settings: Settings, layout: Layout, listeners: Listeners, stage: Stage) -> Wiring:
    """Create pipes and sockets; this process keeps both ends of all for as long as it lives."""
    context = multiprocessing.get_context("spawn")
    front_end, capture_end = link_pair()
    radio_uri = settings.radio.uri
    if radio_uri.startswith(EMULATE_SCHEME):
        radio_uri = address.uri(address.free_loopback_host(), address.IIOD_PORT)
    return Wiring(
        settings=settings,
        layout=layout,
        queue=WorkQueue(context),
        wake=Wake(context),
        front_end=front_end,
        capture_end=capture_end,
        listeners=listeners,
        boot_id=uuid.uuid4().hex,
        radio_uri=radio_uri,
        config_path=None if stage.config_path is None else str(stage.config_path),
        state_folder=str(stage.folder),
        emulated=stage.emulated,
        demo_folder=str(stage.demo_folder or ""),
    )


def listen(host: str, port: int, table_name: str = "api") -> socket.socket:
    """Bind an API's socket. It belongs to the supervisor, so that a front that is restarted finds it again.

    Raises:
        ConfigError: the address is in use, not ours, or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = "is in use by another program" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
        raise ConfigError(f"{table_name}.port", f"{host}:{port} {reason}") from error
    return listener


def is_loopback(host: str) -> bool:
    """Whether a bind address is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
