"""`deploy/install.sh` into a folder, with a stand-in for venv and pip: what it writes, keeps, and takes away again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from install_machine import Machine

CONFIG = "etc/ndefender/config.toml"
RULES = "etc/polkit-1/rules.d/49-ndefender.rules"
UNIT = "etc/systemd/system/ndefender.service"
FILES = {
    CONFIG,
    RULES,
    UNIT,
    "etc/sysusers.d/ndefender.conf",
    "etc/tmpfiles.d/ndefender.conf",
    "etc/dbus-1/system.d/ndefender-bluetooth.conf",
    "etc/udev/rules.d/60-ndefender.rules",
    "usr/local/bin/ndefender",
    "opt/ndefender/share/config.toml",
    "opt/ndefender/installed",
    "opt/ndefender/folders",
    "opt/ndefender/venv/bin/python",
    "opt/ndefender/venv/bin/ndefender",
    "opt/ndefender/venv/pip.log",
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_it_says_what_it_writes_and_writes_no_more(machine: Machine) -> None:
    said = machine.done()
    assert set(machine.tree()) == FILES | {"opt/ndefender/venv/pyvenv.cfg"}
    for path in (CONFIG, RULES, UNIT, "usr/local/bin/ndefender", "opt/ndefender/venv"):
        assert f"wrote /{path}\n" in said
    modes = {path: mode for path, (mode, _) in machine.tree().items()}
    assert modes[CONFIG] == 0o640
    assert modes["usr/local/bin/ndefender"] == 0o755
    assert modes[UNIT] == 0o644


def test_the_program_is_what_is_locked_and_the_built_wheel(machine: Machine) -> None:
    machine.done()
    packages, build, wheel = (machine.root / "opt/ndefender/venv/pip.log").read_text().splitlines()
    assert "--require-hashes --only-binary :all: --requirement" in packages
    assert packages.endswith("requirements/run.lock")
    assert " wheel " in build
    assert "--no-index" in build
    assert wheel.endswith(".whl")
    assert "--no-index" in wheel


def test_nothing_in_an_image_names_the_place_it_was_made_at(machine: Machine) -> None:
    machine.done()
    tree = machine.tree()
    del tree["opt/ndefender/venv/pip.log"]  # the stand-in's
    assert [path for path, (_, content) in tree.items() if str(machine.root).encode() in content] == []
    assert tree["opt/ndefender/venv/bin/ndefender"][1] == b"#!/opt/ndefender/venv/bin/python\n"


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    machine.done()
    before, stamps = machine.tree(), machine.stamps()
    said = machine.done()
    assert machine.tree() == before
    assert machine.stamps() == stamps
    assert "wrote" not in said


def test_an_upgrade_renews_the_program_and_the_unit(machine: Machine) -> None:
    machine.done()
    before = machine.tree()
    (machine.root / "opt/ndefender/installed").write_text("an older one\n")
    (machine.root / "opt/ndefender/venv/old").touch()
    (machine.root / UNIT).write_text("old\n")
    said = machine.done()
    after = machine.tree()
    log = "opt/ndefender/venv/pip.log"
    assert after.pop(log)[1].count(b"\n") == before.pop(log)[1].count(b"\n") == 3
    assert after == before
    assert "wrote /opt/ndefender/venv\n" in said
    assert f"wrote /{UNIT}\n" in said


def test_a_failed_upgrade_leaves_the_program_that_runs(machine: Machine) -> None:
    machine.done()
    (machine.root / "opt/ndefender/installed").write_text("an older one\n")
    (machine.root / "opt/ndefender/venv/old").touch()
    failed = machine.install(NO_NETWORK="1")
    assert failed.returncode == 1
    assert "Most often there is no network" in failed.stderr
    assert (machine.root / "opt/ndefender/venv/old").exists()
    assert "wrote" in machine.done()  # and the next one succeeds
    assert not (machine.root / "opt/ndefender/venv/old").exists()


def test_a_configuration_is_never_overwritten_and_names_the_units_of_the_rules(machine: Machine) -> None:
    machine.done()
    assert 'var UNITS = ["ndefender.service", "gpsd.service"];' in (machine.root / RULES).read_text()
    mine = '[host]\nunits = ["ndefender", "ssh.service", "ndefender"]\n[gps]\nunit = "chrony"\n'
    (machine.root / CONFIG).write_text(mine)
    said = machine.done()
    assert (machine.root / CONFIG).read_text() == mine
    assert 'var UNITS = ["ndefender.service", "ssh.service", "chrony.service"];' in (machine.root / RULES).read_text()
    assert f"wrote /{RULES}\n" in said


@pytest.mark.parametrize("wrong", ["[host]\nunits = 7\n", "[no_such_table]\n", "not TOML"])
def test_a_configuration_that_cannot_be_used_stops_the_upgrade(machine: Machine, wrong: str) -> None:
    machine.done()
    (machine.root / CONFIG).write_text(wrong)
    (machine.root / "opt/ndefender/installed").write_text("an older one\n")
    (machine.root / "opt/ndefender/venv/old").touch()
    before = machine.tree()
    failed = machine.install()
    assert failed.returncode == 1
    assert "/etc/ndefender/config.toml cannot be used" in failed.stderr
    after = machine.tree()
    assert {path: after[path] for path in before} == before


def test_units_cannot_break_out_of_the_rules(machine: Machine) -> None:
    machine.done()
    (machine.root / CONFIG).write_text('[host]\nunits = ["a\\"]; polkit.Result.YES; //"]\n')
    outcome = machine.install()
    assert outcome.returncode == 1
    assert "host.units[0]" in outcome.stderr
    assert "Result.YES; //" not in (machine.root / RULES).read_text()


def test_uninstalling_leaves_the_data_and_nothing_else(machine: Machine) -> None:
    (machine.root / "etc/udev/rules.d").mkdir(parents=True)  # of the system: empty, and not ours to remove
    machine.done()
    for data in ("var/lib/ndefender/labels.json", "var/log/ndefender/antsdr_scan.jsonl", "var/cache/ndefender/kernel"):
        (machine.root / data).parent.mkdir(parents=True)
        (machine.root / data).write_text("data\n")
    kept = {path: content for path, content in machine.tree().items() if path.startswith(("var/l", CONFIG))}
    said = machine.done("--uninstall")
    assert machine.tree() == kept
    assert len(kept) == 3
    assert f"removed /{UNIT}\n" in said
    folders = {str(path.relative_to(machine.root)) for path in machine.root.rglob("*") if path.is_dir()}
    assert {name for name in folders if not name.startswith("var")} == {
        "etc", "etc/ndefender", "etc/udev", "etc/udev/rules.d",
    }  # fmt: skip
    machine.done()
    assert set(machine.tree()) >= FILES
    machine.done("--uninstall")
    assert machine.tree() == kept


def test_purging_leaves_nothing(machine: Machine) -> None:
    machine.done()
    machine.done()
    (machine.root / "var/lib/ndefender").mkdir(parents=True)
    said = machine.done("--purge")
    assert machine.tree() == {}
    assert "removed /etc/ndefender\n" in said
    assert {path.name for path in machine.root.iterdir()} == {"var"}  # made by this test, not by the installation
    machine.done("--purge")  # nothing there: nothing to do


def test_removal_of_nothing_is_quiet(machine: Machine) -> None:
    assert "removed" not in machine.done("--uninstall")
    assert list(machine.root.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--upgrade",), ("--purge", "--purge")])
def test_what_is_not_understood_does_nothing(machine: Machine, arguments: tuple[str, ...]) -> None:
    outcome = machine.install(*arguments)
    assert outcome.returncode == 1
    assert "usage" in outcome.stderr
    assert machine.tree() == {}


def test_only_root_may_change_the_machine(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    outcome = machine.install(DESTDIR="", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert outcome.returncode == 1
    assert "run it as root" in outcome.stderr
