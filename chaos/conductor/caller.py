"""The caller: one client of the upstream-backed endpoint, asking one question after the other."""

from __future__ import annotations

import asyncio
import re
import time

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from chaos.address import Address
from chaos.journal import Call, Source
from chaos.probes.conversation import open_connection
from chaos.target import Data, Tls

__all__ = ["Caller"]


class Caller:
    """Calls are made one at a time, so that each failure the breaker counts is one Call of the journal."""

    def __init__(self, address: Address, data: Data, *, patience: float, tls: Tls | None = None) -> None:
        self._address = address
        self._data = data
        self._patience = patience
        self._tls = tls
        self._connection: ClientConnection | None = None
        self._number = 0

    async def call(self) -> Call:
        """Ask once. No answer within the patience, or an ended connection, is `Source.NONE`; it never raises."""
        self._number += 1
        began = time.monotonic()
        try:
            if self._connection is None:
                self._connection = await open_connection(
                    self._address,
                    self._data.path,
                    within=self._patience,
                    headers=dict(self._data.headers),
                    subprotocol=self._data.subprotocol,
                    tls=self._tls,
                )
                began = time.monotonic()
            await self._connection.send(self._data.send.replace("{n}", str(self._number)))
            source, text = await self._answer(self._connection)
        except (OSError, TimeoutError, WebSocketException) as error:
            await self.close()
            source, text = Source.NONE, f"{type(error).__name__}: {error}"
        detail = "" if source in (Source.LIVE, Source.CACHED) else text[:200]
        return Call(at=time.monotonic(), began=began, source=source, detail=detail)

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            self._connection.transport.abort()
            self._connection = None

    async def _answer(self, connection: ClientConnection) -> tuple[Source, str]:
        """The first message that fits an expression; notices in between are passed over."""
        kinds = (
            (Source.LIVE, self._data.live),
            (Source.CACHED, self._data.cached),
            (Source.UNAVAILABLE, self._data.unavailable),
        )
        text = ""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    message = await connection.recv()
                    text = message if isinstance(message, str) else message.decode("utf-8", errors="replace")
                    for source, pattern in kinds:
                        if pattern is not None and re.search(pattern, text):
                            return source, text
        except TimeoutError:
            # An answer that comes after all must not be taken for that of the next question.
            await self.close()
            return (Source.OTHER if text else Source.NONE), text or f"no answer within {self._patience:.3g}s"
