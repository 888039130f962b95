"""Scenes as TOML: one `[scene]` table, one `[[emitter]]` table each; checked on reading, errors name file and field."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ndefender.errors import SceneError
from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Emitter
from ndefender.radio.scene.waves import AnyEmitter

MAX_SCENE_BYTES = 1 << 20
MAX_EMITTERS = 256


class Impairments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[scene.impairments]`: what a zero-IF receiver adds.

    Args:
        dc_dbfs: DC spike at the local oscillator.
        image_db: IQ image at the mirrored frequency, relative to the emission.
        phase_deg: phase of the image.
    """

    dc_dbfs: Annotated[float, Meta(ge=-200.0, le=-10.0)] = -62.0
    image_db: Annotated[float, Meta(ge=-200.0, le=-10.0)] = -50.0
    phase_deg: Annotated[float, Meta(ge=-360.0, le=360.0)] = 40.0


class SceneHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[scene]`: what holds for the whole scene.

    Args:
        name: shown to the operator.
        seed: of everything random.
        description: one line.
        noise_dbfs_hz: noise density at 40 dB gain, dB of full scale (|x| = 2048) per Hz. -132 is a noise figure of
            about 8 dB with full scale at -34 dBm.
        noise: `bank` recycles shaped noise at random places, `fresh` draws every sample.
        impairments: of the receiver.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    seed: Annotated[int, Meta(ge=0, le=(1 << 62))] = 1
    description: Annotated[str, Meta(max_length=400)] = ""
    noise_dbfs_hz: Annotated[float, Meta(ge=-250.0, le=-60.0)] = -132.0
    noise: Literal["bank", "fresh"] = "bank"
    impairments: Impairments = Impairments()


class SceneFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole scene file."""

    scene: SceneHeader
    emitter: Annotated[tuple[AnyEmitter, ...], Meta(max_length=MAX_EMITTERS)] = ()


@dataclass(frozen=True)
class Scene:
    """A checked scene.

    Args:
        source: name or path it came from.
        header: `[scene]`.
        emitters: in the file's order.
    """

    source: str
    header: SceneHeader
    emitters: tuple[Emitter, ...]

    @cached_property
    def dice(self) -> tuple[Dice, ...]:
        """Dice of each emitter."""
        seed = Dice(self.header.seed)
        return tuple(seed.fork(emitter.name) for emitter in self.emitters)


def builtin_scenes() -> tuple[str, ...]:
    """Return the names of the scenes that ship with the package, sorted."""
    folder = resources.files("ndefender.radio").joinpath("scenes")
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_scene(name_or_path: str | Path) -> Scene:
    """Read a built-in scene by name, or any scene file by path (anything with a suffix or a separator).

    Raises:
        SceneError: no such scene, not TOML, or a field outside its limits; the message names file and field.
    """
    source = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in source or source.endswith(".toml"):
        return parse_scene(_read(Path(name_or_path)), source)
    if source not in builtin_scenes():
        raise SceneError(f"{source}: no such scene; built-in are {', '.join(builtin_scenes())}, others by path")
    text = resources.files("ndefender.radio").joinpath("scenes", f"{source}.toml").read_text("utf-8")
    return parse_scene(text, source)


def parse_scene(text: str, source: str) -> Scene:
    """Check a scene's text.

    Args:
        text: TOML.
        source: for the messages.
    Raises:
        SceneError: names source, field and limit.
    """
    try:
        parsed = msgspec.convert(tomllib.loads(text), SceneFile)
    except tomllib.TOMLDecodeError as error:
        raise SceneError(f"{source}: not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SceneError(f"{source}: {error}") from error
    seen: set[str] = set()
    for i, emitter in enumerate(parsed.emitter):
        problem = f"name {emitter.name!r} is taken" if emitter.name in seen else emitter.problem()
        if problem:
            raise SceneError(f"{source}: $.emitter[{i}] ({emitter.name}): {problem}")
        seen.add(emitter.name)
    return Scene(source, parsed.scene, parsed.emitter)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_SCENE_BYTES:
            raise SceneError(f"{path}: {path.stat().st_size} bytes, a scene has at most {MAX_SCENE_BYTES}")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SceneError(f"{path}: cannot be read: {error}") from error
