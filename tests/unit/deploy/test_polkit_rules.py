"""The shipped rights are those that the D-Bus backends need: all of them, and no others."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ndefender.system import actions, bluetooth, bluetooth_agent, bus, units
from ndefender.system.actions import BLUETOOTH_POLICY, NEEDS, POLKIT_RULES

TOP = Path(__file__).parents[3]
SYSTEM = TOP / "src" / "ndefender" / "system"
USER = "ndefender"
# Any engine that runs a file; duk is what polkit itself uses.
ENGINE = shutil.which("duk") or shutil.which("node")
HARNESS = """
var rules = [];
var polkit = {addRule: function (f) { rules.push(f); }, Result: {YES: "yes", NO: "no", NOT_HANDLED: null}};
var everything = (function () { return this; })();
var cases = CASES;
everything.polkit = polkit;
(0, eval)(RULES);
var answers = cases.map(function (row) {
    var action = {id: row[1], lookup: function (name) { return row[2][name]; }};
    for (var i = 0; i < rules.length; i++) {
        var answer = rules[i](action, {user: row[0], groups: [], local: false, active: false});
        if (answer !== null && answer !== undefined) return answer;
    }
    return "not handled";
});
var globals = Object.keys(everything).filter(function (name) { return /^[A-Z]/.test(name); });
(typeof print === "function" ? print : console.log)(JSON.stringify({answers: answers, globals: globals}));
"""

Case = tuple[str, str, dict[str, str]]


def ask(cases: list[Case]) -> tuple[list[str], list[str]]:
    """What the rules answer, and which globals they leave behind."""
    if ENGINE is None:
        pytest.skip("no JavaScript engine (duktape or node) here")
    # polkit calls the rules with a global `polkit`; so does this.
    rules = (TOP / POLKIT_RULES).read_text(encoding="utf-8")
    program = HARNESS.replace("CASES", json.dumps(cases)).replace("RULES", json.dumps(rules))
    with tempfile.NamedTemporaryFile("w", suffix=".js", encoding="utf-8") as file:
        file.write(program)
        file.flush()
        done = subprocess.run([ENGINE, file.name], capture_output=True, text=True, timeout=20, check=True)
    said = json.loads(done.stdout)
    return said["answers"], said["globals"]


def configured_units() -> list[str]:
    config = tomllib.loads((TOP / "config.toml").read_text(encoding="utf-8"))
    return [units.unit_name(name) for name in [*config["host"]["units"], config["gps"]["unit"]]]


def needed() -> list[Case]:
    return [
        (USER, need.action, {key: text.format(unit=unit) for key, text in need.details.items()})
        for need in NEEDS
        for unit in (configured_units() if need.details else [""])
    ]


def test_everything_that_the_backends_need_is_allowed() -> None:
    cases = needed()
    answers, _ = ask(cases)
    assert [case for case, answer in zip(cases, answers, strict=True) if answer != "yes"] == []


MANAGE = "org.freedesktop.systemd1.manage-units"
REFUSED: list[Case] = [
    *((user, action, details) for _, action, details in needed() for user in ("visitor", "root", "ndefender2", "")),
    (USER, MANAGE, {"unit": "ssh.service", "verb": "restart"}),
    (USER, MANAGE, {"unit": "ndefender.service.d", "verb": "restart"}),
    (USER, MANAGE, {"unit": "ndefender", "verb": "restart"}),
    *((USER, MANAGE, {"unit": "ndefender.service", "verb": verb}) for verb in ("stop", "start", "kill", "mask", "")),
    (USER, MANAGE, {"unit": "ndefender.service"}),
    (USER, MANAGE, {"verb": "restart"}),
    (USER, MANAGE, {}),
    (USER, "org.freedesktop.systemd1.manage-unit-files", {"unit": "ndefender.service", "verb": "restart"}),
    (USER, "org.freedesktop.systemd1.reload-daemon", {}),
    (USER, "org.freedesktop.login1.reboot-ignore-inhibit", {}),
    (USER, "org.freedesktop.login1.power-off-ignore-inhibit", {}),
    (USER, "org.freedesktop.login1.suspend", {}),
    (USER, "org.freedesktop.NetworkManager.settings.modify.hostname", {}),
    (USER, "org.freedesktop.NetworkManager.enable-disable-network", {}),
    (USER, "org.freedesktop.timedate1.set-time", {}),
    (USER, "org.freedesktop.policykit.exec", {}),
]


def test_nothing_else_is_allowed() -> None:
    answers, _ = ask(REFUSED)
    assert [case for case, answer in zip(REFUSED, answers, strict=True) if answer != "not handled"] == []


def test_the_rules_leave_nothing_behind_in_the_scope_that_all_rules_share() -> None:
    _, left = ask([])
    assert not {"USER", "UNITS", "VERBS", "ALLOWED"} & set(left)


def strings(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


# Methods that only look, or that nobody asks polkit for; what is not here is in the table of rights.
FREE = {
    "GetAll", "Get", "Set", "GetManagedObjects", "ListUnitsByNames", "Subscribe", "GetNameOwner", "AddMatch",
    "RemoveMatch", "GetId", "ListConnections", "GetSettings", "PropertiesChanged", "StateChanged", "NameOwnerChanged",
}  # fmt: skip
BLUETOOTH = {
    "Powered", "StartDiscovery", "StopDiscovery", "RegisterAgent", "UnregisterAgent", "Pair", "CancelPairing",
    "RemoveDevice",
}  # fmt: skip


def test_every_right_of_the_table_is_used() -> None:
    used = set().union(*(strings(SYSTEM / f"{name}.py") for name in ("units", "power", "wifi", "wifi_profiles")))
    assert {need.what.rpartition(".")[2] for need in NEEDS} <= used


def test_every_method_that_is_called_is_free_or_in_the_table() -> None:
    calls = set()
    for path in SYSTEM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"call", "set"}
            ):
                member = node.args[3] if len(node.args) > 3 else None
                if isinstance(member, ast.Constant) and isinstance(member.value, str):
                    calls.add(member.value)
    granted = {need.what.rpartition(".")[2] for need in NEEDS}
    assert {"RestartUnit", "AddAndActivateConnection", "WirelessEnabled", "Pair"} <= calls, "the search finds none"
    assert calls - FREE - BLUETOOTH - granted == set()


def test_a_refusal_names_the_right_that_is_missing_and_what_grants_it() -> None:
    text = actions.missing_right("org.freedesktop.systemd1.Manager.RestartUnit")
    assert MANAGE in text
    assert POLKIT_RULES in text
    assert BLUETOOTH_POLICY in actions.missing_right("org.bluez.Adapter1.StartDiscovery")
    assert actions.missing_right("org.example.Other") == ""


def test_the_bluetooth_policy_lets_the_user_and_only_the_user_say_what_the_backend_says() -> None:
    root = ET.parse(TOP / BLUETOOTH_POLICY).getroot()
    assert [policy.attrib for policy in root.findall("policy")] == [{"user": USER}]
    allowed = [rule.attrib for rule in root.iter("allow")]
    assert {rule["send_destination"] for rule in allowed} == {"org.bluez"}
    assert {rule["send_interface"] for rule in allowed} == {
        bluetooth.ADAPTER,
        bluetooth.DEVICE,
        bluetooth_agent.AGENT_MANAGER,
        bus.OBJECT_MANAGER,
        bus.PROPERTIES,
    }


def test_every_shipped_path_exists() -> None:
    assert (TOP / POLKIT_RULES).is_file()
    assert (TOP / BLUETOOTH_POLICY).is_file()
