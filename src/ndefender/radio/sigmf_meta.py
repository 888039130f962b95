"""What a SigMF recording says about itself, read into one frozen description; samples are not touched here.

Reference: SigMF specification 1.2 (global, captures, non-conforming datasets, archives).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import jsonschema
from sigmf import keys
from sigmf.error import SigMFError
from sigmf.validate import validate

from ..errors import RecordingError
from .sampleformat import SampleFormat, parse_format
from .sigmf_files import ARCHIVE, Located, Table, locate_archive, locate_pair
from .timestamp import parse_utc_ns

MAX_RATE_HZ = 1e12  # of the SigMF schema
SCHEMA_ITEMS = 100  # captures and annotations shown to the schema: it takes about a second for a few thousand
FULL_SCALE_KEY = "ndefender:full_scale"
SIMULATED_KEY = "ndefender:simulated"
BANDWIDTH_KEY = "ndefender:bandwidth_hz"
GAIN_KEY = "ndefender:gain_db"


@dataclass(frozen=True, slots=True)
class Segment:
    """One capture: contiguous samples at one tuning.

    Args:
        byte_start: of its first sample in the file that holds the samples.
        n_samples: whole samples that are really there.
        center_hz: None where the recording does not say.
        global_index: the recorder's own sample counter, None where absent.
        unix_ns: wall clock of the first sample, None where absent.
        bandwidth_hz, gain_db: as the recorder wrote them, None where absent.
    """

    byte_start: int
    n_samples: int
    center_hz: float | None
    global_index: int | None = None
    unix_ns: int | None = None
    bandwidth_hz: float | None = None
    gain_db: float | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything needed to read a recording.

    Args:
        path: as opened.
        data_path: file that holds the samples (the archive itself for an archive).
        data_start, data_bytes: where the dataset lies in it.
        fmt, rate_hz, channels: of every sample; channels are interleaved.
        segments: in file order, none empty.
        sha512: stated hash of the dataset, empty if not stated.
        hardware, description: free text.
        full_scale: stored value of digital full scale, None where not stated.
        simulated: the recorder said that the samples are not from the air.
        warnings: what is wrong with it but can be lived with.
    """

    path: Path
    data_path: Path
    data_start: int
    data_bytes: int
    fmt: SampleFormat
    rate_hz: float
    channels: int
    segments: tuple[Segment, ...]
    sha512: str = ""
    hardware: str = ""
    description: str = ""
    full_scale: float | None = None
    simulated: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def n_samples(self) -> int:
        """Samples of all segments together."""
        return sum(segment.n_samples for segment in self.segments)


def read_recording(path: Path) -> Recording:
    """Read the metadata of a SigMF pair or archive.

    Args:
        path: `.sigmf-meta`, `.sigmf-data`, `.sigmf`, or the common name of a pair.
    Raises:
        RecordingError: which file, which field, what is allowed.
    """
    located = locate_archive(path) if path.suffix == ARCHIVE else locate_pair(path)
    table = Table(located.meta_name, located.meta)
    notes = located.notes
    info = table.section("global")
    fmt = parse_format(info.text(keys.DATATYPE_KEY, required=True), info.where(keys.DATATYPE_KEY))
    if fmt.dtype.itemsize > 1 and "_" not in info.text(keys.DATATYPE_KEY):
        notes.append(f"{info.where(keys.DATATYPE_KEY)}: no byte order in {fmt.name[:-3]!r}, little endian assumed")
    rate_hz = info.number(keys.SAMPLE_RATE_KEY)
    if rate_hz is None:
        raise RecordingError(f"{info.where(keys.SAMPLE_RATE_KEY)}: missing; the rate of the samples is needed")
    if not 0.0 < rate_hz <= MAX_RATE_HZ:
        raise RecordingError(f"{info.where(keys.SAMPLE_RATE_KEY)}: {rate_hz:g} is outside 0 < rate <= {MAX_RATE_HZ:g}")
    channels = info.integer(keys.NUM_CHANNELS_KEY) or 1
    if channels < 1:
        raise RecordingError(f"{info.where(keys.NUM_CHANNELS_KEY)}: {channels} is below 1")
    if channels > 1:
        notes.append(f"{info.where(keys.NUM_CHANNELS_KEY)}: {channels} channels, only the first is read")
    segments = _segments(table, located, fmt.sample_bytes * channels, notes)
    notes.extend(_schema_notes(located))
    full_scale = info.number(FULL_SCALE_KEY)
    if full_scale is not None and full_scale < 1.0:  # above 32768: a small signal that was scaled up
        raise RecordingError(f"{info.where(FULL_SCALE_KEY)}: {full_scale:g} is below 1")
    return Recording(
        path=path,
        data_path=located.data_path,
        data_start=located.data_start,
        data_bytes=located.data_bytes,
        fmt=fmt,
        rate_hz=rate_hz,
        channels=channels,
        segments=segments,
        sha512=info.text(keys.SHA512_KEY).lower(),
        hardware=info.text(keys.HW_KEY),
        description=info.text(keys.DESCRIPTION_KEY),
        full_scale=full_scale,
        simulated=info.values.get(SIMULATED_KEY) is True,
        warnings=tuple(notes),
    )


