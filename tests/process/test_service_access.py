"""Keys, foreign names and foreign pages at every route and socket of the running service's three APIs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from service_peers import BASE, Addresses, bare_settings
from service_rig import DEADLINE_S, Service, wait_for
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ndefender.config.settings import AggregatorSettings, AntsdrApiSettings, SystemControllerSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
KEYS = {"aggregator": "key-of-the-aggregator", "system": "key-of-the-system", "scan": "key-of-the-radio"}
APIS = sorted(KEYS)
SOCKETS = {
    "aggregator": ("/ws", "/rf/spectrum?band=R1"),
    "system": ("/ws",),
    "scan": ("/events", "/spectrum?band=R1"),
}
BESIDE = ("/metrics", "/docs", "/openapi.json", BASE + "/asyncapi.json", BASE + "/nothing", "/")
ROUTES = {"aggregator": 30, "system": 25, "scan": 20}  # at least
ERRORS = {"aggregator": {"detail"}, "system": {"detail"}, "scan": {"error"}}
FOREIGN = ("http://evil.example", "null", "http://127.0.0.1:1")
UPGRADE = {  # by hand: a client library does not lend its Host
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec_websocket_version": "13",
    "sec_websocket_key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
NAMES = {"contact_id": "rf:5658000000", "name": "ndefender"}


class Locked:
    """A service with a key of its own for every API, and a client of each that has no key yet."""

    def __init__(self, service: Service, at: Addresses) -> None:
        self.service = service
        self.at = at
        self.clients = {
            api: httpx.Client(base_url=f"http://{host}", timeout=DEADLINE_S, trust_env=False)
            for api, host in at.hosts.items()
        }

    def ask(self, api: str, method: str, path: str, **headers: str) -> httpx.Response:
        """One request. Whoever gets in with a POST is refused for its body, and nothing happens."""
        body = b"{no json" if method == "POST" else None
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.clients[api].request(method, path, headers=named, content=body)

    def routes(self, api: str) -> list[tuple[str, str]]:
        """Every method and path of its document, with names filled in."""
        document = self.ask(api, "GET", "/openapi.json", x_api_key=KEYS[api]).json()
        return [
            (method.upper(), path.format(**{name: NAMES[name] for name in NAMES if "{" + name in path}))
            for path, methods in document["paths"].items()
            for method in methods
            if path != BASE + "/session"  # it proves the key itself
        ]

    def upgrade(self, api: str, path: str, **headers: str) -> int:
        """Status of an upgrade; 101 where the socket opens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with connect(self.at.ws(api, path), open_timeout=DEADLINE_S, close_timeout=0.5, additional_headers=named):
                return 101
        except InvalidStatus as refused:
            assert refused.response.body is not None
            assert json.loads(refused.response.body).keys() == ERRORS[api]
            return refused.response.status_code


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("locked")
    settings = msgspec.structs.replace(
        bare_settings(folder),
        api=AntsdrApiSettings(port=0, command_rate_per_min=0.0, api_key=KEYS["scan"]),
        aggregator=AggregatorSettings(port=0, command_rate_per_min=0.0, api_key=KEYS["aggregator"]),
        system_controller=SystemControllerSettings(port=0, command_rate_per_min=0.0, api_key=KEYS["system"]),
    )
    service = Service(settings, folder)
    try:
        wait_for(lambda: service.pids("front"), f"the front is up\n{service.log()}")
        found = Locked(service, Addresses(service))

        def answers() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                band = found.ask("scan", "GET", BASE + "/spectrum?band=R1", x_api_key=KEYS["scan"])
                return band.status_code == 200
            return False

        wait_for(answers, f"a dwell was analysed\n{service.log()}")
        yield found
        log = service.log()
        assert not [key for key in KEYS.values() if key in log]
        assert "Traceback" not in log
    finally:
        service.destroy()


@pytest.mark.parametrize("api", APIS)
def test_no_route_answers_without_its_own_key(locked: Locked, api: str) -> None:
    own = KEYS[api]
    wrong = ["", own[:-1], own + "x", own.upper(), *(key for other, key in KEYS.items() if other != api)]
    routes = locked.routes(api)
    assert len(routes) >= ROUTES[api]
    for number, (method, path) in enumerate([*routes, *(("GET", path) for path in BESIDE)]):
        for headers in ({}, {"x_api_key": wrong[number % len(wrong)]}):
            answer = locked.ask(api, method, path, **headers)
            assert answer.status_code == 401, (method, path, headers)
            assert answer.headers["content-type"] == "application/json"
            assert answer.json().keys() == ERRORS[api]
    for key in wrong:
        assert locked.ask(api, "GET", BASE + "/health", x_api_key=key).status_code == 401


@pytest.mark.parametrize("api", APIS)
def test_the_key_opens_every_route_and_is_told_by_none(locked: Locked, api: str) -> None:
    for method, path in locked.routes(api):
        query = "?band=R1" if path.endswith("/spectrum") else ""
        answer = locked.ask(api, method, path + query, x_api_key=KEYS[api])
        wanted = {200, 404} if "/evidence" in path else {200}
        assert answer.status_code in (wanted if method == "GET" else {200, 400}), (method, path, answer.text)
        assert not [key for key in KEYS.values() if key in answer.text], path


@pytest.mark.parametrize("api", APIS)
def test_no_socket_opens_without_its_own_key(locked: Locked, api: str) -> None:
    for path in SOCKETS[api]:
        assert locked.upgrade(api, path) == 401
        for other in APIS:
            assert locked.upgrade(api, path, x_api_key=KEYS[other]) == (101 if other == api else 401)
        ticket = locked.ask(api, "POST", BASE + "/session/ticket", x_api_key=KEYS[api])
        assert ticket.status_code == 400  # refused for its body: nothing was given out
        ticket = locked.clients[api].post(BASE + "/session/ticket", headers={"X-API-Key": KEYS[api]})
        once = f"{path}{'&' if '?' in path else '?'}ticket={ticket.json()['ticket']}"
        assert [locked.upgrade(api, once), locked.upgrade(api, once)] == [101, 401]


@pytest.mark.parametrize("api", APIS)
def test_a_foreign_page_opens_no_socket_and_changes_nothing(locked: Locked, api: str) -> None:
    keyed = {"x_api_key": KEYS[api]}
    for origin in FOREIGN:
        for path in SOCKETS[api]:
            assert locked.upgrade(api, path, origin=origin, **keyed) == 403
        for method, path in locked.routes(api):
            if method == "POST":
                assert locked.ask(api, method, path, origin=origin, **keyed).status_code == 403, path
        answer = locked.ask(api, "GET", BASE + "/health", origin=origin, **keyed)
        assert "access-control-allow-origin" not in answer.headers
    own = f"http://{locked.at.hosts[api]}"
    assert locked.upgrade(api, SOCKETS[api][0], origin=own, **keyed) == 101


@pytest.mark.parametrize("api", APIS)
def test_a_name_that_was_pointed_here_gets_nothing(locked: Locked, api: str) -> None:
    keyed = {"x_api_key": KEYS[api]}
    port = locked.at.hosts[api].rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "169.254.169.254"):
        for method, path in locked.routes(api):
            answer = locked.ask(api, method, path, host=host, **keyed)
            assert answer.status_code == 403, (host, method, path)
            assert answer.json().keys() == ERRORS[api]
        for path in SOCKETS[api]:
            assert locked.ask(api, "GET", BASE + path, host=host, **keyed, **UPGRADE).status_code == 403
    assert locked.ask(api, "GET", BASE + "/health", host=f"localhost:{port}", **keyed).status_code == 200
