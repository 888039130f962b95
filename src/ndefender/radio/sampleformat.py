"""Sample formats of I/Q files and their conversion to int16, the only format behind a source.

Integers are scaled exactly (a shift), floats and 32-bit integers by one factor for the whole file.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingError

INT16_FULL_SCALE = 32768.0
FLOAT_SCALE = 32767.0  # not 32768: +1.0 must fit into int16
BOOST_BELOW = 0.25  # a file that stays below this is scaled up, so that at least 14 of 16 bits are used
CHUNK_SAMPLES = 1 << 17  # 1 MiB of cf32: large enough to amortise numpy's calls, small enough to stay in cache

_NAME = re.compile(r"^(c|r)(f64|f32|i32|i16|i8|u32|u16|u8)(?:_(le|be))?$")
_ALIASES = {
    "cs8": "ci8",
    "sc8": "ci8",
    "cs16": "ci16_le",
    "sc16": "ci16_le",
    "cs32": "ci32_le",
    "sc32": "ci32_le",
    "fc32": "cf32_le",
    "fc64": "cf64_le",
    "complex64": "cf32_le",
    "complex128": "cf64_le",
}
NAMES = "cf64 cf32 ci32 ci16 ci8 cu32 cu16 cu8, with _le (assumed) or _be"


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """How one complex sample is stored.

    Args:
        name: canonical SigMF datatype (`ci16_le`).
        dtype: numpy type of one component, byte order included.
        wide: more range than int16 has (floats, 32-bit integers): needs a scale found from the file's peak.
    """

    name: str
    dtype: np.dtype[np.generic]
    wide: bool

    @property
    def sample_bytes(self) -> int:
        """Bytes of one complex sample."""
        return 2 * self.dtype.itemsize

    @property
    def unit(self) -> float:
        """Stored value of digital full scale, 1.0 for floats."""
        return 1.0 if self.dtype.kind == "f" else float(2 ** (8 * self.dtype.itemsize - 1))


@dataclass(frozen=True, slots=True)
class Scaling:
    """How stored values become int16.

    Args:
        factor: int16 per stored unit; only wide formats use it, the others shift.
        full_scale: int16 value of digital full scale; beyond int16 where a small signal was scaled up.
        rail_low, rail_high: int16 values at and beyond which a sample counts as clipped.
        arbitrary: the file's amplitude scale is not referred to full scale; its maximum is taken for it.
    """

    factor: float
    full_scale: float
    rail_low: int
    rail_high: int
    arbitrary: bool = False


@dataclass(frozen=True, slots=True)
class Peak:
    """What a pass over a wide file found.

    Args:
        value: largest finite magnitude of I or Q, in units of digital full scale.
        bad_samples: samples with a NaN or an infinity.
    """

    value: float
    bad_samples: int


def parse_format(text: str, where: str) -> SampleFormat:
    """Understand a datatype name.

    Args:
        text: SigMF datatype or a usual alias (`cs16`, `fc32`, `complex64`), case ignored.
        where: file and field, for the error.
    Raises:
        RecordingError: unknown, or real-valued samples.
    """
    lowered = text.strip().lower()
    match = _NAME.match(_ALIASES.get(lowered, lowered))
    if match is None:
        raise RecordingError(f"{where}: datatype {text!r} is unknown; allowed: {NAMES}")
    domain, kind, order = match.groups()
    if domain == "r":
        raise RecordingError(
            f"{where}: datatype {text!r} holds real samples; only complex I/Q can be used (allowed: {NAMES})"
        )
    size = int(kind[1:]) // 8
    big = order == "be" and size > 1
    name = f"c{kind}" if size == 1 else f"c{kind}_{'be' if big else 'le'}"
    return SampleFormat(name, np.dtype(f"{'>' if big else '<'}{kind[0]}{size}"), kind[0] == "f" or size == 4)


def pairs(raw: NDArray[np.uint8], fmt: SampleFormat) -> NDArray[np.generic]:
    """View bytes (a multiple of the sample size) as components, shape (n, 2)."""
    return raw.view(fmt.dtype).reshape(-1, 2)


def _as_float(stored: NDArray[np.generic], fmt: SampleFormat) -> NDArray[np.floating]:
    """Floats in stored units; 32-bit integers become f8 (exact), offset binary is centred."""
    if fmt.dtype.kind == "f":
        native: NDArray[np.floating] = stored.astype(fmt.dtype.newbyteorder("="), copy=False)
        return native
    values = stored.astype(np.float64)
    if fmt.dtype.kind == "u":
        values -= fmt.unit
    return values


def measure(stored: NDArray[np.generic], fmt: SampleFormat, before: Peak) -> Peak:
    """Carry peak and count of bad samples over one more chunk of a wide format, shape (n, 2)."""
    if stored.shape[0] == 0:
        return before
    values = _as_float(stored, fmt)
    top = float(np.max(np.abs(values)))
    bad = 0
    if not math.isfinite(top):
        finite = np.isfinite(values).all(axis=1)
        bad = int(values.shape[0] - np.count_nonzero(finite))
        top = float(np.max(np.abs(values[finite]), initial=0.0))
    return Peak(max(before.value, top / fmt.unit), before.bad_samples + bad)


def choose_scaling(fmt: SampleFormat, peak: Peak, stated_full_scale: float | None = None) -> Scaling:
    """Decide how a file's samples become int16.

    Args:
        fmt: the file's format.
        peak: what `measure` found; ignored for formats of 16 bits and less.
        stated_full_scale: stored value of full scale where the recorder wrote it down (ci16 of a 12-bit radio: 2048).
    """
    if not fmt.wide:
        full_scale = (fmt.name.startswith("ci16") and stated_full_scale) or INT16_FULL_SCALE
        high = {"ci8": 127 << 8, "cu8": 255 << 7}.get(fmt.name, int(full_scale) - 1)
        return Scaling(1.0, full_scale, -high, high)
    never = int(INT16_FULL_SCALE)  # no int16 reaches it
    if peak.value > 1.0:
        return Scaling(FLOAT_SCALE / peak.value / fmt.unit, FLOAT_SCALE, -never - 1, never, arbitrary=True)
    if 0.0 < peak.value < BOOST_BELOW:
        # a power of two (exact) that brings the peak to 0.5..1; 2^1000 bounds what a file of denormals may ask for
        boost = math.ldexp(1.0, min(-math.frexp(peak.value)[1], 1000))
        return Scaling(FLOAT_SCALE * boost / fmt.unit, FLOAT_SCALE * boost, -never - 1, never)
    rail = int(FLOAT_SCALE) - 1
    return Scaling(FLOAT_SCALE / fmt.unit, FLOAT_SCALE, -rail, rail)


def _convert_wide(stored: NDArray[np.generic], fmt: SampleFormat, scaling: Scaling, out: NDArray[np.int16]) -> None:
    for start in range(0, stored.shape[0], CHUNK_SAMPLES):
        values = _as_float(stored[start : start + CHUNK_SAMPLES], fmt)
        # f4 is enough unless the factor itself leaves f4's range (files in volts times 1e-38, or counts of 1e38)
        wide = values.dtype == np.float32 and 1e-30 < scaling.factor < 1e30
        scaled = values * (np.float32(scaling.factor) if wide else np.float64(scaling.factor))
        finite = np.isfinite(scaled)
        if not finite.all():
            scaled[~finite.all(axis=1)] = 0.0
        np.rint(scaled, out=scaled)
        out[start : start + scaled.shape[0]] = scaled


def convert(stored: NDArray[np.generic], fmt: SampleFormat, scaling: Scaling, out: NDArray[np.int16]) -> int:
    """Convert one block to int16.

    Args:
        stored: components as stored, shape (n, 2).
        out: int16, shape (n, 2).
    Returns:
        samples at or beyond full scale in I or Q.
    """
    if fmt.wide:
        _convert_wide(stored, fmt, scaling, out)
    elif fmt.name == "ci8":
        np.left_shift(stored.astype(np.int16), 8, out=out)
    elif fmt.name == "cu8":
        # (2x - 255) * 128: the exact centre of the converter's steps, not 128 of 256
        centred = (stored.astype(np.uint8) ^ np.uint8(0x80)).view(np.int8)
        np.left_shift(centred.astype(np.int16), 8, out=out)
        out += 128
    elif fmt.dtype.kind == "u":
        out[:] = (stored.astype(np.uint16) ^ np.uint16(0x8000)).view(np.int16)  # offset binary: x - 32768
    else:
        out[:] = stored
    if not out.size or (out.max() < scaling.rail_high and out.min() > scaling.rail_low):
        return 0
    return int(np.count_nonzero(((out >= scaling.rail_high) | (out <= scaling.rail_low)).any(axis=1)))
