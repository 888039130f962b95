"""`ndefender record`: the radio, to a SigMF pair."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from ndefender.cli.options import config_option, environment
from ndefender.config.load import load_settings
from ndefender.config.settings import RadioSettings
from ndefender.errors import SourceUnavailable
from ndefender.radio.antsdr import AntSdr
from ndefender.radio.emulated.server import EmulatedRadio
from ndefender.radio.record import record
from ndefender.radio.scene.load import load_scene
from ndefender.radio.scene.render import Renderer
from ndefender.radio.source import GainMode, Source, Tuning
from ndefender.radio.writer import SAMPLE_BYTES

BURST_S = 0.02  # what every AntSDR holds in one buffer at its full rate
CUT_SHORT = {"lost": "the radio was lost", "timeout": "the radio gave no more samples"}
GAIN_MODES: tuple[GainMode, ...] = ("manual", "slow_attack", "fast_attack")


@contextmanager
def radio_source(settings: RadioSettings) -> Iterator[Source]:
    """The radio of the settings; an emulated one is started for it and stopped with it.

    Raises:
        SourceUnavailable: a recording, which is one already.
    """
    kind, _, rest = settings.uri.partition(":")
    if kind == "file":
        raise SourceUnavailable(f"radio.uri {settings.uri}: that is a recording already")
    if kind != "emulate":
        yield AntSdr(settings.uri, settings.settle_s, settings.timeout_s)
        return
    emulator = EmulatedRadio(
        Renderer(load_scene(rest)), port=0, link_bytes_s=settings.emulated_link_bytes_s, rates_hz=(settings.rate_hz,)
    )
    emulator.start()
    try:
        yield AntSdr(emulator.uri, settings.settle_s, settings.timeout_s)
    finally:
        emulator.stop()


@click.command("record")
@click.argument("name", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--center-hz", type=float, required=True, help="Local oscillator.")
@click.option("--duration-s", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--uri", help="Another radio than radio.uri: ip:HOST, usb:…, emulate:SCENE.")
@click.option("--rate-hz", type=float, help="Another sample rate than radio.rate_hz.")
@click.option("--bandwidth-hz", type=float, help="Another analogue filter than radio.bandwidth_hz.")
@click.option("--gain-db", type=float, default=40.0, show_default=True, help="For --gain-mode manual.")
@click.option("--gain-mode", type=click.Choice(GAIN_MODES), help="Another mode than radio.gain_mode.")
@click.option("--rx-port", default="", help="Antenna port; nothing leaves it as it is.")
@click.option("--overwrite", is_flag=True, help="Replace a recording of that name.")
@config_option
def command(
    name: Path,
    center_hz: float,
    duration_s: float,
    uri: str | None,
    rate_hz: float | None,
    bandwidth_hz: float | None,
    gain_db: float,
    gain_mode: GainMode | None,
    rx_port: str,
    overwrite: bool,
    config: Path | None,
) -> None:
    """Record the radio at one frequency to NAME.sigmf-data and NAME.sigmf-meta.

    Faster than the link, a radio gives bursts; every burst then is a SigMF capture of its own. Ctrl-C ends early and
    keeps what is there. Samples of an emulated radio are marked as simulated.
    """
    radio = load_settings(config, environment()).radio
    rate_hz = rate_hz or radio.rate_hz
    radio = RadioSettings(
        uri=uri or radio.uri,
        rate_hz=rate_hz,
        bandwidth_hz=min(bandwidth_hz or radio.bandwidth_hz, rate_hz),
        gain_mode=gain_mode or radio.gain_mode,
        settle_s=radio.settle_s,
        timeout_s=radio.timeout_s,
        emulated_link_bytes_s=radio.emulated_link_bytes_s,
    )
    tuning = Tuning(
        center_hz=center_hz,
        rate_hz=rate_hz,
        bandwidth_hz=radio.bandwidth_hz,
        gain_mode=msgspec.convert(radio.gain_mode, GainMode),
        gain_db=gain_db,
        rx_port=rx_port,
        dwell_samples=max(round(min(BURST_S, duration_s) * rate_hz), 1),
    )
    max_bytes = max(round(duration_s * rate_hz), 1) * SAMPLE_BYTES
    with radio_source(radio) as source:
        report = record(source, tuning, duration_s, name, max_bytes, timeout_s=radio.timeout_s, overwrite=overwrite)
    click.echo(f"{report.meta_path}: {report.n_samples} samples in {report.n_captures} captures", err=True)
    if report.ended_by in CUT_SHORT:
        raise SourceUnavailable(f"{radio.uri}: {CUT_SHORT[report.ended_by]}; what came before is kept")
