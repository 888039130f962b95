"""One physical waveform a file, written from its standard: formula, units, source; no detector's assumptions.

In: parameters of a scene's emitter. Out: complex base band of mean power 1 and the times of its bursts.
"""

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
from ndefender.radio.scene.waves.tone import FollowingTone, Tone
from ndefender.radio.scene.waves.wifi import Wifi
from ndefender.radio.scene.waves.wifi_b import WifiB
from ndefender.radio.scene.waves.wifi_wide import WifiWide
from ndefender.radio.scene.waves.zigbee import Zigbee

AnyEmitter = (
    FmVideo | Ocusync | Wifi | Bluetooth | BleAdvertiser | Lte | Elrs | GfskHopper | OokSensor | FskSensor | Zigbee
    | Tone | FollowingTone | NoiseBurst | DroneId | Hdzero | Walksnail | WifiB | WifiWide | Crossfire | LoraLink
    | OcusyncRemote | RcLink | Sik | Microwave | Radar
)  # fmt: skip

__all__ = ["AnyEmitter"]
