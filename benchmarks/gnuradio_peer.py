"""GNU Radio's form of a spectrum: vector source, FFT, |x|², integrate, null sink; no window, no overlap.

Run by throughput.py with the Python that GNU Radio is installed for. Every line on standard input is a measurement of
that many seconds; the answer is a JSON line. Samples are complex64 from the start: the peer need not convert int16.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

import numpy as np

N_FFT = 2048
FRAMES = 64  # integrated into one spectrum
SOURCE_SAMPLES = 1 << 20
WARM_S = 0.3


def measure(modules: dict[str, Any], samples: list[complex], seconds: float) -> float:
    """Run the flow graph; return samples a second after its warm-up."""
    gr, blocks, fft = modules["gr"], modules["blocks"], modules["fft"]
    sink = blocks.null_sink(gr.sizeof_float * N_FFT)
    chain = [
        blocks.vector_source_c(samples, True),
        blocks.stream_to_vector(gr.sizeof_gr_complex, N_FFT),
        fft.fft_vcc(N_FFT, True, [], False, 1),
        blocks.complex_to_mag_squared(N_FFT),
        blocks.integrate_ff(FRAMES, N_FFT),
        sink,
    ]
    graph = gr.top_block()
    graph.connect(*chain)
    graph.start()
    time.sleep(WARM_S)
    first, began = sink.nitems_read(0), time.perf_counter()
    time.sleep(seconds)
    last, ended = sink.nitems_read(0), time.perf_counter()
    graph.stop()
    graph.wait()
    return float((last - first) * FRAMES * N_FFT / (ended - began))


def main() -> None:
    """Pin to the CPU named on the command line, announce the version, then measure on request."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    modules = {name: importlib.import_module(f"gnuradio.{name}") for name in ("gr", "blocks", "fft")}
    rng = np.random.default_rng(1)
    samples = (rng.normal(size=SOURCE_SAMPLES) + 1j * rng.normal(size=SOURCE_SAMPLES)).astype(np.complex64).tolist()
    print(json.dumps({"version": modules["gr"].version()}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"samples_s": measure(modules, samples, float(line))}), flush=True)


if __name__ == "__main__":
    main()
