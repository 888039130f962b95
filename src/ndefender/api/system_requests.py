"""One Struct for every request body of the System Controller. Unknown fields are refused, typing errors with them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ndefender.errors import CommandRejected

SSID_BYTES = 32  # IEEE 802.11 §9.4.2.2
PASSPHRASE_CHARS = 64  # 63 characters of a passphrase, or 64 hexadecimal digits of a key (IEEE 802.11 annex J.4)
PIN_CHARS = 16  # Bluetooth Core, Vol. 3 Part C §3.2.3

# The length bounds what a pattern leaves open, here and below: `$` also matches before a newline at the end.
Ssid = Annotated[str, msgspec.Meta(min_length=1, max_length=SSID_BYTES, pattern=r"^[^\x00]*$")]
# An empty password is none. Which of the others will do depends on the network.
Password = Annotated[str, msgspec.Meta(max_length=PASSPHRASE_CHARS, pattern=r"^([^\x00]{8,63}|[0-9A-Fa-f]{64})?$")]
Pin = Annotated[str, msgspec.Meta(min_length=1, max_length=PIN_CHARS, pattern="^[!-~]*$")]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Address = Annotated[str, msgspec.Meta(min_length=17, max_length=17, pattern="^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$")]


class Mute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /audio/mute`."""

    muted: bool


class Volume(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /audio/volume`: 0..100 per cent."""

    volume_percent: Percent


class WifiConnect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /network/wifi/connect`. No password for an open network, or one that is stored; it is never told again."""

    ssid: Ssid
    password: Password | None = None
    hidden: bool = False

    def __post_init__(self) -> None:
        # No JSON schema can count bytes, so this is not a body that is wrong but a network that cannot be.
        size_bytes = len(self.ssid.encode())
        if size_bytes > SSID_BYTES:
            raise CommandRejected(
                404, "unknown_network", f"$.ssid: {size_bytes} bytes of UTF-8, no network has more than {SSID_BYTES}"
            )


class BluetoothPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /network/bluetooth/pair`: the PIN for devices that ask for one; it is never told again."""

    addr: Address
    pin: Pin | None = None


class BluetoothUnpair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /network/bluetooth/unpair`."""

    addr: Address
