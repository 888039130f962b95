"""One row for each kind of emission that trials render: what it is, its settings, where it lives, how long one listens.

A setting that is a list is drawn from, one that is a pair of numbers is a range. The class is the generator's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from ndefender.radio.scene.emitter import Emitter
from ndefender.radio.scene.waves.ble import BleAdvertiser
from ndefender.radio.scene.waves.bluetooth import Bluetooth
from ndefender.radio.scene.waves.crossfire import Crossfire
from ndefender.radio.scene.waves.droneid import DroneId
from ndefender.radio.scene.waves.elrs import Elrs
from ndefender.radio.scene.waves.fhss import GfskHopper
from ndefender.radio.scene.waves.fm_video import FmVideo
from ndefender.radio.scene.waves.fpv_ofdm import Hdzero, Walksnail
from ndefender.radio.scene.waves.fsk import FskSensor
from ndefender.radio.scene.waves.lora_link import LoraLink
from ndefender.radio.scene.waves.lte import Lte
from ndefender.radio.scene.waves.microwave import Microwave
from ndefender.radio.scene.waves.noise_burst import NoiseBurst
from ndefender.radio.scene.waves.ocusync import Ocusync, OcusyncRemote
from ndefender.radio.scene.waves.ook import OokSensor
from ndefender.radio.scene.waves.radar import Radar
from ndefender.radio.scene.waves.rc_link import RcLink
from ndefender.radio.scene.waves.sik import Sik
from ndefender.radio.scene.waves.tone import Tone
from ndefender.radio.scene.waves.wifi import Wifi
from ndefender.radio.scene.waves.wifi_b import WifiB
from ndefender.radio.scene.waves.wifi_wide import WifiWide
from ndefender.radio.scene.waves.zigbee import Zigbee

FPV_HZ = (5658e6, 5695e6, 5732e6, 5769e6, 5800e6, 5843e6, 5880e6, 5917e6)
DJI_HZ = (2414.5e6, 2444.5e6, 2464.5e6, 5200e6, 5745e6, 5785e6, 5825e6)
WIFI_HZ = (2412e6, 2437e6, 2462e6, 5180e6, 5220e6, 5745e6, 5785e6, 5825e6)
WIFI_WIDE_HZ = (5190e6, 5230e6, 5755e6, 5795e6)
LTE_HZ = (806e6, 942.5e6, 1842.5e6, 2645e6)
NARROWEST_HZ = 30e3  # a carrier is as wide as what a bin resolves


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of emission.

    Args:
        name: of the row.
        emitter: its generator.
        centers_hz: carriers, or first channels, one of which is drawn.
        fields: of the generator.
        dwell_s: how long a hop listens there (`config.toml` has 10 ms where links hop, 5 ms elsewhere).
    """

    name: str
    emitter: type[Emitter]
    centers_hz: tuple[float, ...]
    fields: Mapping[str, object] = field(default_factory=dict)
    dwell_s: float = 0.010

    @property
    def label(self) -> str:
        """Class path of its truth, joined with `/`."""
        return "/".join(self.draw(np.random.default_rng(0), 0.0, -132.0).path)

    def draw(self, rng: Generator, snr_db: float, noise_dbfs_hz: float) -> Emitter:
        """Make one with settings and impairments of its own.

        Args:
            rng: draws them.
            snr_db: mean over its occupied bandwidth while it transmits.
            noise_dbfs_hz: of the scene.
        """
        chosen = {key: _drawn(value, rng) for key, value in self.fields.items()}
        impaired = {
            "cfo_hz": float(rng.uniform(-20.0, 20.0)) * 1e-6 * self.centers_hz[0] / 2.0,
            "phase_noise_dbc_hz": float(rng.uniform(-105.0, -85.0)),
            "delay_spread_s": float(rng.uniform(0.0, 100e-9)),
            "rician_k_db": float(rng.uniform(3.0, 15.0)),
            "fading_db": float(rng.uniform(0.0, 2.0)),
        }
        center_hz = float(rng.choice(self.centers_hz))
        probe = self.emitter(name=self.name, center_hz=center_hz, level_dbfs=-60.0, **chosen)
        level_dbfs = noise_dbfs_hz + 10.0 * np.log10(max(probe.occupied_hz, NARROWEST_HZ)) + snr_db
        return self.emitter(name=self.name, center_hz=center_hz, level_dbfs=float(level_dbfs), **chosen, **impaired)


def _drawn(value: object, rng: Generator) -> object:
    if isinstance(value, list):
        return value[rng.integers(len(value))]
    if isinstance(value, tuple) and len(value) == 2 and not isinstance(value[0], str):
        return float(rng.uniform(*value))
    return value


def _rc(protocol: str, center_hz: float = 2402e6) -> Kind:
    return Kind(protocol, RcLink, (center_hz,), {"protocol": protocol})


