"""`ndefender doctor`: what this machine lacks, in plain words."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click
import msgspec

import ndefender
from ndefender.cli import checks
from ndefender.cli.options import config_option, environment
from ndefender.config.load import ConfigProblems, find_config, load_settings
from ndefender.config.settings import Settings
from ndefender.errors import ConfigError
from ndefender.runtime.wiring import layout_for

_MARKS: dict[checks.Level, str] = {"ok": "ok", "warning": "warning", "missing": "MISSING"}


def examine(config: Path | None, environ: dict[str, str]) -> list[checks.Finding]:
    """Run every check. A configuration that cannot be read is a finding; the rest then goes by the defaults."""
    findings = []
    try:
        settings = load_settings(config, environ)
        findings.append(checks.Finding("configuration", "ok", str(find_config(config) or "built-in defaults")))
    except ConfigError as error:
        settings = Settings()
        problems = error.problems if isinstance(error, ConfigProblems) else [error]
        findings.extend(checks.Finding("configuration", "missing", str(problem)) for problem in problems)
    log, api = settings.log, settings.api
    return [
        *findings,
        checks.python(),
        checks.packages(),
        checks.libiio(),
        checks.pylibiio(),
        checks.shared_memory(sum(spec.total_bytes for spec in layout_for(settings))),
        checks.cores(),
        checks.kernel_cache(Path(ndefender.__file__).parent, environ, Path.home()),
        checks.radio(settings.radio.uri),
        checks.port_free("api port", api.host, api.port),
        checks.log_folder(Path(log.folder), (log.max_files + 1) * log.max_file_bytes),
        checks.clock(),
        checks.device_access(),
    ]


@click.command("doctor")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
def command(config: Path | None, as_json: bool) -> None:
    """Say what this machine lacks and how to get it. Exit code 1 if something is missing; warnings do not count.

    It looks and changes nothing. While the service runs, its own port shows as taken.
    """
    findings = examine(config, environment())
    missing = sum(finding.level == "missing" for finding in findings)
    if as_json:
        click.echo(msgspec.json.encode({"ok": missing == 0, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            click.echo(f"{_MARKS[finding.level]:<8} {finding.name:<14} {finding.says}")
            if finding.remedy:
                click.echo(f"{'':<23} -> {finding.remedy}")
        click.echo(
            "Nothing is missing." if missing == 0 else f"{missing} missing: ndefender will not work as configured."
        )
    sys.exit(1 if missing else 0)
