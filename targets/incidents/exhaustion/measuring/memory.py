"""What connections cost, and what is given back when they have all gone at once."""

from __future__ import annotations

import asyncio
import json
import socket
import time

from websockets.asyncio.client import ClientConnection

from measuring.clients import answer, clients, gone
from measuring.service import Row, Service, service

PLACES = 100
LARGE = json.dumps({"type": "echo", "id": 1, "padding": "x" * 4_000_000})
"""A message that is just below the 5 MB that one may have."""
AT_A_TIME = 20
"""Large messages under way: 80 MB, which is what the clients' own process can send without pause."""
SETTLED = 3.0
"""Seconds in which memory has to be where it is to be: six clean-ups."""


async def rows() -> list[Row]:
    """A connection's cost, layer by layer, and what is given back."""
    return [*await _cost(), *await _given_back()]


async def _cost() -> list[Row]:
    with service(CLEANUP_INTERVAL_SECONDS="0.5") as running:
        async with clients(running, PLACES) as inside:
            await asyncio.gather(*map(answer, inside))
        await _settled(running)
        empty = running.memory()
        sockets = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(PLACES)]
        await asyncio.sleep(0.5)
        accepted = running.memory()
        for each in sockets:
            each.close()
        await _settled(running)
        async with clients(running, PLACES) as inside:
            upgraded = running.memory()
            await asyncio.gather(*map(answer, inside))
            talked = running.memory()
            await _talk_at_large(inside)
            full, claimed = running.memory(), running.metrics()["memory"]["per_connection"] / 1e6
            await asyncio.gather(*map(answer, inside))
            rest = running.memory()

    def each_takes(memory: float) -> str:
        return f"{(memory - empty) / PLACES:.3f} MB"

    return [
        Row("a connection, after its 101 (websocket and framework)", "1.5 and 0.8 MB", each_takes(upgraded)),
        Row("  of that uvicorn's HTTP, before any request", "-", each_takes(accepted)),
        Row("  metadata and buffers in it: nobody sees them apart", "0.2 and 0.5 MB", "-"),
        Row("a connection, after an answer", "3.0 ± 0.2 MB", each_takes(talked)),
        Row(f"a connection, after 4 MB, {AT_A_TIME} at a time", "5 MB at most", each_takes(full)),
        Row("  by its own count (a claim)", "-", f"{claimed:.3f} MB"),
        Row("  after its next frame: websockets keeps the last one till then", "-", each_takes(rest)),
        Row(f"all, {PLACES} after 4 MB each", "500 MB at most; 485 MB with 97", f"{full:.0f} MB"),
    ]


async def _given_back() -> list[Row]:
    found: list[Row] = []
    for manager in ("off", "on"):
        with service(RESOURCE_MANAGER=manager, CLEANUP_INTERVAL_SECONDS="0.5") as running:
            # What a process takes with its first clients, code and tables, is no client's.
            async with clients(running, PLACES) as inside:
                await asyncio.gather(*map(answer, inside))
            await _settled(running)
            before = running.memory()
            async with clients(running, PLACES) as inside:
                await _talk_at_large(inside)
                full = running.memory()
            began = time.monotonic()
            await _settled(running)
            after = running.memory()
            share = (full - after) / (full - before)
            figures = f"{share:.1%}: {before:.0f}, {full:.0f}, {after:.0f} MB within {time.monotonic() - began:.0f} s"
            told = "95 %" if manager == "on" else "-"
            found.append(Row(f"given back, the manager {manager}: empty, full, empty", told, figures))
    return found


async def _settled(running: Service) -> None:
    await gone(running, within=SETTLED)
    await asyncio.sleep(SETTLED)


async def _talk_at_large(inside: list[ClientConnection]) -> None:
    some = asyncio.Semaphore(AT_A_TIME)

    async def talk(connection: ClientConnection) -> None:
        async with some:
            await answer(connection, LARGE)

    await asyncio.gather(*map(talk, inside))
