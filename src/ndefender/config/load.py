"""From a TOML file and the environment to `Settings`: shape, then sense; all problems are reported together."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TypeGuard, get_args, get_origin

import msgspec

from ..errors import ConfigError
from .check import find_problems
from .settings import Settings

PREFIX = "NDEFENDER_"
LEVEL = "__"
SEARCH = (Path("config.toml"), Path("/etc/ndefender/config.toml"))
MASK = "***"
SECRETS = frozenset({"api_key"})

Raw = dict[str, object]


class ConfigProblems(ConfigError):
    """Everything that is wrong with a configuration. Reaction: as of `ConfigError`.

    Args:
        where: the file.
        problems: one for each setting, each with its own path and reason.
    """

    def __init__(self, where: str, problems: list[ConfigError]) -> None:
        lines = "".join(f"\n  {problem}" for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(where, count + lines)
        self.problems = tuple(problems)


def default_toml() -> bytes:
    """The built-in configuration file, as shipped.

    It lives inside the package so that an installed wheel has it; the `config.toml` at the top of the source tree is
    the same file for people to read and edit. A test holds the two equal, and both equal to the defaults of `Settings`:
    a build-time copy would leave an editable install without one.
    """
    return resources.files("ndefender.config").joinpath("default.toml").read_bytes()


def find_config(path: Path | None) -> Path | None:
    """The file to load: the given one, `./config.toml`, `/etc/ndefender/config.toml`; None for the built-in default."""
    if path is not None:
        return path
    return next((candidate for candidate in SEARCH if candidate.is_file()), None)


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Load, override, check.

    A file may leave out whatever it does not change. `plan` is taken as a whole: a file that defines any plan replaces
    the built-in ones. `NDEFENDER_RADIO__URI=ip:192.168.1.10` overrides `[radio] uri`: two underscores for each level;
    lists and tables are given as JSON.

    Args:
        path: the file, None to search for it (`find_config`).
        environ: the environment; every variable that begins with `NDEFENDER_` must name a setting.
    Raises:
        ConfigProblems: a `ConfigError` with one entry for every problem found.
    """
    chosen = find_config(path)
    where = "built-in default" if chosen is None else str(chosen)
    raw = _decode(default_toml() if chosen is None else _read(chosen), where)
    problems: list[ConfigError] = []
    for name in sorted(environ):
        if name.startswith(PREFIX):
            _override(raw, name, environ[name], problems)
    raw.setdefault("plan", _decode(default_toml(), "built-in default")["plan"])
    settings = _build(Settings, raw, "", problems)
    # settings that could not be read stand at their defaults here, so that the rest is checked in the same run
    unread = [problem.path for problem in problems]
    if {"plan", f"plan.{settings.scan.plan}"} & set(unread):
        unread.append("scan.plan")  # its plan is there, only not readable
    problems += [problem for problem in find_problems(settings) if not _concerns(problem.path, unread)]
    if problems:
        raise ConfigProblems(where, problems)
    return settings


def describe(settings: Settings) -> dict[str, object]:
    """The effective configuration as plain values, secrets masked; for `GET /config` and `check-config`."""
    masked = _mask(msgspec.to_builtins(settings))
    assert isinstance(masked, dict)
    return masked


def _concerns(path: str, unread: list[str]) -> bool:
    """Whether something at or below `path` could not be read, so that its value is not the operator's."""
    return any(other == path or other.startswith((f"{path}.", f"{path}[")) for other in unread)


def _mask(value: object) -> object:
    if isinstance(value, dict):
        return {key: MASK if key in SECRETS else _mask(inner) for key, inner in value.items()}
    return [_mask(inner) for inner in value] if isinstance(value, list) else value


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from error


def _decode(content: bytes, where: str) -> Raw:
    try:
        raw: Raw = msgspec.toml.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(where, f"not valid TOML: {error}") from error
    return raw


def _is_struct(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"unknown; did you mean {close[0]}?" if close else f"unknown; known here: {', '.join(known)}"


def _override(raw: Raw, name: str, text: str, problems: list[ConfigError]) -> None:
    """Put the value of one environment variable into the raw tables."""
    *tables, leaf = name[len(PREFIX) :].lower().split(LEVEL)
    struct: type[msgspec.Struct] = Settings
    place = raw
    for table in tables:
        kinds = {field.name: field.type for field in msgspec.structs.fields(struct)}
        kind = kinds.get(table)
        if not _is_struct(kind):
            problems.append(ConfigError(name, f"no table {table!r}: {_unknown(table, list(kinds))}"))
            return
        inner = place.setdefault(table, {})
        if not isinstance(inner, dict):
            return  # the file's own problem is reported where the table is read
        place, struct = inner, kind
    kinds = {field.name: field.type for field in msgspec.structs.fields(struct)}
    if leaf not in kinds:
        problems.append(ConfigError(name, _unknown(leaf, list(kinds))))
        return
    kind = kinds[leaf]
    if _is_struct(kind):
        problems.append(ConfigError(name, f"is a table; set {name}{LEVEL}NAME instead"))
        return
    try:
        if get_origin(kind) is None:
            place[leaf] = msgspec.convert(text, kind, strict=False)
        else:
            place[leaf] = msgspec.json.decode(text)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        problems.append(ConfigError(name, f"{text!r}: {error}"))


def _build(struct: type[msgspec.Struct], raw: object, path: str, problems: list[ConfigError]) -> Settings:
    built = _table(struct, raw, path, problems)
    assert isinstance(built, Settings)
    return built


def _table(struct: type[msgspec.Struct], raw: object, path: str, problems: list[ConfigError]) -> msgspec.Struct | None:
    """One table; None if a required field is missing or unusable. What fails stands at its default."""
    if not isinstance(raw, dict):
        problems.append(ConfigError(path, f"must be a table, is {type(raw).__name__}"))
        raw = {}
    prefix = f"{path}." if path else ""
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    problems.extend(ConfigError(f"{prefix}{key}", _unknown(key, list(fields))) for key in raw if key not in fields)
    values: Raw = {}
    complete = True
    for name, field in fields.items():
        if name not in raw:
            if field.required:
                problems.append(ConfigError(f"{prefix}{name}", "missing"))
                complete = False
            continue
        found = len(problems)
        value = _value(field.type, raw[name], f"{prefix}{name}", problems)
        if value is not None:
            values[name] = value
        complete = complete and not (field.required and len(problems) > found)
    return struct(**values) if complete else None


def _value(kind: object, raw: object, path: str, problems: list[ConfigError]) -> object:
    """One value of whatever type the field has; None if it is unusable."""
    if _is_struct(kind):
        return _table(kind, raw, path, problems)
    items = get_args(kind)
    if get_origin(kind) is dict and isinstance(raw, dict):
        values = {key: _value(items[1], inner, f"{path}.{key}", problems) for key, inner in raw.items()}
        return {key: value for key, value in values.items() if value is not None}
    if get_origin(kind) is list and isinstance(raw, list):
        listed = [_value(items[0], inner, f"{path}[{i}]", problems) for i, inner in enumerate(raw)]
        return [value for value in listed if value is not None]
    try:
        converted: object = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        shown = MASK if path.rpartition(".")[2] in SECRETS else repr(raw)
        problems.append(ConfigError(path, f"{shown}: {str(error)[0].lower()}{str(error)[1:]}"))
        return None
    return converted
