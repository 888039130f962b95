"""What `doctor` says: each check on a machine that has the thing and on one that lacks it."""

from __future__ import annotations

import importlib.metadata
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ndefender.cli import checks
from ndefender.cli.main import cli


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen()
        yield opened


def test_python() -> None:
    assert checks.python((3, 11, 0)).level == "ok"
    assert checks.python((3, 10, 12)) == checks.Finding(
        "python", "missing", "Python 3.10.12 is too old", "install Python 3.11 or newer and run ./run"
    )


def test_packages() -> None:
    assert checks.packages().level == "ok"
    found = checks.packages(
        lambda name: ["click>=8.1", "No.Such_package<1; python_version > '3'", "also-absent; extra == 'x'"]
    )
    assert (found.level, found.says) == ("missing", "not installed: No.Such_package")


def test_the_package_itself_is_not_installed() -> None:
    def absent(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    assert checks.packages(absent).level == "missing"


def test_libiio_missing_says_which_package_brings_it() -> None:
    def absent(name: str) -> object:
        raise OSError(f"{name}: cannot open shared object file")

    assert checks.libiio(lambda name: object()).level == "ok"
    found = checks.libiio(absent)
    assert (found.level, found.remedy) == ("missing", "apt-get install libiio0")


@pytest.mark.parametrize(("version", "level"), [("0.25", "ok"), ("1.0", "missing"), ("1.0.1", "missing")])
def test_pylibiio_has_to_fit_the_library(version: str, level: str) -> None:
    assert checks.pylibiio(lambda name: version).level == level


def test_pylibiio_not_installed() -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    assert checks.pylibiio(absent).level == "missing"


def test_shared_memory(tmp_path: Path) -> None:
    assert checks.shared_memory(1, str(tmp_path)).level == "ok"
    short = checks.shared_memory(1 << 60, str(tmp_path))
    assert short.level == "missing"
    assert "--shm-size" in short.remedy
    assert checks.shared_memory(1, str(tmp_path / "absent")).level == "missing"


def test_cores() -> None:
    assert checks.cores(1).level == "warning"
    assert checks.cores(4) == checks.Finding("cores", "ok", "4 cores")
    assert checks.cores().level in {"ok", "warning"}


def test_kernel_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert checks.kernel_cache(tmp_path, {}, tmp_path).level == "ok"
    assert checks.kernel_cache(tmp_path / "file", {}, tmp_path / "home").level == "ok"  # the home folder will do
    named = checks.kernel_cache(tmp_path, {"NUMBA_CACHE_DIR": str(tmp_path / "file")}, tmp_path)
    assert named.level == "warning"
    assert "NUMBA_CACHE_DIR" in named.remedy


def test_a_radio_that_answers(listener: socket.socket) -> None:
    assert checks.radio(f"ip:127.0.0.1:{listener.getsockname()[1]}").level == "ok"


def test_a_radio_that_does_not(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    found = checks.radio(f"ip:127.0.0.1:{port}")
    assert found.level == "missing"
    assert "ping 127.0.0.1" in found.remedy


@pytest.mark.parametrize(
    ("uri", "level"),
    [("emulate:urban", "ok"), ("usb:1.2.5", "warning"), ("file:/no/such/recording.sigmf-meta", "missing")],
)
def test_radios_without_an_address(uri: str, level: str) -> None:
    assert checks.radio(uri).level == level


def test_a_recording_as_radio(tmp_path: Path) -> None:
    assert checks.radio(f"file:{tmp_path}").level == "ok"


def test_a_port_that_is_taken(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    found = checks.port_free("api port", "127.0.0.1", port)
    assert found.level == "missing"
    assert f"127.0.0.1:{port}" in found.says
    listener.close()
    assert checks.port_free("api port", "127.0.0.1", port).level == "ok"


def test_log_folder(tmp_path: Path) -> None:
    assert checks.log_folder(tmp_path / "not" / "yet" / "there", 1).level == "ok"
    assert checks.log_folder(tmp_path, 1 << 60).level == "warning"
    (tmp_path / "file").touch()
    assert checks.log_folder(tmp_path / "file" / "below", 1).level == "missing"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]  # it only looks


def test_clock() -> None:
    assert checks.clock(lambda: 0).level == "ok"
    assert checks.clock(lambda: checks.TIME_ERROR).level == "warning"
    assert checks.clock().name == "clock"


OTHERS = "[aggregator]\nport = 0\n[system_controller]\nport = 0\n"


def _doctor(tmp_path: Path, config: str, *arguments: str) -> tuple[int, str]:
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    result = CliRunner().invoke(cli, ["doctor", "--config", str(tmp_path / "config.toml"), *arguments])
    return result.exit_code, result.stdout


def test_doctor_asks_for_the_memory_that_the_service_will_take(tmp_path: Path) -> None:
    def megabytes(slots: int) -> float:
        _, text = _doctor(tmp_path, f"[runtime]\niq_slots = {slots}\n", "--json")
        row = next(row for row in json.loads(text)["findings"] if row["name"] == "shared memory")
        return float(row["says"].split("take ")[1].removesuffix(" MB"))

    assert megabytes(40) - megabytes(20) == pytest.approx(megabytes(60) - megabytes(40), abs=1.5)
    assert megabytes(40) - megabytes(20) > 10


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_doctor_on_a_machine_that_has_everything(tmp_path: Path) -> None:
    code, text = _doctor(tmp_path, f'[api]\nport = {_free_port()}\n{OTHERS}[log]\nfolder = "{tmp_path}"\n')
    assert "MISSING" not in text
    assert (code, text.splitlines()[-1]) == (0, "Nothing is missing.")


def test_doctor_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    code, text = _doctor(
        tmp_path,
        f'[radio]\nuri = "ip:127.0.0.1:{_free_port()}"\n[api]\nport = 0\n{OTHERS}[log]\nfolder = "{tmp_path}"\n',
        "--json",
    )
    found = json.loads(text)
    assert (code, found["ok"]) == (1, False)
    missing = [row for row in found["findings"] if row["level"] == "missing"]
    assert [row["name"] for row in missing] == ["radio"]
    assert "ping 127.0.0.1" in missing[0]["remedy"]


def test_doctor_survives_a_wrong_configuration(tmp_path: Path) -> None:
    code, text = _doctor(tmp_path, "[api]\nport = 'eighty'\n")
    assert code == 1
    assert "MISSING  configuration          api.port" in text
