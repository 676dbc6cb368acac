"""Figures of both servers, side by side in one run: `python -m tests.conformance.measure`.

They are for people to read. No test asserts them: they are this machine's, and this minute's.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from .servers import DEADLINE, EMBEDDED, TOXIPROXY, find_toxiproxy, running
from .wire import Wire, crossing, stall

ROUNDS = 3
ECHOES = 2000
WARM_UP = 200
VOLUME = 200 * 1024 * 1024


def percentiles(seconds: list[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:.3f} ms, p99 {cuts[98] * 1000:.3f} ms"


@contextmanager
def echo_server(wire: Wire) -> Iterator[None]:
    """A WebSocket echo server behind the wire, in a thread."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def main() -> None:
        async with serve(echo, sock=wire.upstream.dup(), compression=None, ping_interval=None):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    ready.wait(DEADLINE)
    yield
    loop.call_soon_threadsafe(stop.set)
    thread.join(DEADLINE)
    loop.close()


async def echoes(port: int, count: int) -> list[float]:
    """Seconds of each round trip of a 64-byte message."""
    uri = f"ws://127.0.0.1:{port}"
    taken = []
    async with connect(uri, compression=None, ping_interval=None, proxy=None) as client:
        for _ in range(count):
            started = time.perf_counter()
            await client.send(b"x" * 64)
            await client.recv()
            taken.append(time.perf_counter() - started)
    return taken[WARM_UP:] or taken


def throughput(wire: Wire) -> float:
    """MB/s from server to client."""
    client, server = wire.established()
    client.settimeout(DEADLINE * 4)

    def drain() -> None:
        left, buffer = VOLUME, bytearray(1 << 20)
        while left:
            left -= client.recv_into(buffer)

    reader = threading.Thread(target=drain)
    reader.start()
    started = time.perf_counter()
    server.settimeout(DEADLINE * 4)
    server.sendall(bytes(VOLUME))
    reader.join()
    return VOLUME / (time.perf_counter() - started) / 1e6


def measure(kind: str) -> None:
    started = time.perf_counter()
    with running(kind) as server:
        print(f"{kind}: up after {(time.perf_counter() - started) * 1000:.0f} ms")
        with crossing(server) as wire, echo_server(wire):
            print(f"  WebSocket echo: {percentiles(asyncio.run(echoes(wire.port, WARM_UP + ECHOES)))}")
            for latency in (50, 5):
                toxic = wire.add("latency", latency=latency)
                print(f"  with {latency} ms latency: {percentiles(asyncio.run(echoes(wire.port, 100)))}")
                server.ok("DELETE", toxic)
        with crossing(server) as wire:
            print(f"  throughput: {throughput(wire):.0f} MB/s")
        with crossing(server) as wire:
            _, upstream = wire.established()
            print(f"  taken for a stalled reader: {stall(upstream, quiet=0.3) / 1e6:.1f} MB", end="")
        with crossing(server) as wire:
            _, upstream = wire.established()
            wire.add("latency", latency=1)
            print(f", with a latency toxic {stall(upstream, quiet=0.3) / 1e6:.1f} MB")


def main() -> int:
    kinds = [EMBEDDED] if find_toxiproxy() is None else [TOXIPROXY, EMBEDDED]
    for _ in range(ROUNDS):
        for kind in kinds:
            measure(kind)
    return 0


if __name__ == "__main__":
    sys.exit(main())
