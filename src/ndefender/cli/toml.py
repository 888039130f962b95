"""Settings as TOML text that reads back as the same settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import msgspec

from ndefender.config.settings import Settings

SECRETS = frozenset({"api_key"})
MASK = "***"


def to_toml(settings: Settings) -> str:
    """Write every setting, defaults included; secrets that are set show as `***`.

    Args:
        settings: valid settings: strings, numbers, booleans, lists of strings, tables.
    Returns:
        TOML text.
    """
    tree = msgspec.to_builtins(settings)
    return "\n".join(_table(tree, "")).strip() + "\n"


def _table(table: Mapping[str, object], path: str) -> Iterator[str]:
    """Plain values first: TOML gives every line after a header to that header."""
    below: list[tuple[str, object]] = []
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_tables(value):
            below.append((f"{path}.{_key(key)}" if path else _key(key), value))
        else:
            yield f"{_key(key)} = {_value(key, value)}"
    for name, value in below:
        if isinstance(value, Mapping):
            yield from ("", f"[{name}]")
            yield from _table(value, name)
        elif isinstance(value, list):
            for item in value:
                yield from ("", f"[[{name}]]")
                yield from _table(item, name)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else json.dumps(key, ensure_ascii=False)


def _value(key: str, value: object) -> str:
    """JSON's notation of strings, booleans, numbers and flat lists is TOML's too, except for a float's `1e+16`."""
    if key in SECRETS and value:
        value = MASK
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
