"""The systemd unit: what it says fits the program, the rules and the other files that are shipped."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from ndefender.cli import options
from ndefender.config.load import load_settings
from ndefender.runtime import notify
from ndefender.runtime.exits import EXIT_BUSY, EXIT_CONFIG, EXIT_GAVE_UP
from ndefender.runtime.lock import run_folder
from ndefender.runtime.table import process_table

DEPLOY = Path(__file__).parents[3] / "deploy"
UNIT = DEPLOY / "systemd" / "ndefender.service"
SYSUSERS = DEPLOY / "systemd" / "ndefender.sysusers.conf"
CONFIG = DEPLOY / "config" / "config.toml"


def sections(path: Path) -> dict[str, dict[str, list[str]]]:
    """As systemd reads it: a setting may stand more than once."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            assert value or name in {"CapabilityBoundingSet", "AmbientCapabilities"}, line
            found[section][name].append(value)
    return found


@pytest.fixture(scope="module")
def service() -> dict[str, str]:
    rows = sections(UNIT)["Service"]
    return {name: values[-1] for name, values in rows.items()}


def test_systemd_understands_it(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / "ndefender.service"  # its program is not installed here
    copy.write_text(re.sub(r"(?m)^ExecStart=.*", "ExecStart=/bin/true", UNIT.read_text()))
    done = subprocess.run(
        [program, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    told = [line for line in done.stderr.splitlines() if "ndefender" in line]
    assert (done.returncode, told) == (0, []), done.stderr


def test_the_watchdog_bites_later_than_the_supervisor_speaks(service: dict[str, str]) -> None:
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")
    interval_s = float(service["WatchdogSec"]) / notify.MARGIN
    longest_stop_s = max(spec.stop_timeout_s for spec in process_table(load_settings(CONFIG, {})))
    assert interval_s < longest_stop_s * 2
    assert float(service["TimeoutStartSec"]) > max(
        spec.start_timeout_s for spec in process_table(load_settings(CONFIG, {})) if spec.serves
    )


def test_the_supervisor_has_time_to_stop_its_processes(service: dict[str, str]) -> None:
    orders: dict[int, float] = defaultdict(float)
    for spec in process_table(load_settings(CONFIG, {})):
        orders[spec.stop_order] = max(orders[spec.stop_order], spec.stop_timeout_s)
    assert float(service["TimeoutStopSec"]) > sum(orders.values())
    assert service["KillMode"] == "mixed"


def test_only_what_a_restart_would_not_cure_is_not_restarted(service: dict[str, str]) -> None:
    assert service["Restart"] == "on-failure"
    never = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert never == {EXIT_CONFIG}
    assert not never & {EXIT_GAVE_UP, EXIT_BUSY}


def test_every_folder_that_is_written_belongs_to_the_user(service: dict[str, str]) -> None:
    settings = load_settings(CONFIG, {})
    assert settings.log.folder == f"/var/log/{service['LogsDirectory']}"
    assert str(run_folder(settings)) == f"/var/lib/{service['StateDirectory']}" == service["WorkingDirectory"]
    environment = dict(pair.split("=", 1) for pair in service["Environment"].split())
    assert environment["NUMBA_CACHE_DIR"].startswith(f"/var/cache/{service['CacheDirectory']}/")
    assert not [name for name in environment if name.startswith("NDEFENDER_") and name not in options.NOT_SETTINGS]


def test_numba_may_compile_and_nothing_else_is_lax(service: dict[str, str]) -> None:
    assert service["MemoryDenyWriteExecute"] == "no"
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == ""
    assert service["NoNewPrivileges"] == "yes"
    lax = {name for name, value in service.items() if value == "no"}
    assert lax == {"MemoryDenyWriteExecute"}


def test_user_and_groups_are_made(service: dict[str, str]) -> None:
    rows = [line.split() for line in SYSUSERS.read_text().splitlines() if line and not line.startswith("#")]
    assert [row[1] for row in rows if row[0] == "u"] == [service["User"]] == [service["Group"]]
    # systemd does not start a unit that names a group which does not exist
    assert {row[1] for row in rows if row[0] == "g"} == set(service["SupplementaryGroups"].split())
    udev = (DEPLOY / "udev" / "60-ndefender.rules").read_text()
    assert set(re.findall(r'GROUP="(\w+)"', udev)) <= set(service["SupplementaryGroups"].split())


def test_devices_are_named_by_numbers_since_drivers_may_come_later() -> None:
    allowed = sections(UNIT)["Service"]["DeviceAllow"]
    assert {row.split()[0] for row in allowed} == {
        "char-166", "char-188", "char-89", "char-116", "char-189", "/dev/vcio",
    }  # fmt: skip


def test_it_starts_what_is_installed(service: dict[str, str]) -> None:
    install = (DEPLOY / "install.sh").read_text()
    python, *arguments = service["ExecStart"].split()
    assert python == "/opt/ndefender/venv/bin/python"
    assert "home=/opt/ndefender\n" in install
    assert arguments == ["-m", "ndefender", "run", "--config", "/etc/ndefender/config.toml"]
    assert "config=/etc/ndefender/config.toml\n" in install


def test_the_shipped_configuration_says_only_what_differs() -> None:
    said = tomllib.loads(CONFIG.read_text())
    assert {f"{table}.{name}" for table, rows in said.items() for name in rows} == {
        "radio.uri", "log.folder", "runtime.state_folder", "host.units",
    }  # fmt: skip
