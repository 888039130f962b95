"""The emulated radio as a child of the service: `emulate:SCENE` becomes an address on the loopback network."""

from __future__ import annotations

import logging
import time

from ndefender.errors import ConfigError, SceneError
from ndefender.radio.emulated import address
from ndefender.radio.emulated.server import EmulatedRadio
from ndefender.radio.scene import Renderer, load_scene
from ndefender.runtime.exits import EXIT_OK
from ndefender.runtime.mapping import EMULATE_SCHEME
from ndefender.runtime.process import Child

BEAT_S = 0.25

log = logging.getLogger(__name__)


def host_of(radio_uri: str) -> tuple[str, int]:
    """Split a libiio network address into host and port."""
    parts = radio_uri.split(":")
    return parts[1], int(parts[2]) if len(parts) > 2 else address.IIOD_PORT


def main(child: Child) -> int:
    """Entry of the emulator process."""
    settings = child.wiring.settings
    name = settings.radio.uri.removeprefix(EMULATE_SCHEME)
    try:
        scene = load_scene(name)
    except SceneError as error:
        raise ConfigError("radio.uri", str(error)) from error
    host, port = host_of(child.wiring.radio_uri)
    radio = EmulatedRadio(
        Renderer(scene),
        host,
        port,
        settings.radio.emulated_link_bytes_s,
        rates_hz=(settings.radio.rate_hz,),
    )
    radio.start()
    log.info("emulated radio with scene %s at %s (simulated)", name, radio.uri)
    try:
        while not child.stop.wait(BEAT_S):
            child.row.beat_ns = time.monotonic_ns()
    finally:
        radio.stop()
    return EXIT_OK
