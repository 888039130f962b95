"""The one typed wrapper that sets the compiler's flags for this room's kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel: no GIL, cached on disk, strict IEEE order so that chunking never changes a bit.

    Args:
        function: arrays and scalars in, writes into its output arguments; also runs with ``NUMBA_DISABLE_JIT=1``.
    Returns:
        The compiled function with the same signature.
    """
    return cast("Callable[P, R]", numba.njit(nogil=True, cache=True, fastmath=False)(function))
