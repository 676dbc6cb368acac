"""Read and write at the same time; the first of the two to end ends both.

A handler that only reads never sends its broadcasts, one that only writes never notices that its client has left, and
two that do not end together leave one half behind. A client that closes has an end that waits for the other half: what
it said before is answered first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from reference_server import closes
from reference_server.connection import Connection
from reference_server.outbox import Close, Message

logger = logging.getLogger(__name__)

Handler = Callable[[Connection, Message], Awaitable[None]]


async def pump(connection: Connection, websocket: WebSocket, handler: Handler) -> None:
    """Give every message to `handler` and send what is in the outbox, until the connection ends."""
    reader = asyncio.create_task(read(connection, websocket, handler))
    writer = asyncio.create_task(write(connection, websocket))
    # When the client is gone nobody waits for a handler that is still at work.
    ends: set[asyncio.Future[None]] = {reader, writer, connection.wire.lost}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if reader.done() and reader.exception() is not None:
            logger.error("handler of %s failed", connection.endpoint, exc_info=reader.exception())
            connection.close(closes.INTERNAL_ERROR)
            await asyncio.wait({writer, connection.wire.lost}, return_when=asyncio.FIRST_COMPLETED)
        elif reader.done() and connection.wire.owes_close:
            connection.answer_close()
            await asyncio.wait({writer, connection.wire.lost}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reader.cancel()
        writer.cancel()
        await asyncio.wait({reader, writer})
    if not writer.cancelled():
        writer.result()


async def read(connection: Connection, websocket: WebSocket, handler: Handler) -> None:
    """Give each message to the handler, one after the other, until the client leaves."""
    while True:
        event = await websocket.receive()
        if event["type"] == "websocket.disconnect":
            return
        connection.heard()
        text = event.get("text")
        await handler(connection, event["bytes"] if text is None else text)


async def write(connection: Connection, websocket: WebSocket) -> None:
    """Send what is in the outbox, in order, until it says to close or the client is gone."""
    try:
        while True:
            entry = await connection.outbox.get()
            if isinstance(entry, Close):
                await websocket.close(code=entry.code, reason=entry.reason)
                return
            kind = "text" if isinstance(entry, str) else "bytes"
            await websocket.send({"type": "websocket.send", kind: entry})
            connection.counters.messages_sent += 1
    except (WebSocketDisconnect, WebSocketDisconnected):
        # The client left between two messages: nothing is wrong, and nothing is left to be sent.
        return
