"""How long things take: seen from outside where that can be, and else as the service claims it."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection

from measuring.clients import answer, client, clients
from measuring.service import Row, Service, service

HOUSES = (10, 50, 100)
"""Connections, as the owners counted them."""
ANSWERS = 500
ROUNDS = 10
ASKED = 50
"""Times that /metrics is asked with every place taken."""


async def rows() -> list[Row]:
    """Answers, notices, and all that the manager claims."""
    return [*await _answers(), *await _notices(), *await _claims()]


async def _answers() -> list[Row]:
    found: list[Row] = []
    with service() as running:
        for count in HOUSES:
            async with clients(running, count) as inside:
                took = [await answer(inside[number % count]) for number in range(ANSWERS)]
            await asyncio.sleep(0.2)
            found.append(Row(f"an answer, {count} connections", "under 10 ms, near linear", _spread(took)))
    return found


async def _notices() -> list[Row]:
    """One leaves and comes again, and the threshold is reached anew: everybody is told."""
    told = dict(zip(HOUSES, ("1.2 ms", "4.8 ms", "9.1 ms"), strict=True))
    found: list[Row] = []
    for count in HOUSES:
        with service(MAX_CONNECTIONS=str(count), BACKPRESSURE_THRESHOLD="1") as running:
            async with clients(running, count - 1) as inside:
                took = []
                for _ in range(ROUNDS):
                    began = time.perf_counter()
                    async with client(running) as last:
                        await asyncio.gather(*map(_notice, (*inside, last)))
                        took.append(time.perf_counter() - began)
                    await _down_to(running, count - 1)
        what = f"a broadcast to {count}: the notice to all, the last one's coming in it"
        found.append(Row(what, told[count], _spread(took)))
    return found


async def _notice(connection: ClientConnection) -> None:
    while json.loads(await connection.recv())["type"] != "backpressure_warning":
        pass


async def _down_to(running: Service, count: int) -> None:
    while running.metrics()["connections"] > count:  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(0.01)


async def _claims() -> list[Row]:
    """A full house that talks, is asked of, falls idle and is closed for it."""
    with service(IDLE_TIMEOUT_SECONDS="2.1", IDLE_WARNING_SECONDS="1", CLEANUP_INTERVAL_SECONDS="0.3") as running:
        async with clients(running, 100) as inside:
            for connection in inside:
                await answer(connection)
            for _ in range(ASKED):
                running.metrics()
            await asyncio.wait_for(asyncio.gather(*(each.wait_closed() for each in inside)), 20)
        await asyncio.sleep(1)  # two clean-ups more
        told = running.metrics()
    claims, idle, cleanup = told["claims"], told["idle"], told["cleanup"]

    def row(what: str, said: str, claim: str) -> Row:
        each = claims[claim]
        figures = f"{each['median_ms']:.3f} ms, p95 {each['p95_ms']:.3f} ms, of {each['count']:.0f}"
        return Row(f"{what} (a claim)", said, figures)

    return [
        row("registration, the 101 in between", "3.2 ms mean, p95 8.1 ms", "registration"),
        row("activity update", "0.08 ms, p95 0.15 ms", "activity"),
        row("metrics of 100 connections", "1.2 ms, p95 2.8 ms", "metrics"),
        row("idle scan", "0.9 ms, p95 1.8 ms", "scan"),
        row("clean-up of a connection", "10 to 50 ms, mean 25, p95 45", "cleanup"),
        row("memory given back, once a clean-up after ends", "not told", "giving_back"),
        Row(
            "idle: warned, closed; told to go and still there (its counters)",
            "95 %, 98 %; 1.5 %",
            f"{idle['warned']}, {idle['closed']} of 100; {cleanup['overdue']}",
        ),
    ]


def _spread(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{1000 * statistics.median(ordered):.2f} ms, p95 {1000 * p95:.2f} ms"
