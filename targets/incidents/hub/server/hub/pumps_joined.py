"""The pumps after the fix: both run at the same time, and a done signal joins them.

The client is registered before anybody asks whether it is. Each pump raises the signal when it ends, for whatever
reason; `handle_connection` waits for the signal, and ends the other pump.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, NoReturn

from websockets.exceptions import ConnectionClosed

from hub.reading import read_pump
from hub.registry import Client, Registry


class CutOff(Exception):
    """The client owes a pong, or takes nothing, for too long: its connection is gone."""


async def handle_connection(client: Client, registry: Registry) -> None:
    """One client, from the 101 to its end."""
    await registry.register(client).wait()
    done = asyncio.Event()
    pumps = [asyncio.create_task(_until_done(pump, done)) for pump in (read_pump(client), _WritePump(client).run())]
    try:
        await done.wait()
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await registry.unregister(client).wait()


async def _until_done(pump: Coroutine[Any, Any, None], done: asyncio.Event) -> None:
    try:
        await pump
    except (ConnectionClosed, CutOff):
        pass
    finally:
        done.set()


@dataclass(slots=True)
class _Asked:
    """A ping under way."""

    pong: asyncio.Future[float]
    due: float


class _WritePump:
    """Writes what waits, pings at its period, and cuts off whoever owes a pong for too long or takes nothing any more.

    Time in which the server itself stood still is no peer's: what was due meanwhile is due as much later.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._settings = client.settings
        self._next_ping = time.monotonic() + client.settings.ping_interval
        self._asked: deque[_Asked] = deque()

    async def run(self) -> None:
        """Until the connection is over."""
        while True:
            message = await self._next_message()
            self._forget_answered()
            if self._asked and time.monotonic() >= self._asked[0].due:
                self._cut_off()
            if time.monotonic() >= self._next_ping:
                await self._ping()
            if message is not None:
                await self._write(message)

    async def _next_message(self) -> str | None:
        """What is to be written, or None when something is due before."""
        due = min([self._next_ping, *(asked.due for asked in self._asked)])
        try:
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                return await self._client.outbox.get()
        except TimeoutError:
            late = time.monotonic() - due
            for asked in self._asked:
                asked.due += late
            await asyncio.sleep(0)  # pongs that have arrived are read before anybody is cut off for them
            return None

    async def _ping(self) -> None:
        self._next_ping = max(self._next_ping, time.monotonic() - self._settings.ping_interval)
        self._next_ping += self._settings.ping_interval
        pong = await self._bounded(self._client.connection.ping())
        self._asked.append(_Asked(pong, time.monotonic() + self._settings.pong_timeout))

    async def _write(self, message: str) -> None:
        await self._bounded(self._client.connection.send(message))

    async def _bounded(self, writing: Coroutine[Any, Any, Any]) -> Any:
        """Whoever takes nothing for as long as it may owe a pong is cut off."""
        try:
            async with asyncio.timeout(self._settings.pong_timeout):
                return await writing
        except TimeoutError:
            self._cut_off()

    def _cut_off(self) -> NoReturn:
        self._client.connection.transport.abort()
        raise CutOff

    def _forget_answered(self) -> None:
        while self._asked and self._asked[0].pong.done():
            self._asked.popleft()
