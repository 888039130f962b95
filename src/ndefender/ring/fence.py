"""Full memory fence, for machines that reorder plain loads and stores.

x86-64 keeps stores in order among themselves and loads in order among themselves, which is all that the rings need,
so there the fence is empty and nobody pays for importing a compiler. Everywhere else (arm64) it is a Numba intrinsic
that emits LLVM's ``fence seq_cst``. See docs/adr/0002-ring.md.
"""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable

TOTAL_STORE_ORDER = frozenset({"x86_64", "amd64"})


def compiled_fence() -> Callable[[], None]:
    """Compile the fence (0.1 s from Numba's cache).

    Returns:
        a function without arguments whose body is ``fence seq_cst``.
    """
    module = importlib.import_module("ndefender.ring.fence_numba")  # late: importing Numba costs 0.7 s
    compiled: Callable[[], None] = module.fence
    return compiled


def _nothing() -> None:
    """Do nothing: a call is a barrier for the compiler, and the machine keeps the order."""


def fence_for(machine: str) -> Callable[[], None]:
    """Choose the fence for a machine as `platform.machine()` names it."""
    return _nothing if machine.lower() in TOTAL_STORE_ORDER else compiled_fence()


fence: Callable[[], None] = fence_for(platform.machine())
