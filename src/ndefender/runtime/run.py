"""The service as one call: takes the state folder, creates what the processes share, supervises them, cleans up."""

from __future__ import annotations

import errno
import ipaddress
import logging
import multiprocessing
import os
import socket
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from ndefender.config.settings import Settings
from ndefender.errors import ConfigError, RingError
from ndefender.radio.emulated import address
from ndefender.ring.board import Board
from ndefender.ring.queue import Wake, WorkQueue
from ndefender.ring.segment import Segment, create, sweep_stale
from ndefender.runtime import logs
from ndefender.runtime.exits import EXIT_BUSY, EXIT_CONFIG
from ndefender.runtime.lock import FolderBusy, FolderLock, ServiceState, run_folder
from ndefender.runtime.mapping import EMULATE_SCHEME
from ndefender.runtime.messages import link_pair
from ndefender.runtime.process import ProcessSpec
from ndefender.runtime.restart import RestartPolicy
from ndefender.runtime.supervisor import Supervisor
from ndefender.runtime.table import process_table
from ndefender.runtime.wiring import Layout, Wiring, layout_for
from ndefender.units import NS_PER_MS

BACKLOG = 128

log = logging.getLogger(__name__)


def run(settings: Settings, config_path: Path | None = None, table: Sequence[ProcessSpec] | None = None) -> int:
    """Run the service until it is told to stop. Call it from the main thread.

    Args:
        settings: the configuration.
        config_path: where it came from, for a reload.
        table: processes to run instead of the service's own.
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
        return _run_locked(settings, lock, config_path, process_table(settings) if table is None else table)
    except (ConfigError, RingError) as error:
        log.error("cannot start: %s", error)
        return EXIT_CONFIG
    finally:
        lock.release()


def _run_locked(settings: Settings, lock: FolderLock, config_path: Path | None, table: Sequence[ProcessSpec]) -> int:
    """Create, supervise, clean up."""
    for name in sweep_stale():
        log.warning("removed %s, which a service that was killed left behind", name)
    layout = layout_for(settings)
    segments: list[Segment] = []
    with listen(settings.api.host, settings.api.port) as listener:
        host, port = listener.getsockname()[:2]
        try:
            segments.extend(create(spec) for spec in layout)
            wiring = _wire(settings, layout, listener, config_path)
            state = ServiceState(os.getpid(), wiring.boot_id, host, port, time.time_ns() // NS_PER_MS)
            lock.write_state(state)
            log.info("AntSDR Scan API at http://%s:%d/api/v1, radio %s", host, port, settings.radio.uri)
            if not is_loopback(host) and not settings.api.api_key:
                log.warning("%s:%d is open to the network WITHOUT A KEY: set api.api_key", host, port)
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


def _wire(settings: Settings, layout: Layout, listener: socket.socket, config_path: Path | None) -> Wiring:
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
        listener=listener,
        boot_id=uuid.uuid4().hex,
        radio_uri=radio_uri,
        config_path=None if config_path is None else str(config_path),
    )


def listen(host: str, port: int) -> socket.socket:
    """Bind the API's socket. It belongs to the supervisor, so that a front that is restarted finds it again.

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
        raise ConfigError("api.port", f"{host}:{port} {reason}") from error
    return listener


def is_loopback(host: str) -> bool:
    """Whether a bind address is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
