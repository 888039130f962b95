"""Scenes as files: what is refused, and that the message names file, field and limit; the built-in ones."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from air import scene

from ndefender.errors import SceneError
from ndefender.radio.scene import builtin_scenes, emitters, load_scene
from ndefender.radio.scene.load import MAX_SCENE_BYTES, parse_scene

HEAD = '[scene]\nname = "x"\n'
TONE = '[[emitter]]\nkind = "tone"\nname = "t"\ncenter_hz = 1e9\nlevel_dbfs = -20\n'
HOPPERS = {"headset", "ExpressLRS 250 Hz"}


def test_the_built_in_scenes_are_those_of_the_manual() -> None:
    assert builtin_scenes() == ("controls", "interference", "noise", "quiet", "tone", "urban", "video")
    for name in builtin_scenes():
        assert load_scene(name).header.name == name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + TONE + "colour = 3\n", ["unknown field `colour`", "$.emitter[0]"]),
        (HEAD + TONE.replace("-20", "3"), ["<= 0", "$.emitter[0].level_dbfs"]),
        (HEAD + TONE.replace('"tone"', '"sonar"'), ["sonar", "$.emitter[0].kind"]),
        (HEAD + TONE.replace("center_hz = 1e9\n", ""), ["missing required field `center_hz`"]),
        (HEAD + TONE + TONE, ["$.emitter[1]", "taken"]),
        (HEAD + TONE + "start_s = 2.0\nstop_s = 1.0\n", ["$.emitter[0]", "stop_s 1.0 is not after start_s 2.0"]),
        (HEAD + TONE.replace("center_hz", "center_hz = 1e9\ncenter_hz"), ["not TOML"]),
        ("", ["missing required field `scene`"]),
        (HEAD + "volume = 11\n", ["unknown field `volume`", "$.scene"]),
        (HEAD + 'noise = "pink"\n', ["pink", "$.scene.noise"]),
    ],
)
def test_what_is_wrong_is_named(text: str, says: list[str]) -> None:
    with pytest.raises(SceneError) as caught:
        parse_scene(text, "field.toml")
    for part in ["field.toml", *says]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("emitter", "says"),
    [
        ('kind = "elrs"\ncenter_hz = 2400.4e6\nlevel_dbfs = -40\npacket_hz = 200', "[50, 150, 250, 500]"),
        ('kind = "elrs"\ncenter_hz = 868e6\nlevel_dbfs = -40', "2400400000"),
        ('kind = "ook_sensor"\ncenter_hz = 433.92e6\nlevel_dbfs = -40\nperiod_s = 1.0\nrepeats = 16', "period_s 1.0"),
        (
            'kind = "fsk_sensor"\ncenter_hz = 868.95e6\nlevel_dbfs = -40\nperiod_s = 0.1\nsymbol_hz = 2e3',
            "period_s 0.1",
        ),
        ('kind = "gfsk_fhss"\ncenter_hz = 2.4e9\nlevel_dbfs = -40\nperiod_s = 0.003', "air_s"),
        ('kind = "bluetooth"\ncenter_hz = 2.402e9\nlevel_dbfs = -40\navoid = [30, 90]', "avoid"),
        ('kind = "noise_burst"\ncenter_hz = 2.4e9\nlevel_dbfs = -40\nbandwidth_hz = 1e6\nperiod_s = 0.001', "air_s"),
    ],
)
def test_fields_that_contradict_each_other_are_named(emitter: str, says: str) -> None:
    with pytest.raises(SceneError, match="emitter"):
        scene(emitter)
    try:
        scene(emitter)
    except SceneError as error:
        assert says in str(error)


def test_a_scene_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + TONE)
    assert load_scene(path).emitters[0].name == "t"
    assert load_scene(str(path)) == load_scene(path)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"gone\.toml: cannot be read"):
        load_scene(tmp_path / "gone.toml")
    with pytest.raises(SceneError, match="built-in are controls, interference, noise, quiet"):
        load_scene("suburban")
    large = tmp_path / "large.toml"
    large.write_text("#" * (MAX_SCENE_BYTES + 1))
    with pytest.raises(SceneError, match="at most"):
        load_scene(large)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SceneError, match="cannot be read"):
        load_scene(binary)


@pytest.mark.parametrize("name", ["urban", "quiet", "controls", "video", "interference"])
def test_levels_are_those_of_a_real_evening(name: str) -> None:
    for row in emitters(load_scene(name)):
        if row.bandwidth_hz == 0.0:
            continue  # a carrier has no bandwidth to have an SNR in
        assert 12.0 <= row.snr_db <= 35.0, row


def test_nothing_in_the_urban_scene_overlaps_but_hoppers_and_wifi() -> None:
    rows = emitters(load_scene("urban"))
    assert len(rows) == 7
    for a, b in itertools.combinations(rows, 2):
        if {a.name, b.name} & HOPPERS:
            continue
        assert a.high_hz < b.low_hz or b.high_hz < a.low_hz, (a.name, b.name)
    lte = next(row for row in rows if row.class_path == ("Cellular", "LTE"))
    assert lte.low_hz < 928e6 < lte.high_hz


def test_a_scene_without_drones_has_none_and_the_others_show_each_kind_of_drone() -> None:
    drones = ("Analog", "Video"), ("Digital", "Video"), ("Digital", "DroneID"), ("Control",)

    def kinds(name: str) -> set[tuple[str, ...]]:
        paths = [row.class_path for row in emitters(load_scene(name))]
        return {drone for drone in drones for path in paths if path[: len(drone)] == drone}

    assert kinds("interference") == set()
    assert kinds("controls") == {("Control",)}
    assert kinds("video") == {("Analog", "Video"), ("Digital", "Video"), ("Digital", "DroneID")}
