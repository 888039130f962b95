"""Requests made from an API's OpenAPI document, right and wrong ones, and what it answers held against the document.

Never at a host that matters: what the service behind the API may do, these requests make it do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import harness

DOCUMENT = "/openapi.json"
CASES = 2000  # at least, unless told otherwise
EXAMPLES = 10  # of each operation and kind in a round
ROUND_LIMIT_S = 900.0
MAX_ROUNDS = 40
ALL_PHASES = "examples,coverage,fuzzing,stateful"
RANDOM_PHASES = "fuzzing,stateful"  # the others make the same requests again
SERVER_ERROR = "ServerError"
# Bodies that are right by their schema and may yet be refused with 400, for what no schema can say. Everything else
# about these operations is checked, and what they refuse has tests of its own.
UNSAID = {
    "/scan/start": "a schema compares no two fields: start_hz must be below stop_hz",
    "/gain/set": "the limits of the gain follow the band that the radio is on",
    "/device/calibrate": "the radio says which calibrations it has",
    "/run/replay": "a path must be one under the log folder, and what is there a log",
    "/config/reload": "what is wrong may be in the file",
    "/network/wifi/connect": "which password will do depends on the network that is heard",
}
ACCEPTED = ("2xx", "3xx", "400", "401", "403", "404", "409", "429", "5xx")  # the fuzzer's own, and 400
KEPT_CHARS = 20_000  # of what the fuzzer says, its end


@dataclass
class Verdict:
    """What came of one or more rounds.

    Args:
        cases: requests that were made.
        failures: different ways in which an answer was not as documented, over the rounds.
        server_errors: those of them that were a 5xx.
        operations, operations_tested: of the document.
        broken: why a round came to no verdict.
        said: what the fuzzer says of the failures, each with a command line that shows it again.
    """

    cases: int = 0
    failures: int = 0
    server_errors: int = 0
    operations: int = 0
    operations_tested: int = 0
    broken: str | None = None
    said: list[str] = field(default_factory=list)


def _rule(path: str) -> str:
    """Table of the fuzzer's configuration for the operations whose path ends like that."""
    return (
        f"[[operations]]\ninclude-path-regex = '{path}$'\n"
        f"checks.positive_data_acceptance.expected-statuses = {json.dumps(ACCEPTED)}\n"
    )


def fuzz_round(url: str, seed: int, phases: str, examples: int, key: str, verdict: Verdict) -> None:
    """One run over all operations of the document, all checks.

    Args:
        url: of the API, without a path.
        seed: of everything random.
        phases: comma-separated.
        examples: of each operation and kind.
        key: the API's key, empty where it has none.
        verdict: what came of it is added.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "report.json"
        rules = Path(folder) / "rules.toml"
        rules.write_text("\n".join(_rule(path) for path in UNSAID))
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(rules), "run", url + DOCUMENT),
            *("--checks", "all", "--phases", phases, "--max-examples", str(examples), "--seed", str(seed)),
            *("--generation-database", "none", "--continue-on-failure", "--request-timeout", "30", "--no-color"),
            *("--report", "json", "--report-json-path", str(told)),
        ]
        if key:
            command += ["--header", f"X-API-Key: {key}"]
        # Nothing but the API is asked, whatever proxies the environment names; a folder of its own holds its leavings.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=ROUND_LIMIT_S
        )
        said = (done.stdout + done.stderr)[-KEPT_CHARS:]
        if not told.exists():
            verdict.broken = f"the fuzzer came to no report (exit {done.returncode}):\n{said}"
            return
        found: dict[str, Any] = json.loads(told.read_text())
    verdict.cases += found["test_cases"]["generated"]
    verdict.failures += found["test_cases"]["unique_failures"]
    verdict.server_errors += sum(each["count"] for each in found["failures"] if each["type"] == SERVER_ERROR)
    verdict.operations = found["operations"]["total"]
    verdict.operations_tested = max(verdict.operations_tested, found["operations"]["tested"])
    if found["errors"] or not found["complete"] or found["test_cases"]["errored"]:
        verdict.broken = f"the fuzzer did not finish:\n{said}"
    elif found["failures"]:
        verdict.said.append(said)


def fuzz(url: str, cases: int, *, seed: int = 1, key: str = "", examples: int = EXAMPLES) -> Verdict:
    """Make rounds until there were enough requests.

    Args:
        url: of the API, without a path.
        cases: at least so many requests.
        seed: of the first round.
        key: the API's key, empty where it has none.
        examples: of each operation and kind in a round.
    """
    verdict = Verdict()
    for number in range(MAX_ROUNDS):
        phases = RANDOM_PHASES if number else ALL_PHASES
        fuzz_round(url.rstrip("/"), seed + number, phases, examples, key, verdict)
        if verdict.broken is not None or verdict.cases >= cases:
            return verdict
    verdict.broken = f"{verdict.cases} cases after {MAX_ROUNDS} rounds, {cases} are needed"
    return verdict


def main() -> int:
    """Fuzz one API and report."""
    parser = harness.parser(str(__doc__).splitlines()[0])
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    parser.add_argument("--url", required=True, help="of the API, for example http://127.0.0.1:8002")
    parser.add_argument("--cases", type=int, default=CASES, help="at least so many requests")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    parser.add_argument("--key", default="", help="the API's key")
    arguments = parser.parse_args()
    verdict = fuzz(arguments.url, arguments.cases, seed=arguments.seed, key=arguments.key)
    for said in verdict.said:
        print(said, file=sys.stderr)
    return harness.report(
        "fuzz_api",
        {
            "cases": verdict.cases,
            "failures": verdict.failures,
            "server_errors": verdict.server_errors,
            "operations": verdict.operations,
            "operations_tested": verdict.operations_tested,
        },
        facts={"url": arguments.url, "seed": arguments.seed, "schemathesis": harness._version("schemathesis")},
        void=verdict.broken,
        json_path=arguments.json,
    )


if __name__ == "__main__":
    sys.exit(main())
