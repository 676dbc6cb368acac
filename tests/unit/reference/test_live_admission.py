"""A full server says so, gracefully, to exactly those who are too many; those inside notice nothing."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import time
from collections import Counter
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .raw_client import Connect
from .running import RunningServer, StartServer, wait_until

LIMIT = 100
OPTIONS: dict[str, Any] = {"proxy": None, "compression": None, "ping_interval": None}
SWEEP = 0.2
PATIENCE = 10.0
"""Seconds until a hang fails the test."""


async def knock(stack: AsyncExitStack, url: str) -> ClientConnection | str:
    """Open a connection, or the way it was refused."""
    try:
        websocket = await stack.enter_async_context(connect(url, open_timeout=PATIENCE, **OPTIONS))
    except InvalidStatus as refusal:
        return f"{refusal.response.status_code} retry after {refusal.response.headers['Retry-After']}"
    try:
        await websocket.send("x")
        await asyncio.wait_for(websocket.recv(), PATIENCE)
    except ConnectionClosed as closed:
        return f"{closed.rcvd.code} {closed.rcvd.reason}" if closed.rcvd else "closed without a close frame"
    return websocket


@pytest.mark.parametrize(
    ("style", "answer"), [("http-503", "503 retry after 1"), ("close-1013", "1013 connection limit reached")]
)
async def test_burst_of_half_as_many_again(start_server: StartServer, style: str, answer: str) -> None:
    server = start_server(WEBSOCKET_REJECT_WITH=style)
    async with AsyncExitStack() as stack:
        outcomes = await asyncio.gather(*(knock(stack, server.url("/echo")) for _ in range(LIMIT + LIMIT // 2)))
        inside = [outcome for outcome in outcomes if isinstance(outcome, ClientConnection)]
        refused = Counter(outcome for outcome in outcomes if isinstance(outcome, str))
        assert len(inside) == LIMIT
        assert refused == {answer: LIMIT // 2}
        assert server.stat("/rejected") == {"total": LIMIT // 2, "by_reason": {"limit": LIMIT // 2}}
        for websocket in inside:
            await websocket.send("still here")
        replies = await asyncio.gather(*(asyncio.wait_for(websocket.recv(), PATIENCE) for websocket in inside))
        assert set(replies) == {"still here"}
        assert "websocket_connections_critical" in server.get("/health")["alerts"]

        # One leaves, one comes in, at once: the place is free no later than the client knows it has left.
        for leaving in inside[: LIMIT // 2]:
            await leaving.close()
            assert isinstance(await knock(stack, server.url("/echo")), ClientConnection)
    wait_until(lambda: server.get("/health")["alerts"] == [], within=PATIENCE)
    assert server.stat("/connections/inside") == 0


def test_clients_are_warned_from_the_threshold_on(start_server: StartServer, connect: Connect) -> None:
    # No other warning comes before that one, however long they take to come in.
    server = start_server(
        WEBSOCKET_MAX_CONNECTIONS="20", WEBSOCKET_HEARTBEAT_INTERVAL="30", WEBSOCKET_IDLE_TIMEOUT_SECONDS="0"
    )
    echo = connect(server.url("/echo"))
    early = [connect(server.url("/live")) for _ in range(15)]
    assert server.stat("/backpressure") == {"active": False, "warned": 0}
    late = [connect(server.url("/live")) for _ in range(3)]
    warnings = [client.next_frame() for client in (*early, *late)]
    # Sixteen were in already, one of them on /echo: the seventeenth sets off the warning, the next two get their own.
    assert Counter(bytes(frame.data) for frame in warnings if frame is not None) == {
        b'{"type": "backpressure_warning", "connections": 17, "limit": 20}': 16,
        b'{"type": "backpressure_warning", "connections": 18, "limit": 20}': 1,
        b'{"type": "backpressure_warning", "connections": 19, "limit": 20}': 1,
    }
    assert server.stat("/backpressure") == {"active": True, "warned": 18}
    # /echo sends nothing of its own.
    echo.send_text("x")
    frame = echo.next_frame()
    assert frame is not None
    assert frame.data == b"x"
    for client in (*early, *late):
        client.close()
    wait_until(lambda: server.stat("/backpressure/active") is False, within=PATIENCE)


def test_memory_limit_rejects(start_server: StartServer, connect: Connect) -> None:
    server = start_server(WEBSOCKET_MEMORY_LIMIT_MB="1")
    client = connect(server.url("/echo"))
    assert client.response is not None
    assert client.response.status_code == 503
    assert client.response.body == b"memory limit reached\n"
    assert server.get("/health")["alerts"] == ["websocket_memory_usage_critical", "websocket_memory_usage_high"]


def test_origin_token_and_rate(start_server: StartServer, connect: Connect) -> None:
    import jwt

    secret = "0123456789abcdef0123456789abcdef"
    server = start_server(
        WEBSOCKET_ALLOWED_ORIGINS="https://good.example, https://also.example",
        WEBSOCKET_JWT_SECRET=secret,
        WEBSOCKET_HANDSHAKE_RATE="0.01",
        WEBSOCKET_HANDSHAKE_BURST="6",
    )
    now = int(time.time())

    def answer(path: str, **headers: str) -> tuple[int, str]:
        response = connect(server.url(path), headers=headers).response
        assert response is not None
        return response.status_code, bytes(response.body or b"").decode()

    def token(**claims: object) -> str:
        return jwt.encode(claims, secret, algorithm="HS256")

    assert answer("/echo", Origin="https://evil.example") == (403, "origin not allowed\n")
    assert answer("/echo", Origin="https://good.example") == (401, "token missing\n")
    assert answer("/echo", Authorization="Bearer nonsense") == (401, "token invalid\n")
    assert answer("/echo?token=" + token(exp=now - 60)) == (401, "token expired\n")
    assert answer("/echo?token=" + token(sub="for ever")) == (401, "token invalid\n")
    assert answer("/session", Authorization="Bearer " + token(exp=now + 60), Origin="https://also.example") == (101, "")
    assert answer("/echo?token=" + token(exp=now + 60)) == (101, "")
    assert answer("/echo?token=" + token(exp=now + 60)) == (429, "too many handshakes\n")
    assert server.stat("/rejected/by_reason") == {"origin": 1, "token": 4, "rate": 1}


def test_burst_on_a_stopped_server_waits_in_the_kernel(server: RunningServer) -> None:
    server.signal(signal.SIGSTOP)
    with ExitStack() as stack:
        # Without room in the listen queue the kernel drops the SYN, and the client tries again only after a second.
        for _ in range(5 * LIMIT):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=0.9))
        server.signal(signal.SIGCONT)
        assert server.get("/health")["status"] == "ok"


def test_burst_beyond_the_open_files_is_survived_quietly(server: RunningServer, connect: Connect) -> None:
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    with ExitStack() as stack:
        for _ in range(2 * LIMIT):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        wait_until(lambda: "cannot accept connections" in server.log_text(), within=PATIENCE)
        time.sleep(3 * SWEEP)  # sweeps must get along without a file descriptor
    # asyncio tries again after a second, 40 of the 200 dead ones at a time.
    assert connect(server.url("/echo")).opened
    assert server.stat("/accept_failures") > LIMIT
    assert len(server.log_text().splitlines()) == 1


def test_wrong_path_is_404(server: RunningServer, connect: Connect) -> None:
    response = connect(server.url("/nowhere")).response
    assert response is not None
    assert (response.status_code, response.body) == (404, b"no WebSocket at /nowhere\n")
    assert server.log_text() == ""
