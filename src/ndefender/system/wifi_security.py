"""What an access point asks for, and the settings that NetworkManager needs to satisfy it."""

from __future__ import annotations

import re

from dbus_fast import Variant

from ndefender.errors import CommandRejected
from ndefender.system.peers import Props

PRIVACY = 0x1  # NM80211ApFlags
# NM80211ApSecurityFlags
PSK, ENTERPRISE, SAE, OWE, OWE_TRANSITION, SUITE_B = 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000
SSID_OCTETS = 32  # IEEE 802.11-2020 §9.4.2.2
WPA_PASSPHRASE = re.compile(r"[ -~]{8,63}\Z|[0-9A-Fa-f]{64}\Z")  # IEEE 802.11-2020 annex J.4: passphrase, or the key
WEP_KEY = re.compile(r"([ -~]{5}|[ -~]{13}|[0-9A-Fa-f]{10}|[0-9A-Fa-f]{26})\Z")
SAE_OCTETS = 128  # the longest that wpa_supplicant's configuration takes
WITHOUT_PASSWORD = frozenset({"open", "owe"})
SECTION = "802-11-wireless-security"

Settings = dict[str, dict[str, Variant]]


def security(access: Props) -> str:
    """`open`, `wep`, `wpa`, `wpa2`, `wpa3` or `enterprise`; of several the weakest that all clients of today know."""
    wpa = access.integer("WpaFlags") or 0
    rsn = access.integer("RsnFlags") or 0
    if (wpa | rsn) & (ENTERPRISE | SUITE_B):
        return "enterprise"
    if rsn & PSK:
        return "wpa2"
    if rsn & SAE:
        return "wpa3"
    if wpa & PSK:
        return "wpa"
    if (wpa | rsn) & (OWE | OWE_TRANSITION):
        return "open"
    return "wep" if (access.integer("Flags") or 0) & PRIVACY else "open"


def check_ssid(ssid: str) -> bytes:
    """Octets of a network's name. Raises CommandRejected 400 where it cannot be one."""
    try:
        octets = ssid.encode()
    except UnicodeEncodeError:
        raise CommandRejected(400, "bad_ssid", "ssid: not valid Unicode") from None
    if not 1 <= len(octets) <= SSID_OCTETS:
        raise CommandRejected(400, "bad_ssid", f"ssid: {len(octets)} octets, must be 1..{SSID_OCTETS}")
    return octets


def check_password(kind: str, password: str) -> None:
    """Raises CommandRejected 400 where it cannot be the password of such a network. Never shows it."""
    if kind == "open":
        raise CommandRejected(400, "bad_password", "password: the network is open and takes none")
    if kind == "wep" and not WEP_KEY.match(password):
        raise CommandRejected(400, "bad_password", "password: a WEP key is 5 or 13 characters, or 10 or 26 hex digits")
    if kind in {"wpa", "wpa2"} and not WPA_PASSPHRASE.match(password):
        raise CommandRejected(400, "bad_password", "password: must be 8..63 ASCII characters, or 64 hex digits")
    if kind == "wpa3" and not _is_sae(password):
        raise CommandRejected(400, "bad_password", f"password: must be 1..{SAE_OCTETS} octets of text")


def _is_sae(password: str) -> bool:
    # D-Bus strings hold neither lone surrogates nor NUL.
    return password.isprintable() and 1 <= len(password.encode("utf-8", "surrogatepass")) <= SAE_OCTETS


def secured(kind: str, password: str) -> dict[str, Variant]:
    """The security section of a connection. The password is here and nowhere else."""
    if kind == "wep":
        return {
            "key-mgmt": Variant("s", "none"),
            "wep-key-type": Variant("u", 1),  # NM_WEP_KEY_TYPE_KEY
            "wep-key0": Variant("s", password),
        }
    return {"key-mgmt": Variant("s", "sae" if kind == "wpa3" else "wpa-psk"), "psk": Variant("s", password)}


def profile(ssid: str, octets: bytes, kind: str, password: str, hidden: bool) -> Settings:
    """A new connection for NetworkManager to complete."""
    wireless = {"ssid": Variant("ay", octets), "mode": Variant("s", "infrastructure")}
    if hidden:
        wireless["hidden"] = Variant("b", True)
    settings = {
        "connection": {"id": Variant("s", ssid), "type": Variant("s", "802-11-wireless")},
        "802-11-wireless": wireless,
    }
    if kind != "open":
        settings[SECTION] = secured(kind, password)
    return settings
