"""Each change of the breaker incident's fix taken back by its one variable, seen from outside a gateway that runs.

That the variable is read is in test_breaker.py; here is that it does what it says.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "targets/incidents/breaker"))

from gateway_harness.client import connected, visit
from gateway_harness.gateway import LOOK, gateway
from gateway_harness.upstream import ANSWERS, ERRORS, HANGS, Upstream

FAILS_AT_ONCE = {"WEBSOCKET_CONNECT_PHASES": "0.1"}
"""One try, so that a test does not wait for five."""
WAKES_OF_UVICORN = 10
"""A second: it looks so often whether it is to stop; 9.9 measured by measure.py."""


@pytest.fixture
def failing() -> Iterator[Upstream]:
    with Upstream(ERRORS) as upstream:
        yield upstream


def held(client: socket.socket) -> bool:
    """Whether the gateway keeps a connection for as long as the client looks; what it sends meanwhile is read."""
    try:
        return client.recv(4096) != b""
    except TimeoutError:
        return True


def ends(port: int, count: int) -> list[str]:
    return [visit(port).ended for _ in range(count)]


def test_the_breaker(failing: Upstream) -> None:
    with gateway("after", failing.url, FAILS_AT_ONCE) as on:
        assert ends(on.port, 5) == ["1011"] * 3 + ["1013"] * 2
    failing.asked = 0
    with gateway("after", failing.url, {**FAILS_AT_ONCE, "WEBSOCKET_BREAKER_THRESHOLD": "999"}) as off:
        assert ends(off.port, 5) == ["1011"] * 5
    assert failing.asked == 5


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ("accept", ["1011"] * 3 + ["1013"]),
        ("http-503", ["1011"] * 3 + ["http 503"]),
        ("close", ["http 403"] * 4),
        ("raise", ["http 500"] * 4),
    ],
)
def test_how_clients_are_turned_away(failing: Upstream, how: str, seen: list[str]) -> None:
    with gateway("after", failing.url, {**FAILS_AT_ONCE, "WEBSOCKET_TURN_AWAY": how}) as serving:
        assert ends(serving.port, 4) == seen


def test_the_phases() -> None:
    """A service that hangs once and answers then: whoever tries again is in, whoever waits is not."""
    for phases, seen in (("0.2 0.2 0.2", "welcome"), ("off", "1011")):
        changes = {"WEBSOCKET_CONNECT_PHASES": phases}
        with (
            Upstream(HANGS) as upstream,
            gateway("after", upstream.url, changes) as serving,
            ThreadPoolExecutor() as pool,
        ):
            coming = pool.submit(visit, serving.port)
            while not upstream.asked:
                time.sleep(LOOK)
            upstream.mode = ANSWERS
            assert coming.result().ended == seen
            assert (upstream.asked > 1) is (seen == "welcome")


def test_the_time_out_of_all_phases() -> None:
    """What takes it back leaves the 900 s for the establishment, here 1.5 s."""
    for timeout, least, most in (("0.3", 0.3, 1.5), ("off", 1.5, 9.0)):
        changes = {
            "WEBSOCKET_CONNECT_PHASES": "off",
            "WEBSOCKET_CONNECT_TIMEOUT": timeout,
            "WEBSOCKET_CONNECTION_TIMEOUT": "1.5",
        }
        with Upstream(HANGS) as upstream, gateway("after", upstream.url, changes) as serving:
            seen = visit(serving.port)
        assert seen.ended == "1011"
        assert least <= seen.seconds < most


def test_the_selectors_cap() -> None:
    """One that is reached before uvicorn's own looks is seen as wake-ups; the owners' 1 s never is."""
    woken = {}
    for cap in ("off", "1", "0.01"):
        with gateway("after", changes={"WEBSOCKET_SELECTOR_CAP": cap}) as serving:
            if cap != "0.01":  # which never sleeps for long enough to be seen asleep twice
                serving.wait_until_it_sleeps()
            began, before = time.monotonic(), serving.used()[1]
            time.sleep(1)
            woken[cap] = (serving.used()[1] - before) / (time.monotonic() - began)
    assert woken["off"] < 2 * WAKES_OF_UVICORN
    assert woken["1"] < 2 * WAKES_OF_UVICORN
    assert woken["0.01"] > 3 * WAKES_OF_UVICORN, "100 a second on an idle machine"


def test_memory_and_cores() -> None:
    mine = sorted(os.sched_getaffinity(0))
    with gateway("after", changes={"GATEWAY_MEMORY": "1000000000", "GATEWAY_CORES": "1"}) as serving:
        limits = Path(f"/proc/{serving.pid}/limits").read_text(encoding="ascii")
        assert next(line for line in limits.splitlines() if line.startswith("Max data size")).split()[3] == "1000000000"
        assert serving.status("Cpus_allowed_list") == str(mine[0])
    with gateway("after", changes={"GATEWAY_MEMORY": "off", "GATEWAY_CORES": "off"}) as serving:
        limits = Path(f"/proc/{serving.pid}/limits").read_text(encoding="ascii")
        assert next(line for line in limits.splitlines() if line.startswith("Max data size")).split()[3] == "unlimited"
        assert os.sched_getaffinity(serving.pid) == set(mine)


def test_the_time_out_of_the_handshake() -> None:
    """Half a request: closed after it, and kept where it is off, as stock uvicorn keeps it."""
    for timeout, kept in (("0.3", False), ("off", True)):
        with (
            gateway("after", changes={"WEBSOCKET_HANDSHAKE_TIMEOUT": timeout}) as serving,
            socket.create_connection(("127.0.0.1", serving.port), timeout=1.5) as client,
        ):
            client.sendall(b"GET /session HTTP/1.1\r\nHost: x\r\n")
            assert held(client) is kept


def test_who_is_asked_in_time_stays_beyond_the_time_out_of_the_handshake() -> None:
    with (
        gateway("after", changes={"WEBSOCKET_HANDSHAKE_TIMEOUT": "0.3"}) as serving,
        connected(serving.port, patience=1.0, token="user-1") as (client, status),
    ):
        assert status == 101
        assert client.recv(64).endswith(b"welcome")
        client.settimeout(0.2)
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            assert held(client)


def test_the_time_out_of_the_close(failing: Upstream) -> None:
    """A client that never answers the close frame keeps its TCP for so long."""
    for timeout, least, most in (("0.3", 0.3, 1.5), ("1.5", 1.5, 9.0)):
        changes = {**FAILS_AT_ONCE, "WEBSOCKET_CLOSE_TIMEOUT": timeout}
        with (
            gateway("after", failing.url, changes) as serving,
            connected(serving.port, patience=9.0, token="user-1") as (client, _),
        ):
            began = time.monotonic()
            while client.recv(4096):
                pass
            assert least * 0.9 <= time.monotonic() - began < most
