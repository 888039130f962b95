"""The file of labels: atomic, and never overwritten when it cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ndefender.state.labels import LabelEntry, LabelStore, LabelsUnavailable

LABELS = {
    "rf:1": LabelEntry(label="hostile", note="\N{SNOWMAN}", set_ms=5),
    "rid:A": LabelEntry(note="only a note", set_ms=6),
}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "made" / "labels.json"
    store = LabelStore(path)
    assert store.load() == {}
    assert store.trouble is None
    store.save(LABELS, 1)
    assert LabelStore(path).load() == LABELS
    assert [item.name for item in path.parent.iterdir()] == ["labels.json"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_older_revision_does_not_replace_a_newer(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels.json")
    store.save(LABELS, 2)
    store.save({}, 1)
    assert store.load() == LABELS


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"version":1,"labels":{"rf:1":{"label":"pink"}}}', b"[" * 100_000],
)
def test_a_corrupt_file_is_set_aside_and_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.json"
    for number in (1, 2):
        path.write_bytes(content)
        store = LabelStore(path)
        assert store.load() == {}
        assert store.trouble is not None
        assert f"labels.json.corrupt-{number}" in store.trouble
        assert (tmp_path / f"labels.json.corrupt-{number}").read_bytes() == content
        assert not path.exists()
    store.save(LABELS, 1)
    assert store.load() == LABELS
    assert store.trouble is None


def test_what_cannot_be_read_is_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.mkdir()
    store = LabelStore(path)
    assert store.load() == {}
    assert store.trouble is not None
    assert "Is a directory" in store.trouble
    store.save(LABELS, 1)
    assert store.load() == LABELS


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LabelStore(tmp_path / "labels.json")
    store.save(LABELS, 1)

    def no_space(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", no_space)
        with pytest.raises(LabelsUnavailable, match="No space left"):
            store.save({}, 2)
    assert store.load() == LABELS
    assert [item.name for item in tmp_path.iterdir()] == ["labels.json"]
    store.save({}, 2)
    assert store.load() == {}
