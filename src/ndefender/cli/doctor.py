"""`ndefender doctor`: what this machine lacks, in plain words."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click
import msgspec

import ndefender
from ndefender.cli import checks, host_checks
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
    log = settings.log
    apis = {name: getattr(settings, name) for name in ("aggregator", "system_controller", "api")}
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
        *(checks.port_free(f"{name} port", api.host, api.port, name) for name, api in apis.items()),
        checks.log_folder(Path(log.folder), (log.max_files + 1) * log.max_file_bytes),
        checks.clock(),
        *host(settings),
    ]


def host(settings: Settings) -> list[checks.Finding]:
    """What is around the service. What is switched off is not looked at."""
    findings = host_checks.system_bus(settings.host.dbus_address)
    if settings.ups.enabled:
        findings.append(host_checks.ups(settings.ups.bus, settings.ups.keep_alive_s))
    if settings.esp32.enabled:
        findings.append(host_checks.panel(settings.esp32.port))
    findings.append(host_checks.sound(settings.host.pulse_server))
    if settings.gps.enabled:
        findings.append(host_checks.gpsd(settings.gps.host, settings.gps.port))
    return findings


@click.command("doctor")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
def command(config: Path | None, as_json: bool) -> None:
    """Say what this machine lacks and how to get it. Exit code 1 if something is missing; warnings do not count.

    It looks and changes nothing. While the service runs, its own ports show as taken.
    """
    findings = examine(config, environment())
    missing = sum(finding.level == "missing" for finding in findings)
    if as_json:
        click.echo(msgspec.json.encode({"ok": missing == 0, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            click.echo(f"{_MARKS[finding.level]:<8} {finding.name:<22} {finding.says}")
            if finding.remedy:
                click.echo(f"{'':<31} -> {finding.remedy}")
        click.echo(
            "Nothing is missing." if missing == 0 else f"{missing} missing: ndefender will not work as configured."
        )
    sys.exit(1 if missing else 0)
