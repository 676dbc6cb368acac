"""The bounded transport on real sockets of loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator

import pytest
from reference_server.clock import AttentiveClock
from reference_server.transport import READ_CHUNK_BYTES, BoundedTransport

CLOSE_TIMEOUT = 0.2
PATIENCE = 10.0
LONG = 60.0
"""A close timeout that no test waits for: what ends a connection then is something else."""


class Protocol(asyncio.Protocol):
    def __init__(self, close_timeout: float) -> None:
        self.close_timeout = close_timeout
        self.transport: BoundedTransport
        self.largest_read = 0
        self.received = 0
        self.connected = asyncio.Event()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        clock = AttentiveClock(tick_interval=60)
        self.transport = BoundedTransport(transport, clock=clock, close_timeout=self.close_timeout)
        self.connected.set()

    def data_received(self, data: bytes) -> None:
        self.largest_read = max(self.largest_read, len(data))
        self.received += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport.connection_ended()
        self.lost.set()


@pytest.fixture
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Protocol, socket.socket]]:
    """The server's end as a protocol, the client's as a plain socket; the parameter is the close timeout."""
    protocol = Protocol(getattr(request, "param", CLOSE_TIMEOUT))
    server = await asyncio.get_running_loop().create_server(lambda: protocol, "127.0.0.1", 0)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.sockets[0].getsockname())
        client.settimeout(PATIENCE)
        await protocol.connected.wait()
        yield protocol, client
    await asyncio.wait_for(protocol.lost.wait(), PATIENCE)
    server.close()


async def closed_and_lost_after(protocol: Protocol) -> float:
    """Seconds from the close to the end."""
    start = time.monotonic()
    protocol.transport.close()
    await asyncio.wait_for(protocol.lost.wait(), PATIENCE)
    return time.monotonic() - start


unhurried = pytest.mark.parametrize("ends", [LONG], indirect=True)


@unhurried
async def test_close_waits_for_the_peers_fin(ends: tuple[Protocol, socket.socket]) -> None:
    protocol, client = ends
    protocol.transport.write(b"goodbye")
    protocol.transport.close()
    assert await asyncio.to_thread(client.recv, 100) == b"goodbye"
    assert await asyncio.to_thread(client.recv, 100) == b""
    assert not protocol.lost.is_set()
    client.close()
    await asyncio.wait_for(protocol.lost.wait(), PATIENCE)


async def test_peer_that_holds_its_side_is_reset(ends: tuple[Protocol, socket.socket]) -> None:
    protocol, client = ends
    assert await closed_and_lost_after(protocol) > CLOSE_TIMEOUT / 2
    assert client.recv(100) == b""
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        client.sendall(b"x")


async def test_peer_that_reads_nothing_is_reset(ends: tuple[Protocol, socket.socket]) -> None:
    protocol, _ = ends
    protocol.transport.write(b"x" * 10_000_000)
    assert CLOSE_TIMEOUT / 2 < await closed_and_lost_after(protocol) < PATIENCE / 2


@unhurried
async def test_closing_a_connection_the_peer_has_just_reset(ends: tuple[Protocol, socket.socket]) -> None:
    protocol, client = ends
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    # asyncio has not been given a turn to notice.
    assert await closed_and_lost_after(protocol) < LONG / 2


async def test_delivered_counts_what_the_peer_has_acknowledged(ends: tuple[Protocol, socket.socket]) -> None:
    protocol, client = ends
    size = 5_000_000
    protocol.transport.write(b"x" * size)
    assert 0 < protocol.transport.unacknowledged() <= size
    seen = protocol.transport.delivered()
    while seen < size:
        received = await asyncio.to_thread(client.recv, 100_000)
        assert received
        now = protocol.transport.delivered()
        assert seen <= now <= size
        seen = now
    assert protocol.transport.unacknowledged() == 0
    protocol.transport.cut()


async def test_one_read_is_bounded(ends: tuple[Protocol, socket.socket]) -> None:
    protocol, client = ends
    size = 1_000_000
    await asyncio.to_thread(client.sendall, b"x" * size)
    client.close()
    await asyncio.wait_for(protocol.lost.wait(), PATIENCE)
    assert protocol.received == size
    assert protocol.largest_read <= READ_CHUNK_BYTES


async def test_writes_after_the_close_are_dropped(ends: tuple[Protocol, socket.socket]) -> None:
    protocol, client = ends
    protocol.transport.close()
    protocol.transport.write(b"too late")
    protocol.transport.close()
    assert protocol.transport.is_closing()
    assert await asyncio.to_thread(client.recv, 100) == b""
    client.close()
