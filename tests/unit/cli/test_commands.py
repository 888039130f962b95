"""The table of commands: complete, quick, and errors that end as one line."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from ndefender import __version__
from ndefender.cli.main import COMMANDS, Commands, cli
from ndefender.errors import ConfigError, RecordingError

HEAVY = ("numba", "numpy", "sanic", "pyfftw", "adi", "iio", "rich")


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage: cli " + name)


@pytest.mark.parametrize("arguments", [["version"], ["--help"]])
def test_the_quick_commands_import_nothing_heavy(arguments: list[str]) -> None:
    loaded = _python(
        "import sys\n"
        "from ndefender.cli.main import cli\n"
        f"cli.main({arguments!r}, standalone_mode=False)\n"
        "print('MODULES', *sys.modules)\n"
    ).split("MODULES ")[1]
    assert "click" in loaded.split()
    assert not set(HEAVY) & set(loaded.split())


def test_python_dash_m_tells_the_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ndefender", "version"], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli, ["fly"])
    assert result.exit_code == 2
    assert "fly" in result.output


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            RecordingError("a.sigmf-meta: core:datatype\nis missing"),
            1,
            "ndefender: a.sigmf-meta: core:datatype is missing",
        ),
        (
            ConfigError("api.port", "is 70000, must be 1 to 65535"),
            78,
            "ndefender: api.port: is 70000, must be 1 to 65535",
        ),
    ],
)
def test_errors_of_the_tree_are_one_line_on_standard_error(error: Exception, code: int, line: str) -> None:
    class OneCommand(Commands):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            return failing

    @click.group(cls=OneCommand)
    def group() -> None:
        """Group."""

    @click.command()
    def failing() -> None:
        raise error

    result = CliRunner().invoke(group, ["failing"])
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr == line + "\n"
