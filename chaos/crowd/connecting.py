"""The modes of connecting: when each attempt of a crowd begins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence

from chaos.crowd import acts
from chaos.crowd.client import Client
from chaos.crowd.dial import Destination, Dial
from chaos.journal import Attempt

__all__ = ["CLOSE_CODE", "leave", "paced", "sequential", "simultaneous"]

CLOSE_CODE = 1000
"""How a client leaves that has done what it came for."""


async def sequential(clients: Sequence[Client], destination: Destination, *, gap: float, hold: bool) -> list[Attempt]:
    """One after the other, `gap` seconds between the end of an attempt (or of its connection) and the next."""
    attempts = []
    for position, client in enumerate(clients):
        if position and gap:
            await asyncio.sleep(gap)
        dial = Dial(client.setting.plan, destination)
        _begin([dial])
        attempts.append(await client.attempt(dial))
        if not hold:
            await leave([client])
    return attempts


async def simultaneous(clients: Sequence[Client], destination: Destination) -> list[Attempt]:
    """All at once: nothing but connect() is called until every TCP connect has begun."""
    dials: list[Dial] = []
    try:
        for client in clients:
            dials.append(Dial(client.setting.plan, destination))
    except BaseException:
        _close(dials)
        raise
    _begin(dials)
    return await _all(client.attempt(dial) for client, dial in zip(clients, dials, strict=True))


async def paced(clients: Sequence[Client], destination: Destination, *, gap: float) -> list[Attempt]:
    """One attempt begins every `gap` seconds by the clock: a slow server does not slow the crowd down."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    attempts = []
    try:
        for position, client in enumerate(clients):
            delay = start + position * gap - loop.time()
            if delay > 0:
                await asyncio.sleep(delay)
            dial = Dial(client.setting.plan, destination)
            _begin([dial])
            attempts.append(asyncio.create_task(client.attempt(dial)))
    except BaseException:
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
        raise
    return await _all(attempts)


async def leave(clients: Sequence[Client]) -> None:
    """Close those that are connected cleanly, and wait for the end of TCP; the plan's close timeout bounds it."""
    open_clients = [client for client in clients if client.connected]
    for client in open_clients:
        acts.close(client, CLOSE_CODE)
    await asyncio.gather(*(client.gone() for client in open_clients))


def _begin(dials: Sequence[Dial]) -> None:
    try:
        for dial in dials:
            dial.begin()
    except BaseException:
        _close(dials)
        raise


def _close(dials: Sequence[Dial]) -> None:
    for dial in dials:
        dial.close()


async def _all(attempts: Iterable[Awaitable[Attempt]]) -> list[Attempt]:
    """Every attempt to its end, also when one of them raises: the others are not torn down in the middle."""
    results = await asyncio.gather(*attempts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, Attempt)]
