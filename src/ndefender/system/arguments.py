"""Arguments of the commands: their types and limits, what they are about, and which of them are secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from ndefender.errors import CommandRejected
from ndefender.system.audit import without
from ndefender.system.bounded import plain

# `\Z`, not `$`, which also lets a newline follow.
BLUETOOTH_ADDRESS = r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}\Z"
MAX_SSID_BYTES = 32  # IEEE 802.11-2020 §9.4.2.2
MAX_PASSPHRASE_CHARS = 63  # IEEE 802.11-2020 §J.4.1; 64 hexadecimal digits are the key itself
KEY_DIGITS = 64
MIN_PASSPHRASE_CHARS = 8


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments, and what all have."""

    @property
    def target(self) -> str | None:
        """What the command is done to, as acknowledgements and the audit name it."""
        return None

    @property
    def public_target(self) -> str | None:
        """The target as it may be written down."""
        return None if self.target is None else plain(self.target)

    @property
    def variant(self) -> str:
        """What tells it from another one to the same target: two equal ones never run side by side."""
        return ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written down."""
        return ()


class UnitName(Arguments, frozen=True):
    """`service_restart`."""

    name: str

    @property
    def target(self) -> str:
        """The unit, without `.service`: two spellings of one unit are one unit, and rest together."""
        return short_name(self.name)


class Mute(Arguments, frozen=True):
    """`audio_mute`."""

    muted: bool

    @property
    def variant(self) -> str:
        """On or off."""
        return f"{self.muted}"


class Volume(Arguments, frozen=True):
    """`audio_volume`."""

    volume_percent: Annotated[int, msgspec.Meta(ge=0, le=100)]

    @property
    def variant(self) -> str:
        """The level."""
        return f"{self.volume_percent}"


class WifiConnect(Arguments, frozen=True):
    """`wifi_connect`. An empty password is none."""

    ssid: Annotated[str, msgspec.Meta(min_length=1)]
    password: str | None = None
    hidden: bool = False

    def __post_init__(self) -> None:
        length = len(self.ssid.encode("utf-8", "surrogatepass"))
        if length > MAX_SSID_BYTES or "\0" in self.ssid or not _encodable(self.ssid):
            raise ValueError(f"ssid: {length} bytes of UTF-8, must be 1..{MAX_SSID_BYTES} without NUL")
        # The message names the limit and never what was given.
        if self.password and not _usable_password(self.password):
            raise ValueError(
                f"password: must have {MIN_PASSPHRASE_CHARS}..{MAX_PASSPHRASE_CHARS} characters, "
                f"or {KEY_DIGITS} hexadecimal digits"
            )

    def __repr__(self) -> str:
        return f"WifiConnect(ssid={self.ssid!r}, hidden={self.hidden})"

    @property
    def target(self) -> str:
        """The network."""
        return self.ssid

    @property
    def public_target(self) -> str:
        """The network, unless it is named like its password."""
        return without(self.ssid, self.secrets)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password."""
        return (self.password,) if self.password else ()


class Address(Arguments, frozen=True):
    """`bluetooth_unpair`."""

    addr: Annotated[str, msgspec.Meta(pattern=BLUETOOTH_ADDRESS)]

    @property
    def target(self) -> str:
        """The device, in capitals as BlueZ writes it."""
        return self.addr.upper()


class Pair(Address, frozen=True):
    """`bluetooth_pair`. Bluetooth Core 5.4 vol. 2 part C §4.2.2: a PIN has 1..16 octets."""

    pin: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,16}\Z")] | None = None

    def __repr__(self) -> str:
        return f"Pair(addr={self.addr!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The PIN."""
        return (self.pin,) if self.pin else ()


A = TypeVar("A", bound=Arguments)


def parsed(args: Mapping[str, object], kind: type[A]) -> A:
    """Check a command's arguments; one that is None was left out.

    Raises:
        CommandRejected: 400 `bad_request` with the path of the field and its limit, never its value.
    """
    try:
        return msgspec.convert({name: value for name, value in args.items() if value is not None}, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        text = str(error)
        what, _, where = text.partition(" - at `$")
        path = where.rstrip("`").lstrip(".")
        raise CommandRejected(400, "bad_request", f"{path}: {what}" if path else what) from None


def short_name(unit: str) -> str:
    """Name of a unit as clients see it."""
    return unit.removesuffix(".service")


def _encodable(text: str) -> bool:
    """Whether it has no lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _usable_password(password: str) -> bool:
    if "\0" in password or not _encodable(password):
        return False
    if len(password) == KEY_DIGITS:
        return all(digit in "0123456789abcdefABCDEF" for digit in password)
    return MIN_PASSPHRASE_CHARS <= len(password) <= MAX_PASSPHRASE_CHARS
