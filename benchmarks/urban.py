"""Runs the service on a scene and holds its contacts against the truth: one contact for every emitter, no other.

    .venv/bin/python benchmarks/urban.py [--scene urban] [--seconds 180] [--json FILE]

A contact belongs to an emitter if its class path begins like the emitter's (or is Unknown) and its centre lies in
what the emitter ever occupies. The radio is the emulated one, through libiio.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import Figures, parser, report
from resilience_service import Service

from ndefender.config.load import default_toml
from ndefender.radio.scene import EmitterTruth, emitters, load_scene

SLACK_HZ = 0.5e6


def main() -> int:
    """Run, compare, report; 1 if the contacts are not the emitters."""
    options = parser("Hold the contacts of a scene against its truth.")
    options.add_argument("--scene", default="urban")
    options.add_argument("--seconds", type=float, default=180.0)
    asked = options.parse_args()
    expected = [one for one in emitters(load_scene(asked.scene)) if one.contact]
    with tempfile.TemporaryDirectory() as folder:
        events = watch(Path(folder), asked.scene, asked.seconds)
    known = {event["data"]["id"]: event["data"] for event in events}
    found = Counter(name for contact in known.values() for name in owners(contact, expected))
    strangers = [contact for contact in known.values() if not owners(contact, expected)]
    for one in expected:
        print(f"{one.name:24s} {found[one.name]} contact(s)")
    for contact in known.values():
        names = ", ".join(owners(contact, expected)) or "NO EMITTER"
        path = "/".join(contact["features"]["class_path"])
        print(f"{contact['id']:18s} {contact['freq_hz'] / 1e6:9.3f} MHz  {path:32s} {names}")
    again = sum(event["type"] == "RF_CONTACT_NEW" for event in events) - len(known)
    figures: Figures = {
        "seconds": asked.seconds,
        "emitters": float(len(expected)),
        "emitters_with_one_contact": float(sum(found[one.name] == 1 for one in expected)),
        "contacts_without_emitter": float(len(strangers)),
        "contacts_lost_and_new_again": float(again),
    }
    report("urban", figures, facts={"scene": asked.scene}, simulated=True, json_path=asked.json)
    met = all(found[one.name] == 1 for one in expected) and not strangers and not again
    return 0 if met else 1


def watch(folder: Path, scene: str, seconds: float) -> list[dict[str, Any]]:
    """Let the service run; return the events of its log."""
    config = default_toml().decode().replace('uri = "emulate:urban"', f'uri = "emulate:{scene}"')
    service = Service(folder, config.replace("port = 8890", "port = 0"))
    try:
        service.await_whole()
        time.sleep(seconds)
        service.stop()
        return service.events()
    finally:
        service.destroy()


def owners(contact: dict[str, Any], expected: Sequence[EmitterTruth]) -> list[str]:
    """Names of the emitters that a contact may be: the most alike class first, one name if any class fits."""
    path, center_hz = tuple(contact["features"]["class_path"]), float(contact["freq_hz"])
    here = [one for one in expected if one.low_hz - SLACK_HZ <= center_hz <= one.high_hz + SLACK_HZ]
    named = [
        one.name for one in here if path[: len(one.class_path)] == one.class_path or one.class_path[: len(path)] == path
    ]
    if named:
        return named[:1]
    return [one.name for one in here][:1] if path == ("Unknown",) else []


if __name__ == "__main__":
    sys.exit(main())
