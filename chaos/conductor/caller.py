"""The caller: one client of the upstream-backed endpoint, asking one question after the other."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import CloseCode

from chaos.address import Address
from chaos.dialects import WEBSOCKET
from chaos.journal import Call, Source
from chaos.probes.conversation import Conversation, converse
from chaos.target import Data, Tls

__all__ = ["Caller"]


class Caller:
    """Calls are made one at a time, so that each failure the breaker counts is one Call of the journal."""

    def __init__(
        self, address: Address, data: Data, *, patience: float, tls: Tls | None = None, dialect: str = WEBSOCKET
    ) -> None:
        self._address = address
        self._data = data
        self._patience = patience
        self._tls = tls
        self._dialect = dialect
        self._conversation: Conversation | None = None
        self._keeping: asyncio.Task[None] | None = None
        """Hears what comes between two calls: a heartbeat among it."""
        self._number = 0

    async def call(self) -> Call:
        """Ask once. No answer within the patience, or an ended connection, is `Source.NONE`; it never raises.

        One that the server closed in good order since the last question is no answer to this one: a server may close
        who is idle, or old. It comes back, as a user would.
        """
        self._number += 1
        began = time.monotonic()
        try:
            await self._keep_no_longer()
            if self._conversation is None:
                self._conversation = await converse(
                    self._address, self._data, dialect=self._dialect, within=self._patience, tls=self._tls
                )
                began = time.monotonic()
            await self._conversation.say(self._data.send.replace("{n}", str(self._number)))
            source, text = await self._answer(self._conversation)
            if self._conversation is not None:
                self._keeping = asyncio.create_task(self._conversation.keep(), name="caller between calls")
        except (OSError, TimeoutError, WebSocketException) as error:
            await self.close()
            source, text = Source.NONE, f"{type(error).__name__}: {error}"
        detail = "" if source in (Source.LIVE, Source.CACHED) else text[:200]
        return Call(at=time.monotonic(), began=began, source=source, detail=detail)

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._conversation is not None:
            self._conversation.abort()
            self._conversation = None
        with contextlib.suppress(OSError, WebSocketException):
            await self._keep_no_longer()

    async def _keep_no_longer(self) -> None:
        """Raises what has ended the connection between two calls, unless it was closed in good order."""
        keeping, self._keeping = self._keeping, None
        if keeping is None:
            return
        keeping.cancel()
        await asyncio.wait([keeping])
        if keeping.cancelled():
            return
        try:
            keeping.result()
        except ConnectionClosed as error:
            if error.rcvd is None or error.rcvd.code == CloseCode.INTERNAL_ERROR:
                raise
            self._conversation = None

    async def _answer(self, conversation: Conversation) -> tuple[Source, str]:
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
                    text = await conversation.hear()
                    for source, pattern in kinds:
                        if pattern is not None and re.search(pattern, text):
                            return source, text
        except TimeoutError:
            # An answer that comes after all must not be taken for that of the next question.
            await self.close()
            return (Source.OTHER if text else Source.NONE), text or f"no answer within {self._patience:.3g}s"
