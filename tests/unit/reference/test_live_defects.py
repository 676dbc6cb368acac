"""The seam for defects: each one breaks its promise, and only with its name given."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from websockets.asyncio.client import ClientConnection

from .raw_client import Connect
from .running import StartServer, wait_until
from .test_live_admission import knock
from .test_live_dead_peers import BOUND, MARGIN
from .upstreams import ScriptedUpstream


def test_keep_dead_connections(start_server: StartServer, connect: Connect) -> None:
    server = start_server(DEFECT="keep_dead_connections")
    assert "DEFECT keep_dead_connections: dead peers are never cut" in server.log_text()
    client = connect(server.url("/feed"))
    sweeps = server.stat("/cleanup/sweeps")
    # Enough sweeps for the bound and its margin to have passed.
    wait_until(lambda: server.stat("/cleanup/sweeps") > sweeps + 10, within=3 * (BOUND + MARGIN))
    assert server.kernel_sockets(remote_port=client.local_port) == ["ESTABLISHED"]
    assert server.stat("/heartbeat/dead") == 0


async def test_accept_beyond_limit(start_server: StartServer) -> None:
    limit = 10
    server = start_server(DEFECT="accept_beyond_limit", WEBSOCKET_MAX_CONNECTIONS=str(limit))
    async with AsyncExitStack() as stack:
        outcomes = await asyncio.gather(*(knock(stack, server.url("/echo")) for _ in range(2 * limit)))
        assert sum(isinstance(outcome, ClientConnection) for outcome in outcomes) > limit
        # One at a time nobody gets past it: only a burst shows this defect.
        assert await knock(stack, server.url("/echo")) == "503 retry after 1"


def test_breaker_never_half_opens(start_server: StartServer, connect: Connect, upstream: ScriptedUpstream) -> None:
    # Nobody here answers pings.
    patient = {"WEBSOCKET_HEARTBEAT_TIMEOUT": "30", "WEBSOCKET_PING_TIMEOUT": "30"}
    server = start_server(DEFECT="breaker_never_half_opens", UPSTREAM_URL=upstream.url, **patient)
    upstream.status = 500
    client = connect(server.url("/data"))
    for _ in range(5):
        client.ask("get")
    assert server.stat("/breakers/upstream/state") == "open"
    upstream.status = 200
    hits = upstream.hits
    # Twice the recovery timeout later it has not asked once.
    start = server.stat("/uptime")
    wait_until(lambda: server.stat("/uptime") > start + 2 * 0.5, within=10)
    assert connect(server.url("/data")).ask("get")["type"] == "unavailable"
    assert upstream.hits == hits
