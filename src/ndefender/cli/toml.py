"""Plain values as TOML text that reads back as the same values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping


def to_toml(tree: Mapping[str, object]) -> str:
    """Write a configuration, tables after the plain values of the table they are in.

    Args:
        tree: strings, finite numbers, booleans, lists of these, tables, lists of tables.
    Returns:
        TOML text.
    """
    return "\n".join(_table(tree, "")).strip() + "\n"


def _table(table: Mapping[str, object], path: str) -> Iterator[str]:
    """Plain values first: TOML gives every line after a header to that header."""
    below: list[tuple[str, object]] = []
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_tables(value):
            below.append((f"{path}.{_key(key)}" if path else _key(key), value))
        else:
            yield f"{_key(key)} = {_json(value)}"
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
    return key if bare else _json(key)


def _json(value: object) -> str:
    """JSON's notation of strings, booleans, numbers and flat lists is TOML's too, but for DEL, which TOML escapes."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
