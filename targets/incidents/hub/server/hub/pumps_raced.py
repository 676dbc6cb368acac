"""The pumps before the fix. The registration and the write pump race, and the write pump always wins.

`handle_connection` starts the write pump, puts its client into the hub's queue and blocks on the read pump. The write
pump serves a client for as long as the hub knows it, and the hub has not heard of it yet. So the write pump ends and
closes the connection behind it, some tenths of a millisecond after the 101, before its first ping.
"""

from __future__ import annotations

import asyncio

from websockets.exceptions import ConnectionClosed

from hub.reading import read_pump
from hub.registry import Client, Registry


async def handle_connection(client: Client, registry: Registry) -> None:
    """One client, from the 101 to its end."""
    writing = asyncio.create_task(_write_pump(client, registry))
    # Go ran the new goroutine at once, on another thread; a task runs when this one waits.
    await asyncio.sleep(0)
    registry.register(client)
    try:
        await read_pump(client)
    except ConnectionClosed:
        pass
    finally:
        writing.cancel()
        await registry.unregister(client).wait()


async def _write_pump(client: Client, registry: Registry) -> None:
    try:
        while client in registry.clients:
            try:
                async with asyncio.timeout(client.settings.ping_interval):
                    message = await client.outbox.get()
            except TimeoutError:
                await client.connection.ping()
            else:
                await client.connection.send(message)
    finally:
        client.connection.transport.close()
