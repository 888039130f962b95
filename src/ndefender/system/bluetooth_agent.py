"""The agent that BlueZ asks during one pairing (`org.bluez.Agent1`). It knows one device and at most one PIN."""

from __future__ import annotations

from dbus_fast import Message, MessageType

BLUEZ_PATH = "/org/bluez"
AGENT_MANAGER = "org.bluez.AgentManager1"
AGENT = "org.bluez.Agent1"
AGENT_PATH = "/org/ndefender/agent"
REJECTED = "org.bluez.Error.Rejected"
MAX_PASSKEY = 999_999


class Agent:
    """Answers for one pairing.

    Args:
        device: path of the device; questions about others are rejected.
        pin: what to answer, None for a device that asks for nothing.
    """

    def __init__(self, device: str, pin: str | None) -> None:
        self._device = device
        self._pin = pin
        # The PIN is the one that the device shows or has printed on it: it is typed here, nothing is displayed here.
        self.capability = "NoInputNoOutput" if pin is None else "KeyboardOnly"

    def answer(self, message: Message) -> Message:
        """The reply to one of BlueZ's questions."""
        if message.message_type is not MessageType.METHOD_CALL or message.interface != AGENT:
            return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "not an agent's method")
        if message.member in {"Release", "Cancel"}:
            return Message.new_method_return(message)
        said = self._say(message) if message.body and message.body[0] == self._device else None
        if said is None:
            return Message.new_error(message, REJECTED, "another device, or no PIN that fits was given")
        return Message.new_method_return(message, *said)

    def _say(self, message: Message) -> tuple[str, list[object]] | None:
        """Signature and arguments of the answer; None to reject."""
        said: tuple[str, list[object]] | None = None
        passkey = self._passkey()
        match message.member:
            case "RequestPinCode" if self._pin is not None:
                said = "s", [self._pin]
            case "RequestPasskey" if passkey is not None:
                said = "u", [passkey]
            case "RequestConfirmation" if passkey is not None and message.body[1:] == [passkey]:
                said = "", []
            case "RequestAuthorization" if self._pin is None:
                # Pairing without a PIN ("just works") was asked for; with one it would be a downgrade.
                said = "", []
        return said

    def _passkey(self) -> int | None:
        if self._pin is None or not (self._pin.isascii() and self._pin.isdigit()) or int(self._pin) > MAX_PASSKEY:
            return None
        return int(self._pin)
