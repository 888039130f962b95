"""libiio behind pyadi-iio: loaded only where a radio is opened, its errors turned into ours."""

from __future__ import annotations

import errno
import importlib
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

from ndefender.errors import SourceError, SourceLost, SourceTimeout, SourceUnavailable

PHY_DEVICE = "ad9361-phy"
RX_DEVICE = "cf-ad9361-lpc"
SIMULATED_ATTRIBUTE = "ndefender,simulated"
INSTALL_HINT = "install the C library (Debian, Ubuntu: `apt install libiio0`) and the Python package `pylibiio<1`"
TIMED_OUT = (errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR)
# What a driver answers to a value it does not take; everything else is trouble with the connection.
REFUSALS = (errno.EINVAL, errno.ERANGE, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM, errno.ENOENT, errno.EBUSY)


class Libraries(NamedTuple):
    """The two modules, untyped."""

    iio: ModuleType
    adi: ModuleType


def load() -> Libraries:
    """Import libiio's binding and pyadi-iio.

    Raises:
        SourceUnavailable: the C library or a package is missing, or they do not fit together.
    """
    try:
        return Libraries(importlib.import_module("iio"), importlib.import_module("adi"))
    except (FileNotFoundError, ImportError, AttributeError, OSError) as error:
        raise SourceUnavailable(f"libiio cannot be loaded ({error}): {INSTALL_HINT}") from error


def connect(libraries: Libraries, uri: str) -> Any:
    """Return an `iio.Context` that has the devices of an AD9361 board.

    Raises:
        SourceUnavailable: nothing answers at `uri`, or something else does.
    """
    try:
        context = libraries.iio.Context(uri)
    except (OSError, UnicodeEncodeError) as error:
        raise SourceUnavailable(f"{uri}: {reason(error)}") from error
    missing = [name for name in (PHY_DEVICE, RX_DEVICE) if context.find_device(name) is None]
    if missing:
        found = ", ".join(str(device.name) for device in context.devices) or "none"
        raise SourceUnavailable(f"{uri}: no device {' and '.join(missing)}; devices there: {found}")
    return context


def reason(error: Exception) -> str:
    """Say what went wrong without the exception's class."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def raise_for_attribute(uri: str, name: str, error: OSError) -> NoReturn:
    """Turn a failed attribute access into our error: the connection is in an unknown state after any of these."""
    raise SourceLost(f"{uri}: {name}: {reason(error)}") from error


def block_error(uri: str, error: OSError, waited_s: float, timeout_s: float) -> SourceError:
    """Tell a block that did not come in time from a connection that broke.

    libiio 0.24's network backend reports its own time-out as EPIPE, so the time that passed decides.
    """
    if error.errno in TIMED_OUT or waited_s >= timeout_s:
        return SourceTimeout(f"{uri}: no block within {waited_s:.3f} s ({reason(error)})")
    return SourceLost(f"{uri}: {reason(error)}")
