"""Parts of the host that hang, die and talk nonsense, seen from the socket: told in time, nobody else disturbed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest
from host_client import EVENT_OF, Heard, listening, section_is
from host_rig import Fault, Served
from system_rig import FREE, Rig, rig

DEADLINE_S = 20.0
STALL_MS = 20.0
BLOCKED_MS = 500.0
# Short, so that the tests are; `benchmarks/host_faults.py` measures with the defaults.
QUICK = {
    "system_period_s": 0.5,
    "services_period_s": 1.0,
    "network_period_s": 1.0,
    "audio_period_s": 1.0,
    "timeout_s": 1.0,
}
# What fails together must not be what another one of them needs.
GROUPS = (frozenset({"systemd", "i2c"}), frozenset({"networkmanager", "audio"}), frozenset({"bus", "gpsd"}))


@pytest.fixture(scope="module")
def host() -> Iterator[Rig]:
    with rig(host=QUICK, ups={"period_s": 0.5}, system_controller=FREE) as running:
        yield running


async def statuses(http: httpx.AsyncClient) -> dict[str, str]:
    """Each section's."""
    answer = await http.get("/status")
    assert answer.status_code == 200
    return {name: section["status"] for name, section in answer.json().items() if isinstance(section, dict)}


async def until(http: httpx.AsyncClient, status: str, names: frozenset[str]) -> None:
    """Wait until all of these sections are so."""
    seen: dict[str, str] = {}
    try:
        async with asyncio.timeout(DEADLINE_S):
            while {(seen := await statuses(http))[name] for name in names} != {status}:
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"not {status} within {DEADLINE_S:g} s: {seen}")


async def goes_on(heard: Heard, names: frozenset[str], since: int) -> None:
    """Hold that these sections are updated as ever, and were well all the time."""
    for name in names & EVENT_OF.keys():
        index = since
        for _ in range(2):
            index = await heard.until(section_is(name, "ok"), index) + 1
        assert {event["data"]["status"] for event in heard.of(EVENT_OF[name], since)} == {"ok"}


async def carried_out(faults: list[Fault], *, begin: bool) -> None:
    """Begin or end them. Daemons die with the thread that started them: those are started from this one."""
    for fault in faults:
        act = fault.begin if begin else fault.end
        if fault.part in {"gpsd", "audio"}:
            act()
        else:
            await asyncio.to_thread(act)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hang", "die", "garbage"])
@pytest.mark.parametrize("parts", GROUPS, ids=["-".join(sorted(group)) for group in GROUPS])
async def test_what_fails_is_offline_with_a_reason_and_comes_back(host: Rig, kind: str, parts: frozenset[str]) -> None:
    served = host.served
    faults = [fault for fault in host.peers.faults(served) if fault.part in parts and fault.kind == kind]
    assert {fault.part for fault in faults} == parts
    hurt = frozenset[str]().union(*(fault.sections for fault in faults))
    async with (
        listening(served.socket) as heard,
        httpx.AsyncClient(base_url=served.http, timeout=DEADLINE_S) as http,
    ):
        well = frozenset((await statuses(http)).keys())
        await until(http, "ok", well)
        served.ask("stalls")
        since = len(heard.events)
        try:
            await carried_out(faults, begin=True)
            await until(http, "offline", hurt)
            for name in hurt & EVENT_OF.keys():
                told = heard.events[await heard.until(section_is(name, "offline"), since)]
                assert told["data"]["last_error"]
                assert "Error:" not in told["data"]["last_error"]  # plain words, not the name of an exception
            section = (await http.get(f"/{min(hurt)}")).json()
            assert section["status"] == "offline"
            assert section["last_error"]
            await goes_on(heard, well - hurt, since)
            if "bus" in parts:
                for path in ("wifi/state", "bluetooth/devices"):
                    assert (await http.get(f"/network/{path}")).json()["status"] == "offline"
                assert (await http.post("/network/wifi/disable", json={})).status_code == 409
        finally:
            back = len(heard.events)
            await carried_out(faults, begin=False)
        await until(http, "ok", well)
        for name in hurt & EVENT_OF.keys():
            await heard.until(section_is(name, "ok"), back)
        await goes_on(heard, well - hurt, since)
        stalls = served.ask("stalls")
    # Processor time in one turn of the loop; a call that blocks takes none, and lasts at least as long as a time-out.
    assert stalls["busy_ms"] < STALL_MS
    assert stalls["late_ms"] < BLOCKED_MS


async def test_a_stop_while_everything_hangs_is_quick_and_clean(host: Rig) -> None:
    served = Served(host.peers.settings(), host.served.log_path.with_name("second"))
    served.start()
    names = frozenset({"ups", "services", "network", "audio", "gps"})
    async with httpx.AsyncClient(base_url=served.http, timeout=DEADLINE_S) as http:
        await until(http, "ok", names)
        faults = [
            fault
            for fault in host.peers.faults(served)
            if fault.kind == "hang" and fault.part in {"bus", "i2c", "gpsd", "audio"}
        ]
        await carried_out(faults, begin=True)
        try:
            await until(http, "offline", names)
            began_s = time.monotonic()
            assert await asyncio.to_thread(served.stop) == 0
            assert time.monotonic() - began_s < DEADLINE_S / 2
        finally:
            await carried_out([fault for fault in faults if fault.part != "i2c"], begin=False)
            served.stop()
    async with httpx.AsyncClient(base_url=host.served.http, timeout=DEADLINE_S) as http:
        await until(http, "ok", names)
