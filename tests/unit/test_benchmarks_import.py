"""Every benchmark at least imports: what it uses of the service must still be there."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
PEERS_OWN = {"gnuradio_peer"}  # runs in the Python that GNU Radio is installed for


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PEERS_OWN])
def test_a_benchmark_imports(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
