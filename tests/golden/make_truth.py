"""Truth of the recordings: pictures to decide by eye, and an envelope detector that places the edges decided so.

    python make_truth.py DATA pictures FOLDER [--recording NAME] [--window-us W]
    python make_truth.py DATA table

`pictures` draws spectrogram, envelope and, for Wi-Fi, the short training field's correlation, window by window.
`table` reads `recordings_by_eye.toml` (packets as read off those pictures, to about a microsecond) and writes
`recordings_truth.toml`. Nothing of the product is imported: numpy, scipy, and matplotlib for the pictures.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

HERE = Path(__file__).parent
BY_EYE = HERE / "recordings_by_eye.toml"
TRUTH = HERE / "recordings_truth.toml"
FILTER_TAPS = 61
TRAINING_LAG_US = 0.8  # period of the Wi-Fi short training field
HEAD = """\
# Every packet of the recordings: decided by eye, edges placed at half power by an envelope detector.
# Made by make_truth.py from recordings_by_eye.toml; README.md says how. Do not edit by hand.
"""


def meta_of(folder: Path, name: str) -> dict[str, Any]:
    """A recording's SigMF description."""
    meta: dict[str, Any] = json.loads((folder / f"{name}.sigmf-meta").read_text())
    return meta


def load(folder: Path, name: str) -> tuple[NDArray[np.complex64], float]:
    """One recording as complex samples, full scale 1, and its rate in Hz."""
    meta = meta_of(folder, name)["global"]
    path = folder / f"{name}.sigmf-data"
    rate_hz = float(meta["core:sample_rate"])
    if meta["core:datatype"] == "cf32_le":
        return np.fromfile(path, "<c8"), rate_hz
    flat: NDArray[Any]
    if meta["core:datatype"] == "ci16_le":
        flat = np.fromfile(path, "<i2").astype(np.float32) / 32768
    else:
        flat = (np.fromfile(path, "u1").astype(np.float32) - 127.5) / 127.5
    return (flat[0::2] + 1j * flat[1::2]).astype(np.complex64), rate_hz


def smooth(x: NDArray[Any], samples: int) -> NDArray[Any]:
    """Running mean, centred."""
    if np.iscomplexobj(x):
        return smooth(x.real, samples) + 1j * smooth(x.imag, samples)
    return np.asarray(ndimage.uniform_filter1d(x, max(1, samples)))


def envelope(
    x: NDArray[np.complex64], rate_hz: float, smooth_us: float, center_mhz: float, filter_mhz: float
) -> NDArray[Any]:
    """Power over time: of the whole band, or of `filter_mhz` around `center_mhz`; the filter is symmetrical in time."""
    if filter_mhz:
        carrier = np.exp(-2j * np.pi * center_mhz * 1e6 / rate_hz * np.arange(len(x)))
        x = signal.convolve(x * carrier, signal.firwin(FILTER_TAPS, filter_mhz * 0.5e6, fs=rate_hz), "same")
    return smooth(np.abs(x) ** 2, round(smooth_us * 1e-6 * rate_hz))


def crossing(power: NDArray[Any], quiet: int, inside: int, level: float) -> float:
    """First place on the way from sample `quiet` to sample `inside` where `power` reaches `level`, interpolated."""
    step = 1 if inside > quiet else -1
    for i in range(quiet, inside, step):
        if power[i + step] >= level:
            below, above = power[i], power[i + step]
            return i + step * float(np.clip((level - below) / (above - below), 0.0, 1.0))
    raise ValueError(f"no edge between samples {quiet} and {inside}")


