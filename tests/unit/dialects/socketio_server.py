"""A small Socket.IO server for tests, and the ways in which it can be told to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from chaos.address import Address
from tests.unit.crowd.servers import websocket_server

__all__ = ["SocketIoServer", "running"]

_EVENT = re.compile(r"42(?:(?P<namespace>/[^,]*),)?(?P<id>[0-9]*)(?P<data>\[.*\])", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class SocketIoServer:
    """Answers "echo" by acknowledgement, or by an event "echoed" where none is asked for."""

    interval: float = 60.0
    """Seconds between a pong and the next ping."""
    timeout: float = 60.0
    """Seconds from a ping to giving the client up."""
    namespace: str = "/"
    greets: bool = True
    """Whether it sends the open packet."""
    connects: bool = True
    """Whether it answers the connect packet."""
    refuses: str = ""
    """The data of a connect error, in place of letting anybody in."""
    hangs_on_garbage: bool = False
    """Whether a packet that it does not know leaves the client without any further answer, and its connection open."""
    sound: bool = False
    """Whether it passes over whatever it does not know; else it closes."""
    hangs_up: bool = False
    """Whether it closes behind a connect error."""
    paths: list[str] = field(default_factory=list)
    heard: list[str | bytes] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)
    pings: int = 0
    given_up: int = 0
    _pongs: Counter[ServerConnection] = field(default_factory=Counter)

    @property
    def address_of_packets(self) -> str:
        return "" if self.namespace == "/" else f"{self.namespace},"

    async def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.connections.append(connection)
        beating = asyncio.create_task(self._beat(connection))
        try:
            if self.greets:
                told = {
                    "sid": "engine", "upgrades": [], "pingInterval": int(self.interval * 1000),
                    "pingTimeout": int(self.timeout * 1000), "maxPayload": 1000000,
                }  # fmt: skip
                await connection.send("0" + json.dumps(told))
            async for message in connection:
                self.heard.append(message)
                self._pongs[connection] += message == "3"
                if not await self._answer(connection, message):
                    if self.hangs_on_garbage:
                        await connection.wait_closed()
                    return
        except ConnectionClosed:
            pass
        finally:
            beating.cancel()

    async def _answer(self, connection: ServerConnection, message: str | bytes) -> bool:
        """Whether it knew what to do with a message."""
        if not isinstance(message, str):
            return self.sound
        address = self.address_of_packets
        if message.startswith("40"):
            if not message.startswith(f"40{address}") or "nowhere" in message:
                await connection.send('44/chaos-nowhere,{"message":"Invalid namespace"}')
            elif self.refuses:
                await connection.send(f"44{address}{self.refuses}")
                return not self.hangs_up
            elif self.connects:
                await connection.send(f'40{address}{{"sid":"socket"}}')
            return True
        if message[:1] in ("3", "6") or message.startswith("41"):
            return True
        event = _EVENT.fullmatch(message)
        try:
            name, *arguments = json.loads(event["data"]) if event is not None else (None,)
        except (ValueError, RecursionError):
            return self.sound
        if event is None or (event["namespace"] or "/") != self.namespace:
            return self.sound
        if name == "echo":
            packet = f"43{address}{event['id']}" if event["id"] else f"42{address}"
            await connection.send(packet + json.dumps(arguments if event["id"] else ["echoed", *arguments]))
        return True

    async def _beat(self, connection: ServerConnection) -> None:
        """Ping an interval after the last pong, and give up whoever does not answer in time."""
        while True:
            await asyncio.sleep(self.interval)
            pongs = self._pongs[connection]
            await connection.send("2")
            self.pings += 1
            waited = 0.0
            while self._pongs[connection] == pongs:
                await asyncio.sleep(self.timeout / 20)
                waited += self.timeout / 20
                if waited >= self.timeout:
                    self.given_up += 1
                    await connection.close(1000)
                    return


@contextlib.asynccontextmanager
async def running(server: SocketIoServer) -> AsyncIterator[Address]:
    """Where it listens while it runs."""
    async with websocket_server(server) as address:
        yield address
