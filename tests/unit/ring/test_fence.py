from __future__ import annotations

import platform
from typing import Any

import numba

from ndefender.ring import fence


def test_compiled_fence_is_a_sequentially_consistent_one() -> None:
    kernel: Any = fence.compiled_fence()
    kernel()
    compiled = numba.njit(kernel.py_func)  # anew: what came from the cache cannot be inspected
    compiled()
    (source,) = compiled.inspect_llvm().values()
    assert "fence seq_cst" in source


def test_machines_that_reorder_get_the_compiled_one() -> None:
    assert fence.fence_for("aarch64") is fence.compiled_fence()
    assert fence.fence_for("armv7l") is fence.compiled_fence()
    assert fence.fence_for("x86_64") is not fence.compiled_fence()
    assert fence.fence is fence.fence_for(platform.machine())
