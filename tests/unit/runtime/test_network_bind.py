"""An API that anybody on the network may use is not opened in silence."""

from __future__ import annotations

import logging
import socket
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from ndefender.config.settings import Settings
from ndefender.runtime.run import APIS, _announce

TABLES = [table for _, table, _ in APIS]


def announced(caplog: pytest.LogCaptureFixture, table: str, **api: object) -> list[str]:
    """Warnings of a start with one API's table changed."""
    settings = Settings()
    changed = msgspec.structs.replace(getattr(settings, table), **api)
    settings = msgspec.structs.replace(settings, **{table: changed})
    caplog.set_level(logging.INFO)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listeners: Any = SimpleNamespace(**{name: listener for name, _, _ in APIS})
        _announce(settings, listeners)
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "box.example"])
def test_an_open_network_bind_is_said_loudly(caplog: pytest.LogCaptureFixture, table: str, host: str) -> None:
    (warning,) = announced(caplog, table, host=host)
    assert "WITHOUT A KEY" in warning
    assert f"{table}.api_key" in warning


@pytest.mark.parametrize("table", TABLES)
def test_with_a_key_or_on_loopback_there_is_nothing_to_say(caplog: pytest.LogCaptureFixture, table: str) -> None:
    assert announced(caplog, table, host="0.0.0.0", api_key="k" * 32) == []
    assert announced(caplog, table, host="127.0.0.1") == []
    assert announced(caplog, table, host="::1") == []
