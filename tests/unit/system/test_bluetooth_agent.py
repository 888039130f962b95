"""What the pairing agent answers: its one device, its one PIN, nothing else."""

from __future__ import annotations

import pytest
from dbus_fast import Message, MessageType

from ndefender.system.bluetooth_agent import AGENT, AGENT_PATH, Agent

DEVICE = "/org/bluez/hci0/dev_02_00_00_00_02_01"
OTHER = "/org/bluez/hci0/dev_02_00_00_00_02_02"


def ask(agent: Agent, member: str, *body: object, signature: str = "", interface: str = AGENT) -> Message:
    question = Message(
        path=AGENT_PATH,
        interface=interface,
        member=member,
        signature=signature or "o" * bool(body) + "u" * (len(body) - 1),
        body=list(body),
        serial=7,
        sender=":1.5",
    )
    answer = agent.answer(question)
    assert answer.reply_serial == 7
    return answer


def said(answer: Message) -> list[object] | None:
    return list(answer.body) if answer.message_type is MessageType.METHOD_RETURN else None


def test_a_pin_that_is_a_number_is_also_a_passkey() -> None:
    agent = Agent(DEVICE, "001234")
    assert said(ask(agent, "RequestPinCode", DEVICE)) == ["001234"]
    assert said(ask(agent, "RequestPasskey", DEVICE)) == [1234]
    assert said(ask(agent, "RequestConfirmation", DEVICE, 1234)) == []
    assert said(ask(agent, "RequestConfirmation", DEVICE, 1235)) is None
    assert agent.capability == "KeyboardOnly"


@pytest.mark.parametrize("pin", ["geheim", "1234567", "12 4", "²³"])
def test_a_pin_that_is_none_is_no_passkey(pin: str) -> None:
    agent = Agent(DEVICE, pin)
    assert said(ask(agent, "RequestPinCode", DEVICE)) == [pin]
    assert said(ask(agent, "RequestPasskey", DEVICE)) is None
    assert said(ask(agent, "RequestConfirmation", DEVICE, 0)) is None


def test_without_a_pin_only_a_pairing_that_needs_none_is_accepted() -> None:
    agent = Agent(DEVICE, None)
    assert agent.capability == "NoInputNoOutput"
    assert said(ask(agent, "RequestAuthorization", DEVICE)) == []
    assert said(ask(agent, "RequestPinCode", DEVICE)) is None
    assert said(ask(agent, "RequestConfirmation", DEVICE, 0)) is None


def test_with_a_pin_a_pairing_without_one_is_a_downgrade() -> None:
    assert said(ask(Agent(DEVICE, "1234"), "RequestAuthorization", DEVICE)) is None


@pytest.mark.parametrize(
    "member", ["RequestPinCode", "RequestPasskey", "RequestConfirmation", "RequestAuthorization", "AuthorizeService"]
)
def test_another_device_is_told_nothing(member: str) -> None:
    for pin in ("1234", None):
        answer = ask(Agent(DEVICE, pin), member, OTHER)
        assert answer.error_name == "org.bluez.Error.Rejected"
        assert "1234" not in str(answer.body)


def test_bluez_may_let_go_and_others_are_not_understood() -> None:
    agent = Agent(DEVICE, "1234")
    assert said(ask(agent, "Release")) == []
    assert said(ask(agent, "Cancel")) == []
    assert said(ask(agent, "RequestPinCode")) is None
    assert said(ask(agent, "AuthorizeService", DEVICE, "uuid", signature="os")) is None
    stranger = ask(agent, "RequestPinCode", DEVICE, interface="org.example.Agent")
    assert stranger.error_name == "org.freedesktop.DBus.Error.UnknownMethod"
