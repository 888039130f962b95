"""Every kernel is known to a test, and all of them run uncompiled."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from ndefender.dsp import jit

HERE = Path(__file__).parent
ROOM = Path(jit.__file__).parent


def _kernels() -> set[str]:
    """Names of the functions under `@kernel`."""
    return {
        node.name
        for path in ROOM.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and any(ast.unparse(d) == "kernel" for d in node.decorator_list)
    }


def test_every_kernel_is_in_a_test() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    kernels = _kernels()
    assert len(kernels) > 40
    assert [name for name in sorted(kernels) if not re.search(rf"\b{name}\(", tests)] == []


def test_kernels_keep_nan_and_infinity() -> None:
    flags = jit.kernel(lambda x: x).targetoptions["fastmath"]
    assert {"nnan", "ninf", "fast"}.isdisjoint(flags)


UNCOMPILED = """
import numba, numpy as np
from ndefender.dsp import DspConfig, Pipeline
from ndefender.dsp import detect, stft
from ndefender.records import BLOCK, RESULT
assert numba.config.DISABLE_JIT and not hasattr(stft.power_row, "py_func")
n = 4 * 64 * 9 + 11
rng = np.random.default_rng(1)
t = np.arange(n)
x = rng.normal(0, 10, n) + 1j * rng.normal(0, 10, n)
x[500:1500] += 300 * np.exp(2j * np.pi * (0.2 * t[500:1500] + 0.02 * np.cumsum(rng.choice((-1, 1), n)[500:1500])))
x += 200 * np.exp(-2j * np.pi * 0.3 * t)
block = np.zeros(1, dtype=BLOCK)[0]
block["n_samples"], block["rate_hz"], block["bandwidth_hz"], block["full_scale"] = n, 2e6, 2e6, 2048
iq = np.rint(np.stack([x.real, x.imag], 1)).astype(np.int16)
for fine in (False, True):
    out = np.zeros(1, dtype=RESULT)[0]
    count = Pipeline(DspConfig(n_fft=64, fine=fine), n).analyse(iq, block, out)
    print(count, *(f"{e['center_hz']:.0f}" for e in out["emissions"][:count]), sep=",")
"""


def _run(disable: str) -> str:
    script = UNCOMPILED if disable == "1" else UNCOMPILED.replace("assert", "pass; _ = ")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=os.environ | {"NUMBA_DISABLE_JIT": disable},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_kernels_run_uncompiled_and_find_the_same() -> None:
    assert not numba.config.DISABLE_JIT
    plain, compiled = _run("1"), _run("0")
    rows = [[list(map(float, line.split(","))) for line in text.split()] for text in (plain, compiled)]
    assert all(line[0] >= 2 for line in rows[0])
    for a, b in zip(*rows, strict=True):
        assert len(a) == len(b) and max(abs(p - q) for p, q in zip(a, b, strict=True)) < 2e3