def place(power: NDArray[Any], rate_hz: float, eye: tuple[float, float], search_us: float) -> tuple[float, float]:
    """Move a packet's edges, read by eye, to half of its own plateau's power.

    The plateau is the median of the mean power in eighths of the middle three quarters, so that keyed and OFDM packets
    have one. From the quietest sample within `search_us` of the edge read by eye the walk goes inwards to the first
    sample at half power: dips inside a packet cannot end it.

    Args:
        power: envelope.
        rate_hz: its rate.
        eye: start and stop read by eye, µs.
        search_us: how far from there the quietest sample is looked for.
    Returns:
        Start and stop, µs.
    """
    to_sample = rate_hz * 1e-6
    first, last = round(eye[0] * to_sample), round(eye[1] * to_sample)
    eighth = (last - first) // 8
    half = 0.5 * float(np.median([power[first + k * eighth : first + (k + 1) * eighth].mean() for k in range(1, 7)]))
    reach = max(1, round(search_us * to_sample))
    edges = []
    for edge in (first, last):
        low, high = max(0, edge - reach), min(len(power), edge + reach + 1)
        if (edge == first and edge <= 0) or (edge == last and edge >= len(power) - 1):
            edges.append(float(edge))  # on from before the recording, or until after it
            continue
        quiet = low + int(np.argmin(power[low:high]))
        edges.append(crossing(power, quiet, (first + last) // 2, half))
    return edges[0] / to_sample, edges[1] / to_sample


def table(folder: Path) -> str:
    """The truth as TOML text."""
    text = [HEAD]
    for name, recording in tomllib.loads(BY_EYE.read_text()).items():
        x, rate_hz = load(folder, name)
        length_us = len(x) / rate_hz * 1e6
        center_mhz = meta_of(folder, name)["captures"][0].get("core:frequency", 0.0) / 1e6
        text.append(f"\n[{name}]\nrate_hz = {rate_hz:.1f}\ncenter_mhz = {center_mhz}\nlength_us = {length_us:.2f}")
        text.append(f"note = {json.dumps(recording['note'])}\nbesides = {json.dumps(recording.get('besides', []))}")
        text.append("packets = [")
        eye_stop, stop = -1.0, 0.0
        powers: dict[float, NDArray[Any]] = {}
        for first, last, center_mhz, bandwidth_mhz, remark in recording["packets"]:
            if center_mhz not in powers:
                filter_mhz = recording.get("filter_mhz", 0.0)
                powers[center_mhz] = envelope(x, rate_hz, recording["smooth_us"], center_mhz, filter_mhz)
            power = powers[center_mhz]
            before = stop
            start, stop = place(power, rate_hz, (first, min(last, length_us)), recording["search_us"])
            if first == eye_stop:  # no gap: the level's step ends one and starts the other
                start = before
            eye_stop = last
            text.append(
                f"  {{ start_us = {start:.2f}, stop_us = {stop:.2f}, center_mhz = {center_mhz}, "
                f"bandwidth_mhz = {bandwidth_mhz}, remark = {json.dumps(remark)} }},"
            )
        text.append("]")
    return "\n".join(text) + "\n"


def draw(folder: Path, name: str, recording: dict[str, Any], window_us: float, target: Path) -> None:
    """One PNG a window: spectrogram above, envelope in dB of full scale, training-field correlation below."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    x, rate_hz = load(folder, name)
    envelope_db = 10 * np.log10(envelope(x, rate_hz, recording["smooth_us"], 0.0, 0.0) + 1e-12)
    lag = round(TRAINING_LAG_US * 1e-6 * rate_hz)
    same = np.zeros(len(x), np.complex128)
    same[:-lag] = x[lag:] * np.conj(x[:-lag])
    training = np.abs(smooth(same, 5 * lag)) / (smooth(np.abs(x) ** 2, 5 * lag) + 1e-9)
    n_fft = recording["picture_fft"]
    samples = min(len(x), round(window_us * 1e-6 * rate_hz)) if window_us else len(x)
    for number, first in enumerate(range(0, len(x), samples)):
        part = x[first : first + samples]
        if len(part) < 4 * n_fft:
            continue
        overlap = max(0, n_fft - max(4, len(part) // 3000))
        _, t, cells = signal.spectrogram(
            part, rate_hz, window="hann", nperseg=n_fft, noverlap=overlap, return_onesided=False, detrend=False
        )
        cells_db = 10 * np.log10(np.fft.fftshift(cells, axes=0) + 1e-30)
        high = np.percentile(cells_db, 99.8)
        start_us, at = first / rate_hz * 1e6, np.arange(first, first + len(part)) / rate_hz * 1e6
        figure, (top, middle, low) = plt.subplots(3, 1, figsize=(22, 11), sharex=True, height_ratios=[3, 3, 1])
        extent = (start_us + t[0] * 1e6, start_us + t[-1] * 1e6, -rate_hz / 2e6, rate_hz / 2e6)
        top.imshow(cells_db, aspect="auto", origin="lower", vmin=high - 60, vmax=high, extent=extent)
        middle.plot(at, envelope_db[first : first + len(part)], lw=0.6)
        middle.set_ylim(max(-90.0, float(envelope_db.min())), float(envelope_db.max()) + 2)
        low.plot(at, training[first : first + len(part)], lw=0.6)
        low.set_ylim(0, 1.1)
        for axes in (middle, low):
            axes.minorticks_on()
            axes.grid(which="both", alpha=0.4)
        top.set_title(f"{name}: MHz and dBFS over µs")
        figure.tight_layout()
        figure.savefig(target / f"{name}_{number:02d}.png", dpi=70)
        plt.close(figure)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with the SigMF pairs")
    commands = parser.add_subparsers(dest="command", required=True)
    pictures = commands.add_parser("pictures", help="draw what is to be looked at")
    pictures.add_argument("target", type=Path)
    pictures.add_argument("--recording", help="this one only")
    pictures.add_argument("--window-us", type=float, default=0.0, help="length of a picture; 0: the whole recording")
    commands.add_parser("table", help=f"write {TRUTH.name}")
    options = parser.parse_args()
    if options.command == "table":
        TRUTH.write_text(table(options.data))
        return
    options.target.mkdir(parents=True, exist_ok=True)
    for name, recording in tomllib.loads(BY_EYE.read_text()).items():
        if options.recording in (None, name):
            draw(options.data, name, recording, options.window_us, options.target)


if __name__ == "__main__":
    main()
