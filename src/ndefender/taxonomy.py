"""What an emission can be called: class paths from certain to specific, and the analogue channel plan.

A class is a row; the classifier gives a row's index, the events carry its path.
Source of the channel tables: the published frequency tables of 5.8 GHz video transmitters.
"""

from __future__ import annotations

from typing import NamedTuple


class EmissionClass(NamedTuple):
    """One row of the taxonomy.

    Args:
        path: class path, certain first.
        hopping: whether an emitter of this class changes frequency from burst to burst.
        control: prior that it is a control link, 0..1.
    """

    path: tuple[str, ...]
    hopping: bool
    control: float


CLASSES: tuple[EmissionClass, ...] = (
    EmissionClass(("Unknown",), False, 0.0),
    EmissionClass(("Analog", "Video"), False, 0.0),
    EmissionClass(("Digital", "Video", "DJI"), False, 0.0),
    EmissionClass(("Digital", "DroneID", "DJI"), False, 0.0),
    EmissionClass(("Digital", "OFDM"), False, 0.0),
    EmissionClass(("Control", "LoRa", "ELRS"), True, 1.0),
    EmissionClass(("Control", "LoRa"), True, 0.8),
    EmissionClass(("Control", "FHSS"), True, 0.7),
    EmissionClass(("WiFi", "OFDM"), False, 0.0),
    EmissionClass(("WiFi", "DSSS"), False, 0.0),
    EmissionClass(("Bluetooth",), True, 0.0),
    EmissionClass(("Bluetooth", "LE"), True, 0.0),
    EmissionClass(("ZigBee",), False, 0.0),
    EmissionClass(("Cellular", "LTE"), False, 0.0),
    EmissionClass(("Interference", "ISM"), False, 0.0),
    EmissionClass(("Interference", "CW"), False, 0.0),
    EmissionClass(("Interference",), False, 0.0),
    EmissionClass(("Digital", "Video", "HDZero"), False, 0.0),
    EmissionClass(("Digital", "Video", "Walksnail"), False, 0.0),
    EmissionClass(("Control", "OFDM", "DJI"), True, 1.0),
    EmissionClass(("Interference", "Microwave"), False, 0.0),
    EmissionClass(("Interference", "Radar"), False, 0.0),
)
CLASS_ID: dict[tuple[str, ...], int] = {row.path: i for i, row in enumerate(CLASSES)}
UNKNOWN = CLASS_ID[("Unknown",)]


class Channel(NamedTuple):
    """One analogue video channel: band letter, band name of the class path, number, centre."""

    band: str
    band_name: str
    number: int
    center_hz: float

    @property
    def hint(self) -> str:
        """Name used in `pattern_hint`, for example ``raceband_r1``."""
        return f"{self.band_name.lower()}_{self.band.lower()}{self.number}"

    @property
    def label(self) -> str:
        """Last element of the class path, for example ``R1``."""
        return f"{self.band}{self.number}"


_BANDS_MHZ: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("A", "Boscam", (5865, 5845, 5825, 5805, 5785, 5765, 5745, 5725)),
    ("B", "Boscam", (5733, 5752, 5771, 5790, 5809, 5828, 5847, 5866)),
    ("E", "Boscam", (5705, 5685, 5665, 5645, 5885, 5905, 5925, 5945)),
    ("F", "FatShark", (5740, 5760, 5780, 5800, 5820, 5840, 5860, 5880)),
    ("R", "RaceBand", (5658, 5695, 5732, 5769, 5806, 5843, 5880, 5917)),
    ("L", "LowBand", (5362, 5399, 5436, 5473, 5510, 5547, 5584, 5621)),
)
CHANNELS: tuple[Channel, ...] = tuple(
    Channel(letter, name, i + 1, mhz * 1e6) for letter, name, row in _BANDS_MHZ for i, mhz in enumerate(row)
)
assert len(CHANNELS) <= 64  # one bit each in EMISSION.pattern_mask
