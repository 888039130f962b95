"""Setting the channel of an interface by netlink, as `iw dev NAME set freq MHZ` does."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pyroute2.iwutil import AsyncIW
from pyroute2.netlink import NLM_F_ACK, NLM_F_REQUEST
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nl80211 import NL80211_NAMES, nl80211cmd

from ndefender.remoteid.frames.channels import ChannelRefused
from ndefender.remoteid.frames.live import InterfaceUnusable

# As bytes: the library does not know how to write this attribute's number.
_NO_HT = bytes(4)
# What concerns the interface whatever the channel; all else is about the channel.
_FATAL = {
    errno.EPERM: "not permitted: the process needs CAP_NET_ADMIN",
    errno.EACCES: "not permitted: the process needs CAP_NET_ADMIN",
    errno.ENODEV: "no such interface",
    errno.ENETDOWN: "the interface is down",
    errno.EOPNOTSUPP: "its driver cannot set a channel in monitor mode",
}


class Nl80211Tuner:
    """Sets the channel of one interface; made by `opened`."""

    def __init__(self, interface: str, index: int, netlink: Any) -> None:
        self._interface = interface
        self._index = index
        self._netlink = netlink

    async def tune(self, freq_mhz: int) -> None:
        """Goes to the channel with that centre, 20 MHz wide.

        Raises:
            ChannelRefused: the adapter or the regulatory domain does not allow it, or it is busy.
            InterfaceUnusable: the interface is gone, down, or not ours to set.
        """
        try:
            answers = await self._netlink.nlm_request(
                request(self._index, freq_mhz), msg_type=self._netlink.prid, msg_flags=NLM_F_REQUEST | NLM_F_ACK
            )
            async for _ in answers:
                pass
        except NetlinkError as error:
            if error.code in _FATAL:
                raise InterfaceUnusable(self._interface, _FATAL[error.code]) from error
            raise ChannelRefused(freq_mhz, os.strerror(error.code)) from error


def request(index: int, freq_mhz: int) -> Any:
    """The message that sets an interface's channel."""
    message = nl80211cmd()
    message["cmd"] = NL80211_NAMES["NL80211_CMD_SET_WIPHY"]
    message["attrs"] = [
        ("NL80211_ATTR_IFINDEX", index),
        ("NL80211_ATTR_WIPHY_FREQ", freq_mhz),
        ("NL80211_ATTR_WIPHY_CHANNEL_TYPE", _NO_HT),
    ]
    return message


@asynccontextmanager
async def opened(interface: str) -> AsyncIterator[Nl80211Tuner]:
    """A tuner of an interface, while the context lasts.

    Raises:
        InterfaceUnusable: there is no such interface, or this kernel has no 802.11.
    """
    try:
        index = socket.if_nametoindex(interface)
    except OSError as error:
        raise InterfaceUnusable(interface, "no such interface") from error
    netlink = AsyncIW()
    try:
        await netlink.setup_endpoint()
    except NetlinkError as error:
        netlink.close()
        raise InterfaceUnusable(interface, f"no nl80211 in this kernel: {os.strerror(error.code)}") from error
    try:
        yield Nl80211Tuner(interface, index, netlink)
    finally:
        netlink.close()