def _segments(table: Table, located: Located, sample_bytes: int, notes: list[str]) -> tuple[Segment, ...]:
    """Lay captures over the bytes that are there. `sample_bytes` counts all channels."""
    info = table.section("global")
    first_index = info.integer(keys.OFFSET_KEY)
    usable_bytes = located.data_bytes - info.integer(keys.TRAILING_BYTES_KEY)
    captures = table.items("captures") or [Table(table.name, {}, "captures[0].")]
    starts = [capture.integer(keys.SAMPLE_START_KEY, first_index) - first_index for capture in captures]
    for i, (before, start) in enumerate(pairwise([0, *starts])):
        if start < before:
            limit = f"{before + first_index}, where {'the recording' if i == 0 else f'captures[{i - 1}]'} starts"
            raise RecordingError(f"{captures[i].where(keys.SAMPLE_START_KEY)}: {start + first_index} is below {limit}")
    if starts[0] > 0:
        notes.append(f"{captures[0].where(keys.SAMPLE_START_KEY)}: {starts[0]} samples before it are skipped")
    segments: list[Segment] = []
    header_bytes = 0
    for i, capture in enumerate(captures):
        header_bytes += capture.integer(keys.HEADER_BYTES_KEY)
        byte_start = header_bytes + starts[i] * sample_bytes
        room = max(usable_bytes - byte_start, 0)
        last = i + 1 == len(captures)
        n_samples = room // sample_bytes if last else min(starts[i + 1] - starts[i], room // sample_bytes)
        if last and room % sample_bytes:
            notes.append(f"{located.data_path}: {room % sample_bytes} odd bytes at the end, no whole sample: ignored")
        if not last and n_samples < starts[i + 1] - starts[i]:
            notes.append(f"{capture.where(keys.SAMPLE_START_KEY)}: the data ends {n_samples} samples into this capture")
        if n_samples:
            segments.append(_segment(capture, located.data_start + byte_start, n_samples, notes))
    if not segments:
        raise RecordingError(
            f"{located.data_path}: {located.data_bytes} bytes hold no whole sample of {sample_bytes} bytes"
        )
    blind = sum(segment.center_hz is None for segment in segments)
    if blind:
        place = f"in {blind} of {len(segments)} captures"
        notes.append(f"{table.name}: {keys.FREQUENCY_KEY} missing {place}: their frequencies are offsets from 0")
    return tuple(segments)


def _segment(capture: Table, byte_start: int, n_samples: int, notes: list[str]) -> Segment:
    has_index = capture.values.get(keys.GLOBAL_INDEX_KEY) is not None
    unix_ns = None
    stamp = capture.text(keys.DATETIME_KEY)
    if stamp:
        unix_ns = parse_utc_ns(stamp)
        if unix_ns is None:
            notes.append(f"{capture.where(keys.DATETIME_KEY)}: {stamp!r} is no ISO 8601 time, ignored")
    return Segment(
        byte_start=byte_start,
        n_samples=n_samples,
        center_hz=capture.number(keys.FREQUENCY_KEY),
        global_index=capture.integer(keys.GLOBAL_INDEX_KEY) if has_index else None,
        unix_ns=unix_ns,
        bandwidth_hz=capture.number(BANDWIDTH_KEY),
        gain_db=capture.number(GAIN_KEY),
    )


def _schema_notes(located: Located) -> list[str]:
    """Whatever else the SigMF schema objects to: nothing that reading needs, so it is only said."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # undeclared extensions: harmless to a reader
            validate({key: v[:SCHEMA_ITEMS] if isinstance(v, list) else v for key, v in located.meta.items()})
    except jsonschema.ValidationError as error:
        place = ".".join(str(part) for part in error.absolute_path) or "top level"
        return [f"{located.meta_name}: {place}: {error.message[:200]}"]
    except (SigMFError, KeyError) as error:
        return [f"{located.meta_name}: {error}"]
    return []
