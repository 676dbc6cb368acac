"""SIGTERM: 1001 to everyone, in bounded time, exit code 0; and a start right after the worst of ends."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as client
from websockets.frames import Opcode

from .raw_client import Connect
from .running import REFERENCE, RunningServer, StartServer, clean_environment
from .test_live_closing import fill_the_buffers

SHUTDOWN_TIMEOUT = 2.0
MARGIN = 0.5
DEAD_WITHIN = 1.2
"""Seconds after which the `fast` profile has ended a dead peer."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everybody_is_told_and_the_exit_code_is_zero(
    server: RunningServer, number: signal.Signals, connect: Connect
) -> None:
    clients = [connect(server.url(path)) for path in ("/echo", "/live", "/feed", "/data", "/session") * 4]
    server.signal(number)
    for told in clients:
        frame = told.next_frame(Opcode.CLOSE)
        assert frame is not None
        assert frame.data == b"\x03\xe9server shutting down"
        told.close()
    assert server.process.wait(SHUTDOWN_TIMEOUT + MARGIN) == 0


def test_stalled_and_silent_peers_do_not_hold_it_up(start_server: StartServer, connect: Connect) -> None:
    server = start_server(WEBSOCKET_HEARTBEAT_TIMEOUT="30", WEBSOCKET_PING_TIMEOUT="30")
    stalled = connect(server.url("/echo"), receive_buffer=4096)
    connect(server.url("/feed"))
    fill_the_buffers(stalled)
    start = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.process.wait(SHUTDOWN_TIMEOUT + MARGIN) == 0
    # Bounded by the close timeout of half a second, not by the shutdown timeout.
    assert time.monotonic() - start < SHUTDOWN_TIMEOUT
    assert server.kernel_sockets() == []


def test_second_signal_waits_for_nobody(start_server: StartServer, connect: Connect) -> None:
    server = start_server(WEBSOCKET_CLOSE_TIMEOUT="20", SHUTDOWN_TIMEOUT="30")
    client = connect(server.url("/feed"))
    server.signal(signal.SIGTERM)
    assert client.next_frame(Opcode.CLOSE) is not None
    server.signal(signal.SIGTERM)
    assert server.process.wait(SHUTDOWN_TIMEOUT) == 0


def test_while_draining_newcomers_get_503_and_health_says_so(start_server: StartServer, connect: Connect) -> None:
    shutdown_timeout = 8
    server = start_server(WEBSOCKET_CLOSE_TIMEOUT="1.5", SHUTDOWN_TIMEOUT=str(shutdown_timeout))
    client = connect(server.url("/feed"))
    server.signal(signal.SIGTERM)
    assert client.next_frame(Opcode.CLOSE) is not None
    # It is waiting for this client's answer.
    late = connect(server.url("/echo"))
    assert late.response is not None
    assert late.response.status_code == 503
    assert late.response.headers["Retry-After"] == "1"
    status, health = server.request("/health")
    assert (status, health["status"]) == (503, "draining")
    assert server.process.wait(shutdown_timeout + MARGIN) == 0


def test_port_can_be_bound_at_once_after_sigkill(server: RunningServer, connect: Connect) -> None:
    client = connect(server.url("/echo"))
    client.send_text("x")
    assert client.next_frame(Opcode.TEXT) is not None
    server.signal(signal.SIGKILL)
    server.process.wait()
    again = subprocess.Popen(
        [sys.executable, "-m", "reference_server", "--port", str(server.port), "--profile", "fast"],
        cwd=REFERENCE,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert again.stdout is not None
        assert again.stdout.readline().startswith("reference_server: listening on ")
    finally:
        again.terminate()
        again.communicate(timeout=SHUTDOWN_TIMEOUT)
        assert again.returncode == 0


async def test_stopped_and_continued_server_cuts_none_of_its_living_clients(server: RunningServer) -> None:
    options: dict[str, Any] = {"proxy": None, "compression": None, "ping_interval": None, "close_timeout": 1}
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client(server.url("/live"), **options)) for _ in range(20)]
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(2 * DEAD_WITHIN)
        server.signal(signal.SIGCONT)
        resumed = time.monotonic()
        while time.monotonic() - resumed < DEAD_WITHIN:
            await asyncio.gather(*(echo(websocket) for websocket in clients))
            await asyncio.sleep(DEAD_WITHIN / 10)
        assert server.stat("/heartbeat/dead") == 0
        assert server.stat("/connections/total") == 20
        assert server.stat("/clock/lost") > DEAD_WITHIN


async def echo(websocket: ClientConnection) -> None:
    """One exchange; warnings in between are allowed."""
    await websocket.send("1")
    while (reply := await asyncio.wait_for(websocket.recv(), timeout=DEAD_WITHIN)) != '{"type": "echo", "data": 1}':
        assert "warning" in str(reply)
