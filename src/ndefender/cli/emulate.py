"""`ndefender emulate`."""

from __future__ import annotations

import click

from ndefender.errors import SourceUnavailable
from ndefender.radio.emulated.main import run


@click.group("emulate")
def command() -> None:
    """Stand in for a device."""


@command.command("radio")
@click.option("--scene", default="urban", show_default=True, help="Name of a built-in scene, or a TOML file.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=30431, show_default=True, help="0: any free one.")
@click.option(
    "--link-bytes-s", type=click.FloatRange(min=1e6), default=60e6, show_default=True, help="What the network carries."
)
@click.option(
    "--retune-s", type=click.FloatRange(0, 1), default=0.001, show_default=True, help="How long a change of LO takes."
)
def radio(scene: str, host: str, port: int, link_bytes_s: float, retune_s: float) -> None:
    """Serve a simulated scene as an AntSDR would: libiio's network protocol, an AD9361's attributes and timing.

    Try `iio_info -u ip:127.0.0.1`. Whoever reads it is told that it is simulated.
    """
    try:
        run(scene, host, port, link_bytes_s, retune_s)
    except OSError as error:
        raise SourceUnavailable(f"cannot listen on {host}:{port}: {error.strerror}") from error