_PICTURE = {"picture": (0.2, 1.0), "colour": (0.1, 0.6)}
KINDS: tuple[Kind, ...] = (
    Kind("pal", FmVideo, FPV_HZ, {"standard": "pal", **_PICTURE}, 0.005),
    Kind("ntsc", FmVideo, FPV_HZ, {"standard": "ntsc", **_PICTURE}, 0.005),
    Kind("pal_audio", FmVideo, (*FPV_HZ, 1280e6), {"standard": "pal", **_PICTURE, "audio_hz": [(6.5e6,)]}, 0.005),
    Kind("ntsc_audio", FmVideo, (*FPV_HZ, 1200e6), {"standard": "ntsc", **_PICTURE, "audio_hz": [(6e6, 6.5e6)]}, 0.005),
    Kind("ocusync_10", Ocusync, DJI_HZ, {"bandwidth_mhz": 10}, 0.005),
    Kind("ocusync_20", Ocusync, DJI_HZ, {"bandwidth_mhz": 20}, 0.005),
    Kind("ocusync_40", Ocusync, (2444.5e6, 5785e6), {"bandwidth_mhz": 40}, 0.005),
    Kind("droneid", DroneId, DJI_HZ, {"symbols": [8, 9], "period_s": 0.64}, 0.005),
    Kind("ocusync_remote", OcusyncRemote, (2407e6, 5730e6), {"channels": 20}, 0.010),
    Kind("hdzero", Hdzero, FPV_HZ, {"bandwidth_mhz": [17, 27]}, 0.005),
    Kind("walksnail", Walksnail, FPV_HZ, {"bandwidth_mhz": [20, 40]}, 0.005),
    Kind("elrs_2g4", Elrs, (2400.4e6,), {"packet_hz": [500, 250, 150, 50]}),
    Kind("elrs_868", Elrs, (863.275e6,), {"domain": "EU868", "packet_hz": [200, 100, 50, 25]}),
    Kind("elrs_915", Elrs, (903.5e6,), {"domain": "FCC915", "packet_hz": [200, 100, 50, 25]}),
    Kind("crossfire_lora", Crossfire, (902.5e6,), {"frame_hz": 50, "band": "915"}),
    Kind("tracer", Crossfire, (2403e6,), {"frame_hz": 250, "band": "2G4"}),
    Kind("lora_link", LoraLink, (868.1e6, 433.2e6), {"spreading": [7, 8, 9], "period_s": 0.4}),
    Kind("crossfire_fsk", Crossfire, (860.2e6,), {"frame_hz": 150, "band": "868"}),
    Kind("sik", Sik, (915e6, 433.05e6), {"air_kbit": [64, 128], "channels": 10, "spacing_hz": 150e3}),
    Kind("elrs_flrc", Elrs, (2400.4e6,), {"packet_hz": [1000, 500], "mode": "flrc"}),
    Kind("accst", GfskHopper, (2405e6,)),
    *(_rc(name) for name in ("frsky_d8", "frsky_d16", "frsky_d16_lbt", "afhds_2a", "dsmx", "s_fhss", "fasst")),
    Kind("wifi_g", Wifi, WIFI_HZ, {"load": (0.2, 0.9)}, 0.005),
    Kind("wifi_n20", WifiWide, WIFI_HZ, {"phy": "n", "bandwidth_mhz": 20, "load": (0.2, 0.9)}, 0.005),
    Kind("wifi_n40", WifiWide, WIFI_WIDE_HZ, {"phy": "n", "bandwidth_mhz": 40, "load": (0.2, 0.9)}, 0.005),
    Kind("wifi_ac80", WifiWide, (5210e6, 5775e6), {"phy": "ac", "bandwidth_mhz": 80, "load": (0.2, 0.9)}, 0.005),
    Kind("wifi_ax20", WifiWide, WIFI_HZ, {"phy": "ax", "guard_ns": [800, 1600, 3200], "load": (0.2, 0.9)}, 0.005),
    Kind("wifi_b", WifiB, (2412e6, 2437e6, 2462e6), {"load": (0.2, 0.9)}),
    Kind("bluetooth", Bluetooth, (2402e6,)),
    Kind("ble", BleAdvertiser, (2402e6,), {"interval_s": 0.05}),
    Kind("zigbee", Zigbee, (2425e6, 2450e6, 2475e6), {"octets": [20, 60, 127]}),
    Kind("lte", Lte, LTE_HZ, {"bandwidth_mhz": [5, 10, 15, 20], "load": (0.2, 0.9)}, 0.005),
    Kind("ook_sensor", OokSensor, (433.92e6, 868.3e6), {"period_s": 0.6}),
    Kind("fsk_sensor", FskSensor, (868.95e6, 434.2e6, 915.5e6), {"period_s": 0.5}),
    Kind("tone", Tone, (870e6, 1150e6, 2440e6, 5750e6)),
    Kind("microwave", Microwave, (2450e6, 2458e6), {"mains_hz": [50, 60], "sweep_hz": (5e6, 15e6)}),
    Kind("radar", Radar, (5600e6, 5640e6), {"pulse_s": (0.8e-6, 5e-6), "rotation_s": 0.5}, 0.005),
    Kind("noise_burst", NoiseBurst, (2440e6, 5800e6), {"bandwidth_hz": (1e6, 12e6), "air_s": (0.3e-3, 3e-3)}, 0.005),
)
