"""Servers that several contract tests share."""

from collections.abc import Iterator

import pytest
from scan_fake import KEY, UNLIMITED, Server


@pytest.fixture(scope="session")
def open_server() -> Iterator[Server]:
    """No key, no command limits."""
    with Server(max_body_bytes=4096, event_buffer=100, spectrum_fps=50.0, **UNLIMITED) as server:
        yield server


@pytest.fixture(scope="session")
def keyed_server() -> Iterator[Server]:
    """A key, allow-lists, and the default command limits of a frozen clock."""
    with Server(
        api_key=KEY,
        allowed_origins=["https://console.example"],
        allowed_hosts=["radio.example"],
        clock_stands_still=True,
    ) as server:
        yield server
