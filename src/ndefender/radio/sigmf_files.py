"""Where a SigMF recording's metadata and samples lie, and a reader of JSON tables that names file and field.

Reference: SigMF specification 1.2, non-conforming datasets and archives.
"""

from __future__ import annotations

import math
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from sigmf import keys

from ..errors import RecordingError

META, DATA, ARCHIVE = keys.SIGMF_METADATA_EXT, keys.SIGMF_DATASET_EXT, keys.SIGMF_ARCHIVE_EXT
MAX_META_BYTES = 256_000_000  # a metadata file beyond this is no metadata

Json = dict[str, object]


@dataclass(slots=True)
class Located:
    """Metadata and where the dataset lies."""

    meta_name: str
    meta: Json
    data_path: Path
    data_start: int
    data_bytes: int
    notes: list[str] = field(default_factory=list)


class Table:
    """One JSON object of the metadata; every complaint names file and field."""

    def __init__(self, name: str, values: Json, prefix: str = "") -> None:
        self.name = name
        self.values = values
        self.prefix = prefix

    def where(self, key: str) -> str:
        """File and dotted field."""
        return f"{self.name}: {self.prefix}{key}"

    def section(self, key: str) -> Table:
        """A nested object; RecordingError if it is none."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise RecordingError(f"{self.where(key)}: must be an object, is {_kind(value)}")
        return Table(self.name, value, f"{self.prefix}{key}.")

    def items(self, key: str) -> list[Table]:
        """A list of objects, empty if absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise RecordingError(f"{self.where(key)}: must be a list of objects, is {_kind(value)}")
        return [Table(self.name, item, f"{self.prefix}{key}[{i}].") for i, item in enumerate(value)]

    def text(self, key: str, *, required: bool = False) -> str:
        """A string, empty if absent and not required."""
        value = self.values.get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str):
            raise RecordingError(f"{self.where(key)}: must be text, is {_kind(value)}")
        return value

    def number(self, key: str) -> float | None:
        """A finite number, None if absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RecordingError(f"{self.where(key)}: must be a finite number, is {value!r}")
        return float(value)

    def integer(self, key: str, default: int = 0) -> int:
        """An integer of 0 or more."""
        value = self.values.get(key, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            raise RecordingError(f"{self.where(key)}: must be an integer of 0 or more, is {value!r}")
        return value


def _kind(value: object) -> str:
    return "missing" if value is None else type(value).__name__


def _parse(name: str, content: bytes) -> Json:
    try:
        meta = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise RecordingError(f"{name}: not valid JSON: {error}") from error
    if not isinstance(meta, dict):
        raise RecordingError(f"{name}: must hold a JSON object, holds {_kind(meta)}")
    return meta


def locate_pair(path: Path) -> Located:
    """Find the two files of a pair, or the one that `core:dataset` names beside the metadata."""
    base = path.with_suffix("") if path.suffix in (META, DATA) else path
    meta_path = base.with_name(base.name + META)
    try:
        if meta_path.stat().st_size > MAX_META_BYTES:
            raise RecordingError(f"{meta_path}: {meta_path.stat().st_size} bytes, more than {MAX_META_BYTES}")
        meta = _parse(str(meta_path), meta_path.read_bytes())
    except OSError as error:
        raise RecordingError(f"{meta_path}: {error.strerror}; a SigMF pair is NAME{META} and NAME{DATA}") from error
    info = Table(str(meta_path), meta).section("global")
    notes: list[str] = []
    data_path = base.with_name(base.name + DATA)
    dataset = info.text(keys.DATASET_KEY)
    if dataset:
        if Path(dataset).name != dataset or dataset in (".", ".."):
            raise RecordingError(f"{info.where(keys.DATASET_KEY)}: {dataset!r} must be a file name without a folder")
        data_path = base.with_name(dataset)
    if not data_path.is_file():
        if info.values.get(keys.METADATA_ONLY_KEY) is True:
            raise RecordingError(f"{info.where(keys.METADATA_ONLY_KEY)}: true, so there are no samples to read")
        raise RecordingError(f"{data_path}: no such file, but {meta_path.name} describes it")
    return Located(str(meta_path), meta, data_path, 0, data_path.stat().st_size, notes)


def locate_archive(path: Path) -> Located:
    """Find metadata and dataset inside an uncompressed archive; nothing is unpacked."""
    try:
        with tarfile.open(path, "r:") as archive:
            files = {member.name: member for member in archive.getmembers() if member.isreg()}
            metas = [name for name in files if name.endswith(META)]
            if len(metas) != 1:
                found = ", ".join(sorted(metas)) or "none"
                raise RecordingError(f"{path}: must hold exactly one {META} file, holds {len(metas)} ({found})")
            stream = archive.extractfile(files[metas[0]])
            content = stream.read(MAX_META_BYTES) if stream is not None else b""
    except (tarfile.TarError, EOFError) as error:
        raise RecordingError(f"{path}: not an uncompressed tar archive: {error}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    name = f"{path}/{metas[0]}"
    meta = _parse(name, content)
    info = Table(name, meta).section("global")
    folder, stem = metas[0].rpartition("/")[0], metas[0][: -len(META)]
    dataset = info.text(keys.DATASET_KEY)
    wanted = (f"{folder}/{dataset}" if folder else dataset) if dataset else stem + DATA
    member = files.get(wanted)
    if member is None:
        raise RecordingError(f"{path}: {wanted} is not in the archive (it has {', '.join(sorted(files))})")
    if member.issparse():
        raise RecordingError(f"{path}: {wanted} is stored sparse; only whole files can be read in place")
    return Located(name, meta, path, member.offset_data, member.size)
