"""The upstream side and the accept side, each behind its breaker, against a real upstream that misbehaves."""

from __future__ import annotations

import time

from websockets.frames import Opcode

from .raw_client import Connect
from .running import RunningServer, StartServer, wait_until
from .upstreams import ScriptedUpstream

THRESHOLD = 5
RECOVERY = 0.5
UPSTREAM_TIMEOUT = 0.5
PATIENCE = 10.0
OPEN_FOR_LONG = {"BREAKER_RECOVERY_TIMEOUT": "2"}
"""Seconds for which a breaker is surely open: what has to be done in that time takes hundredths."""


def breaker_state(server: RunningServer, name: str) -> str:
    state: str = server.stat(f"/breakers/{name}/state")
    return state


def after_recovery(server: RunningServer, name: str, *, failed_recoveries: int = 0) -> None:
    """Wait until the breaker would let a probe through."""
    within = RECOVERY * 2**failed_recoveries + PATIENCE
    wait_until(lambda: server.stat(f"/breakers/{name}/retry_after") == 0, within=within)


def test_data_live_then_cached_then_live_again(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    server = start_server(
        UPSTREAM_URL=upstream.url,
        WEBSOCKET_HEARTBEAT_TIMEOUT="30",
        WEBSOCKET_PING_TIMEOUT="30",
        WEBSOCKET_IDLE_TIMEOUT_SECONDS="0",
        **OPEN_FOR_LONG,
    )
    client = connect(server.url("/data"))
    assert client.ask("get") == {"id": 1, "type": "data", "source": "live", "age": 0.0, "value": {"value": 1}}
    upstream.status = 500
    for _ in range(THRESHOLD):
        assert client.ask("get")["source"] == "cached"
    assert breaker_state(server, "upstream") == "open"
    hits = upstream.hits
    for _ in range(20):
        assert client.ask("get")["source"] == "cached"
    assert upstream.hits == hits
    upstream.status = 200
    after_recovery(server, "upstream")
    assert [client.ask("get")["source"] for _ in range(2)] == ["live", "live"]
    assert server.stat("/breakers/upstream/transitions") == {
        "closed->open": 1,
        "open->half-open": 1,
        "half-open->closed": 1,
    }
    assert "upstream_breaker_open" not in server.stat("/alerts")


def test_hanging_upstream_is_a_failing_one(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    server = start_server(UPSTREAM_URL=upstream.url)
    upstream.hang()
    clients = [connect(server.url("/data")) for _ in range(THRESHOLD)]
    start = time.monotonic()
    for client in clients:
        client.send_text('{"type": "get"}')
    for client in clients:
        frame = client.next_frame(Opcode.TEXT)
        assert frame is not None
        assert b"unavailable" in frame.data
    assert time.monotonic() - start < THRESHOLD * UPSTREAM_TIMEOUT, "they waited side by side"
    assert server.stat("/breakers/upstream/failures") == {"timeout": THRESHOLD}
    assert breaker_state(server, "upstream") == "open"
    upstream.resume()


def test_session_is_greeted_with_what_the_upstream_said(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    server = start_server(UPSTREAM_URL=upstream.url)
    client = connect(server.url("/session"), headers={"X-Correlation-ID": "my-session"})
    assert client.response is not None
    assert client.response.headers["X-Correlation-ID"] == "my-session"
    frame = client.next_frame(Opcode.TEXT)
    assert frame is not None
    assert frame.data == b'{"type": "session", "id": "my-session", "upstream": {"value": 1}}'
    assert client.ask("x") == {"type": "echo", "data": {"type": "x", "id": 1}}
    assert upstream.paths == ["/session"]


def test_failed_establishment_names_its_phase_and_opens_the_accept_breaker(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    server = start_server(UPSTREAM_URL=upstream.url, **OPEN_FOR_LONG)
    upstream.status = 500
    for _ in range(THRESHOLD):
        close = connect(server.url("/session")).close_received()
        assert close is not None
        assert (close.code, close.reason) == (1011, "upstream: error: status 500")
    assert server.stat("/establishment_failures") == {"upstream": THRESHOLD}
    hits = upstream.hits
    for _ in range(10):
        close = connect(server.url("/session")).close_received()
        assert close is not None
        assert (close.code, close.reason) == (1013, "Service temporarily unavailable")
    assert upstream.hits == hits
    assert server.stat("/rejected/by_reason") == {"breaker": 10}
    assert "accept_breaker_open" in server.get("/health")["alerts"]
    # The other breaker, and who needs no upstream, are not concerned.
    assert breaker_state(server, "upstream") == "closed"
    assert connect(server.url("/live")).opened

    upstream.status = 200
    after_recovery(server, "accept")
    for _ in range(3):
        greeting = connect(server.url("/session")).next_frame(Opcode.TEXT)
        assert greeting is not None
        assert b'"session"' in greeting.data
    assert breaker_state(server, "accept") == "closed"


def test_hanging_upstream_costs_a_client_its_phase_and_counts(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    phase = "0.2"
    server = start_server(
        UPSTREAM_URL=upstream.url,
        UPSTREAM_TIMEOUT=str(PATIENCE),
        **OPEN_FOR_LONG,
        WEBSOCKET_CONNECT_PHASES=f"1,{phase},1,1,1",
    )
    upstream.hang()
    for _ in range(THRESHOLD):
        close = connect(server.url("/session")).close_received()
        assert close is not None
        assert (close.code, close.reason) == (1011, f"upstream: timeout: no answer within {phase} s")
    assert server.stat("/breakers/accept/failures") == {"timeout": THRESHOLD}
    close = connect(server.url("/session")).close_received()
    assert close is not None
    assert close.code == 1013
    upstream.resume()


def test_who_leaves_while_the_upstream_hangs_is_forgotten_at_once(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    server = start_server(UPSTREAM_URL=upstream.url, UPSTREAM_TIMEOUT=str(PATIENCE), WEBSOCKET_IDLE_TIMEOUT_SECONDS="0")
    upstream.hang()
    client = connect(server.url("/data"))
    client.send_text('{"type": "get"}')
    wait_until(lambda: upstream.hits == 1, within=PATIENCE)
    client.reset()
    wait_until(lambda: server.stat("/connections/total") == 0, within=PATIENCE / 2)
    breaker = server.stat("/breakers/upstream")
    assert (breaker["cancelled"], breaker["failures"]) == (1, {})
    upstream.resume()


def test_open_accept_breaker_can_answer_before_the_upgrade(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    server = start_server(
        UPSTREAM_URL=upstream.url,
        WEBSOCKET_BREAKER_REJECT_WITH="http-503",
        BREAKER_RECOVERY_TIMEOUT="60",
        BREAKER_MAX_RECOVERY_TIMEOUT="60",
    )
    upstream.status = 500
    for _ in range(THRESHOLD):
        connect(server.url("/session")).close_received()
    response = connect(server.url("/session")).response
    assert response is not None
    assert response.status_code == 503
    # A minute from when it opened, which is not long ago.
    assert 30 < int(response.headers["Retry-After"]) <= 60
    assert response.body == b"Service temporarily unavailable\n"


def test_clients_that_leave_or_are_refused_do_not_trip_the_accept_breaker(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    server = start_server(UPSTREAM_URL=upstream.url)
    upstream.status = 403
    for _ in range(2 * THRESHOLD):
        close = connect(server.url("/session")).close_received()
        assert close is not None
        assert (close.code, close.reason) == (1011, "upstream: status 403")
    upstream.status = 200
    upstream.hang()
    for number in range(2 * THRESHOLD):
        client = connect(server.url("/session"), wait=False)
        wait_until(lambda expected=number + 1: upstream.hits >= 2 * THRESHOLD + expected, within=PATIENCE)  # type: ignore[misc]  # bound early
        client.reset()
    wait_until(lambda: server.stat("/connections/inside") == 0, within=PATIENCE)
    accept = server.stat("/breakers/accept")
    assert (accept["state"], accept["failures"], accept["cancelled"]) == ("closed", {}, 4 * THRESHOLD)
    upstream.resume()


def test_upstream_that_is_down_does_not_slow_down_the_others(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    # Nobody is given up while they are asked.
    server = start_server(
        UPSTREAM_URL=upstream.url,
        UPSTREAM_TIMEOUT=str(6 * PATIENCE),
        WEBSOCKET_CONNECT_TIMEOUT=str(6 * PATIENCE),
        WEBSOCKET_CONNECT_PHASES=f"1,{4 * PATIENCE},1,1,1",
    )
    upstream.hang()
    waiting = [connect(server.url("/session"), wait=False) for _ in range(30)]
    wait_until(lambda: upstream.hits > 0, within=PATIENCE)
    echo = connect(server.url("/echo"))
    slowest = 0.0
    for _ in range(50):
        start = time.monotonic()
        echo.send_text("x")
        assert echo.next_frame(Opcode.TEXT) is not None
        slowest = max(slowest, time.monotonic() - start)
    assert slowest < PATIENCE / 2
    upstream.resume()
    for client in waiting:
        client.reset()
