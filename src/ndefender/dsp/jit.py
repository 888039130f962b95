"""The one place that says how kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

# Everything of fast-math but nnan/ninf: kernels must stay right on zeros, constants and whatever a radio sends.
_FASTMATH = {"reassoc", "contract", "arcp", "nsz", "afn"}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel: arrays and scalars in, results into `out` arguments, no Python objects, GIL released.

    Args:
        function: at most about 40 lines that also run uncompiled (`NUMBA_DISABLE_JIT=1`).
    Returns:
        The compiled function with the same signature.
    """
    compiled: Callable[P, R] = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FASTMATH)(function)
    return compiled
