"""What `ndefender doctor` looks at. One function a check: it only looks, changes nothing, and needs no device library.

A check says what it found in plain words, and where something is missing, how to get it.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["ok", "warning", "missing"]
IIOD_PORT = 30431  # libiio's network protocol
TIME_ERROR = 5  # what adjtimex(2) returns while the clock is not synchronised


@dataclass(frozen=True, slots=True)
class Finding:
    """Outcome of one check.

    Args:
        name: what was looked at.
        level: `missing` keeps the service from working, `warning` does not.
        says: what was found.
        remedy: what to do about it; empty if nothing.
    """

    name: str
    level: Level
    says: str
    remedy: str = ""


def python(version: tuple[int, int, int] = sys.version_info[:3]) -> Finding:
    """Python 3.11 or newer."""
    text = ".".join(str(part) for part in version)
    if version < (3, 11, 0):
        return Finding("python", "missing", f"Python {text} is too old", "install Python 3.11 or newer and run ./run")
    return Finding("python", "ok", f"Python {text}")


def packages(requirements: Callable[[str], Sequence[str] | None] = importlib.metadata.requires) -> Finding:
    """Every Python package that this one asks for is installed (none is imported)."""
    try:
        asked = [row for row in requirements("ndefender") or () if "extra ==" not in row]
    except importlib.metadata.PackageNotFoundError:
        return Finding("packages", "missing", "ndefender itself is not installed", "run ./run, which installs it")
    names = [re.split(r"[^\w.-]", row)[0] for row in asked]
    absent = [name for name in names if not any(importlib.metadata.distributions(name=name))]
    if absent:
        return Finding("packages", "missing", f"not installed: {', '.join(absent)}", "run ./run, which installs them")
    return Finding("packages", "ok", f"{len(names)} packages found")


def libiio(load: Callable[[str], object] = ctypes.CDLL) -> Finding:
    """The C library an AntSDR is reached through."""
    try:
        load("libiio.so.0")
    except OSError as error:
        return Finding("libiio", "missing", f"the libiio C library does not load ({error})", "apt-get install libiio0")
    return Finding("libiio", "ok", "libiio.so.0 loads")


def pylibiio(version: Callable[[str], str] = importlib.metadata.version) -> Finding:
    """The Python binding fits the C library: 0.x, since 1.x refuses the libiio that Debian and Ubuntu have."""
    try:
        found = version("pylibiio")
    except importlib.metadata.PackageNotFoundError:
        return Finding("pylibiio", "missing", "pylibiio is not installed", "run ./run, which installs it")
    if found.split(".")[0] != "0":
        return Finding("pylibiio", "missing", f"pylibiio {found} refuses libiio.so.0", "pip install 'pylibiio<1'")
    return Finding("pylibiio", "ok", f"pylibiio {found}")


def shared_memory(needed_bytes: int, folder: str = "/dev/shm") -> Finding:
    """Enough room for the rings between the processes."""
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("shared memory", "missing", f"{folder}: {error.strerror}", f"mount a tmpfs at {folder}")
    says = f"{folder} has {free_bytes / 1e6:.0f} MB free, the rings take {needed_bytes / 1e6:.0f} MB"
    if free_bytes < 2 * needed_bytes:
        return Finding(
            "shared memory",
            "missing" if free_bytes < needed_bytes else "warning",
            says,
            f"mount -o remount,size={4 * needed_bytes // 1_000_000 + 64}M {folder} (a container: --shm-size), "
            "or lower runtime.iq_slots",
        )
    return Finding("shared memory", "ok", says)


def cores(count: int | None = None) -> Finding:
    """Capture and analysis want a core each."""
    have = count if count is not None else len(os.sched_getaffinity(0))
    if have < 2:
        return Finding("cores", "warning", f"{have} core", "capture and analysis share it: expect dropped dwells")
    return Finding("cores", "ok", f"{have} cores")


def kernel_cache(package: Path, environ: dict[str, str], home: Path) -> Finding:
    """Compiled kernels can be kept, so that only the first start compiles."""
    wanted = environ.get("NUMBA_CACHE_DIR")
    places = [Path(wanted)] if wanted else [package, home / ".cache"]
    for place in places:
        if _writable(place):
            return Finding("kernel cache", "ok", f"compiled kernels are kept under {place}")
    tried = ", ".join(str(place) for place in places)
    return Finding(
        "kernel cache",
        "warning",
        f"not writable: {tried}; every start compiles",
        "set NUMBA_CACHE_DIR to a folder you own",
    )


def radio(uri: str, timeout_s: float = 2.0) -> Finding:
    """The configured radio answers."""
    kind, _, rest = uri.partition(":")
    if kind == "emulate":
        return Finding("radio", "ok", f"{uri}: a simulated scene, started with the service; no radio is needed")
    if kind == "file":
        if Path(rest).exists():
            return Finding("radio", "ok", f"{uri}: the recording is there")
        return Finding("radio", "missing", f"{uri}: no such file", "set radio.uri to an existing recording")
    if kind != "ip":
        return Finding(
            "radio", "warning", f"{uri}: cannot be checked from here", "start the service and look at /api/v1/device"
        )
    host, _, port = rest.partition(":")
    try:
        with socket.create_connection((host, int(port or IIOD_PORT)), timeout=timeout_s):
            return Finding("radio", "ok", f"{uri}: a libiio server answers")
    except (OSError, ValueError) as error:
        return Finding(
            "radio",
            "missing",
            f"{uri}: no answer within {timeout_s:g} s ({error})",
            f"check power and cable, `ping {host}`, and that the radio runs its IIO firmware (TCP {IIOD_PORT})",
        )


def port_free(name: str, host: str, port: int, table: str = "api") -> Finding:
    """Nothing else listens where an API wants to. `table` is the configuration's, for the remedy."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
            probe.bind((host, port))
    except OSError as error:
        return Finding(
            name,
            "missing",
            f"cannot listen on {host}:{port} ({error.strerror or error})",
            f"stop what listens there (another ndefender?), or change {table}.host and {table}.port",
        )
    return Finding(name, "ok", f"{host}:{port} is free")


