"""The compiled fence: a Numba intrinsic for LLVM's ``fence seq_cst`` (``dmb ish`` on arm64, ``mfence`` on x86)."""

from __future__ import annotations

from typing import Any

import numba
from numba import types
from numba.extending import intrinsic


def _seq_cst_template(typing_context: Any) -> Any:
    """Type the fence and emit it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


_seq_cst: Any = intrinsic(_seq_cst_template)


@numba.njit(nogil=True, cache=True)
def fence() -> None:
    """Order every load and store before it before every one after it."""
    _seq_cst()
