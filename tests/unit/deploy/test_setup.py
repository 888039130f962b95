"""`deploy/setup.sh` with stand-ins for apt, sudo, pip: what it brings, what it leaves alone, what it says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
TOOLS = ("cat", "env", "flock", "grep", "sha256sum", "stat", "sh", "rm", "cp", "mkdir", "touch")

# A machine that has everything; a test then takes something away.
COMPLETE = """
. ./deploy/setup.sh
find_python() { command -v fake-python; }
python_fits() { return 0; }
has_libiio() { return 0; }
has_dbusmock() { return 0; }
has_alsa_plugins() { return 0; }
has_command() { [ -x "bin/$1" ]; }
"""
PEERS = ("dbus-daemon", "gpsd", "gpsfake", "pulseaudio")
DEV_TOOLS = ("iio_info", "pactl", "duk")
FAKES = {
    "fake-python": 'echo "fake-python $*"',
    "apt-get": 'echo "apt-get $*"',
    "id": "echo 0",
    **dict.fromkeys((*PEERS, *DEV_TOOLS), "true"),
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with what the script reads, a `.venv` whose Python is a stand-in, and a PATH of stand-ins."""
    top = tmp_path / "checkout"
    for name in ("deploy", "requirements", "bin", ".venv/bin"):
        (top / name).mkdir(parents=True)
    (top / "deploy/setup.sh").write_text((TOP / "deploy/setup.sh").read_text())
    (top / "pyproject.toml").write_text("[project]\n")
    for kind in ("run", "dev"):
        (top / f"requirements/{kind}.lock").write_text("one==1\ntwo==2\n")
    for name, body in FAKES.items():
        script(top / "bin" / name, body)
    script(top / ".venv/bin/python", 'echo "python $*"; env | grep "^PIP_" || true')
    for tool in TOOLS:
        real = next(Path(folder, tool) for folder in ("/usr/bin", "/bin") if Path(folder, tool).exists())
        (top / "bin" / tool).symlink_to(real)
    return top


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run(top: Path, *, changes: str = "", kind: str = "run", **environment: str) -> subprocess.CompletedProcess[str]:
    """Source the script, put stand-ins in place, set up."""
    return subprocess.run(
        ["/bin/sh", "-euc", f'{COMPLETE}\n{changes}\nndefender_setup {kind} "$PWD"\necho ready'],
        cwd=top,
        env={"PATH": str(top / "bin"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_brings_what_is_missing_and_says_so(checkout: Path) -> None:
    (checkout / "bin/iio_info").unlink()
    changes = "has_libiio() { [ -e libiio ]; }\n"
    script(checkout / "bin/apt-get", 'echo "apt-get $*"; touch libiio')
    done = run(checkout, changes=changes, kind="dev")
    assert (done.returncode, done.stdout) == (0, "ready\n")  # what it says goes to standard error
    assert "installing Debian packages: libiio0 libiio-utils" in done.stderr
    assert "update" in done.stderr
    assert "install libiio0 libiio-utils" in done.stderr
    assert "installing 2 locked Python packages" in done.stderr
    assert "--require-hashes --only-binary :all: --requirement" in done.stderr
    assert "--no-index --no-build-isolation --editable" in done.stderr


def test_a_bare_machine_gets_python(checkout: Path) -> None:
    script(checkout / "bin/apt-get", 'echo "apt-get $*"; touch installed')
    done = run(checkout, changes="find_python() { [ -e installed ] && command -v fake-python; }")
    assert done.returncode == 0, done.stderr
    assert "installing Debian packages: python3 python3-venv\n" in done.stderr


def test_the_tests_get_the_daemons_they_start(checkout: Path) -> None:
    for name in (*PEERS, *DEV_TOOLS):
        (checkout / "bin" / name).unlink()
    lacking = "has_dbusmock() { return 1; }\nhas_alsa_plugins() { return 1; }"
    done = run(checkout, changes=lacking, kind="dev")
    wanted = (
        "libiio-utils pulseaudio-utils libasound2-plugins duktape dbus python3-dbusmock gpsd gpsd-clients pulseaudio"
    )
    assert (done.returncode, done.stdout) == (0, "ready\n")
    assert f"installing Debian packages: {wanted}\n" in done.stderr
    assert f"install {wanted}\n" in done.stderr


def test_either_engine_runs_the_rules(checkout: Path) -> None:
    (checkout / "bin/duk").rename(checkout / "bin/node")
    assert "installing Debian" not in run(checkout, kind="dev").stderr


def test_a_demo_gets_its_peers_and_a_plain_run_does_not(checkout: Path) -> None:
    for name in (*PEERS, *DEV_TOOLS):
        (checkout / "bin" / name).unlink()
    assert "installing Debian" not in run(checkout).stderr
    demo = run(checkout, kind="demo")
    assert (demo.returncode, demo.stdout) == (0, "ready\n")
    assert "installing Debian packages: dbus gpsd gpsd-clients pulseaudio\n" in demo.stderr
    assert "locked Python packages" not in demo.stderr  # those of a plain run


def test_a_demo_goes_on_without_peers_that_cannot_be_had(checkout: Path) -> None:
    (checkout / "bin/gpsd").unlink()
    script(checkout / "bin/apt-get", "exit 100")
    done = run(checkout, kind="demo")
    assert (done.returncode, done.stdout) == (0, "ready\n")
    assert "stays offline" in done.stderr
    assert run(checkout, kind="dev").returncode == 1


@pytest.mark.parametrize(("arguments", "kind"), [("", "run"), ("--demo", "demo"), ("--config x --demo", "demo")])
def test_run_knows_a_demo_by_its_argument(checkout: Path, arguments: str, kind: str) -> None:
    (checkout / "run").write_text((TOP / "run").read_text())
    (checkout / "deploy/setup.sh").write_text('ndefender_setup() { echo "set up $1"; }\n')
    done = subprocess.run(
        ["/bin/sh", "run", *arguments.split()],
        cwd=checkout, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines() == [f"set up {kind}", f"python -m ndefender run {arguments}".rstrip()], done.stderr


def test_a_second_run_does_nothing(checkout: Path) -> None:
    assert run(checkout).returncode == 0
    again = run(checkout)
    assert (again.returncode, again.stdout, again.stderr) == (0, "ready\n", "")


def test_what_test_needs_is_enough_for_run(checkout: Path) -> None:
    assert run(checkout, kind="dev").returncode == 0
    assert run(checkout, kind="run").stderr == ""


def test_what_run_needs_is_not_enough_for_test(checkout: Path) -> None:
    assert run(checkout, kind="run").returncode == 0
    assert "dev.lock" in run(checkout, kind="dev").stderr


@pytest.mark.parametrize("name", ["requirements/run.lock", "requirements/dev.lock", "pyproject.toml"])
def test_a_changed_lock_is_installed(checkout: Path, name: str) -> None:
    assert run(checkout).returncode == 0
    (checkout / name).write_text("three==3\n")
    assert "--require-hashes" in run(checkout).stderr


def test_a_checkout_that_moved_is_installed_again(checkout: Path) -> None:
    assert run(checkout).returncode == 0
    moved = checkout.rename(checkout.with_name("moved"))
    assert f"--editable {moved}" in run(moved).stderr


def test_a_failed_installation_is_not_taken_for_done(checkout: Path) -> None:
    script(checkout / ".venv/bin/python", 'case "$*" in *--require-hashes*) exit 1;; esac; echo "python $*"')
    failed = run(checkout)
    assert failed.returncode == 1
    assert "Most often there is no network" in failed.stderr
    assert "ready" not in failed.stdout
    assert run(checkout).returncode == 1


def test_settings_of_the_machines_pip_do_not_leak_in(checkout: Path) -> None:
    done = run(checkout, PIP_FIND_LINKS="/opt/wheels", PIP_NO_BINARY=":all:", PIP_USER="1", PIP_CERT="/opt/ca.pem")
    settings = {line for line in done.stderr.splitlines() if line.startswith("PIP_")}
    assert settings == {"PIP_CERT=/opt/ca.pem", "PIP_CONSTRAINT=/dev/null"}


def test_no_sudo_is_said_with_what_to_ask_for(checkout: Path) -> None:
    script(checkout / "bin/id", "echo 1000")
    done = run(checkout, changes="has_libiio() { return 1; }")
    assert done.returncode == 1
    assert "there is no sudo: ask an administrator to run 'apt-get install libiio0'" in done.stderr
    assert "ready" not in done.stdout


def test_sudo_is_not_asked_for_a_password_where_nobody_can_type(checkout: Path) -> None:
    script(checkout / "bin/id", "echo 1000")
    script(checkout / "bin/sudo", 'echo "sudo $*"; exit 1')
    done = run(checkout, changes="has_libiio() { return 1; }")
    assert done.returncode == 1
    assert "sudo -n env" in done.stderr
    assert "you may not use sudo" in done.stderr


def test_no_apt_is_said(checkout: Path) -> None:
    (checkout / "bin/apt-get").unlink()
    done = run(checkout, changes="has_libiio() { return 1; }")
    assert done.returncode == 1
    assert "lacks libiio0, and has no apt-get" in done.stderr


def test_no_network_is_said(checkout: Path) -> None:
    script(checkout / "bin/apt-get", "exit 100")
    done = run(checkout, changes="has_libiio() { return 1; }")
    assert done.returncode == 1
    assert "'apt-get update' failed" in done.stderr
    assert "no network" in done.stderr


def test_an_old_python_is_said(checkout: Path) -> None:
    done = run(checkout, changes="find_python() { return 1; }")
    assert done.returncode == 1
    assert "Python 3.11 or newer with venv is needed" in done.stderr


def test_a_broken_environment_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv/bin/python").rename(checkout / "good-python")
    script(checkout / ".venv/bin/python", "exit 1")
    (checkout / ".venv/left-over").touch()
    script(checkout / "bin/fake-python", 'if [ "$1" = -m ]; then mkdir -p "$3/bin"; cp good-python "$3/bin/python"; fi')
    done = run(checkout, changes='python_fits() { "$1" -c pass >/dev/null; }')
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
    assert "making .venv anew" in done.stderr
    assert not (checkout / ".venv/left-over").exists()


@pytest.mark.parametrize(
    "name", ["run", "test", ".ci/run", "deploy/setup.sh", "deploy/lock.sh", "deploy/clean_room.sh", "deploy/install.sh"]
)
def test_the_scripts_are_posix_shell(name: str) -> None:
    subprocess.run(["/bin/sh", "-n", str(TOP / name)], check=True, timeout=60)


@pytest.mark.parametrize(
    "name", ["run", "test", ".ci/run", "deploy/lock.sh", "deploy/clean_room.sh", "deploy/install.sh"]
)
def test_the_scripts_can_be_started(name: str) -> None:
    assert os.access(TOP / name, os.X_OK)


def test_ci_runs_what_the_readme_says() -> None:
    assert "./test    #" in (TOP / "README.md").read_text()
    assert (TOP / ".ci/run").read_text().splitlines()[-1].endswith("exec ./test")