def log_folder(folder: Path, bound_bytes: int) -> Finding:
    """The event log can be written and fits on the disk."""
    place = _nearest(folder)
    if not _writable(folder):
        return Finding(
            "log folder", "missing", f"{place} is not writable", f"change log.folder, or: chown $USER {place}"
        )
    free_bytes = shutil.disk_usage(place).free
    says = f"{folder} is writable, {free_bytes / 1e6:.0f} MB free, the logs take up to {bound_bytes / 1e6:.0f} MB"
    if free_bytes < bound_bytes:
        return Finding("log folder", "warning", says, "free some space, or lower log.max_files or log.max_file_bytes")
    return Finding("log folder", "ok", says)


def clock(state: Callable[[], int] | None = None) -> Finding:
    """The wall clock is synchronised, so that events carry the true time."""
    try:
        answer = (state or _adjtimex)()
    except (OSError, AttributeError) as error:
        return Finding("clock", "warning", f"cannot tell whether it is synchronised ({error})", "check `timedatectl`")
    if answer == TIME_ERROR:
        return Finding(
            "clock",
            "warning",
            "the clock is not synchronised",
            "apt-get install systemd-timesyncd, or gpsd with chrony",
        )
    return Finding("clock", "ok", "synchronised")


def _adjtimex() -> int:
    """adjtimex(2) with `modes = 0`: only asks."""
    libc = ctypes.CDLL(None, use_errno=True)
    timex = ctypes.create_string_buffer(512)  # struct timex has 208 bytes on 64-bit Linux; all zero asks only
    answer = int(libc.adjtimex(timex))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def _nearest(folder: Path) -> Path:
    """The folder, or the first parent that exists."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def _writable(folder: Path) -> bool:
    place = _nearest(folder)
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
