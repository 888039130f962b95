"""`ndefender emulate`."""

from __future__ import annotations

from pathlib import Path

import click

from ndefender.errors import SourceUnavailable
from ndefender.ingest.emulated.main import run as run_panel
from ndefender.ingest.emulated.panel import Panel
from ndefender.radio.emulated.main import run
from ndefender.radio.scene import load_scene
from ndefender.radio.scene.level import video_rssi


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


@command.command("esp32")
@click.option(
    "--scene", default="urban", show_default=True, help="What its receivers hear: a built-in scene or a file."
)
@click.option("--link", type=click.Path(path_type=Path), help="Symbolic link to its device, made anew at each replug.")
@click.option(
    "--period-s", type=click.FloatRange(0.01, 60), default=1.0, show_default=True, help="Period of its telemetry."
)
@click.option("--older", is_flag=True, help="Firmware without `data` in answers, `seq` and `fw_version`.")
@click.option(
    "--control", is_flag=True, help="Take faults from standard input: unplug, replug, reset, mute, garbage N, …"
)
def esp32(scene: str, link: Path | None, period_s: float, older: bool, control: bool) -> None:
    """Be an ESP32 panel on a pseudo-terminal: three video receivers, a video switch, three LEDs.

    Prints the device, for `port` in `[esp32]`. Whoever reads it is told that it is simulated.
    """
    try:
        panel = Panel(video_rssi(load_scene(scene)), link=link, period_s=period_s, older=older)
        run_panel(panel, control=control)
    except OSError as error:
        raise SourceUnavailable(f"cannot make the panel's device: {error.strerror} {error.filename or ''}") from error
