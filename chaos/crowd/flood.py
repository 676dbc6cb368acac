"""A flood: one client's own valid message, again and again, as fast as the server's TCP takes it.

What is written is always the same frame, made once: a client that had to build each one would be slower than the server
that reads it. The answers are read as ever, so that a server which waits for them to be read goes on.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass

from websockets.frames import Frame, Opcode

from chaos.crowd.client import Client
from chaos.crowd.readings import socket_state

__all__ = ["Flood", "Flooded"]

_AT_ONCE = 16 * 1024
"""Bytes written at a time, about one segment of loopback."""

_LOOK = 0.001
"""Seconds between two looks at whether the kernel takes more: what it holds lasts a server for tens of them."""

_SEND_BUFFER = 64 * 1024
"""SO_SNDBUF of a client that floods, bytes. Left alone the kernel takes megabytes, which a server would still be busy
with for seconds after the last was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flooded:
    """How far a flood has come."""

    written: int
    """Messages that were handed on."""
    acknowledged: int
    """Messages of these that the server's kernel has acknowledged, as ours knows it."""
    size: int
    """Bytes of one message on the wire."""
    pouring: bool
    """Whether it goes on."""


class Flood:
    """The flood of one client, which is open; it is bounded in number and in time."""

    def __init__(self, client: Client, text: str, *, messages: int, seconds: float) -> None:
        self._client = client
        assert client.connection is not None
        self._frame = Frame(Opcode.TEXT, client.connection.spoken(text).encode()).serialize(mask=True)
        self._messages = messages
        self._written = 0
        self._acknowledged = 0
        self._task = asyncio.create_task(self._pour(time.monotonic() + seconds), name=f"flood of {client.index}")

    def reading(self) -> Flooded:
        """How far it has come by now; of a client that has ended, how far it was seen to come."""
        state, connection = socket_state(self._client), self._client.connection
        if state is not None and connection is not None and connection.transport is not None:
            waiting = connection.transport.get_write_buffer_size() + state.send_queue
            taken = self._written - -(-waiting // len(self._frame))  # one that was taken in part was not taken
            self._acknowledged = max(self._acknowledged, taken)
        return Flooded(
            written=self._written,
            acknowledged=self._acknowledged,
            size=len(self._frame),
            pouring=not self._task.done(),
        )

    async def stop(self) -> None:
        """Write no more; what was written stays written. Raises what writing raised."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def _pour(self, until: float) -> None:
        connection = self._client.connection
        assert connection is not None
        assert connection.transport is not None
        found = connection.transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        batch = max(1, _AT_ONCE // len(self._frame))
        while self._written < self._messages and time.monotonic() < until and self._client.usable:
            if connection.transport.get_write_buffer_size():
                await asyncio.sleep(_LOOK)
                continue
            number = min(batch, self._messages - self._written)
            self._written += number
            self._client.setting.meter.sent += number
            connection.write_past(self._frame * number)
            await asyncio.sleep(0)  # the answers are to be read
            self.reading()
