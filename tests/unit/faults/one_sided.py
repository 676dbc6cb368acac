"""A link that tells only the clients: down, it ends their side of each connection and holds on to the server's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from chaos.address import Address

__all__ = ["OneSidedLink", "one_sided_link"]


class OneSidedLink:
    """What faults that take a link down ask of one, in this process."""

    def __init__(self, server: Address) -> None:
        self.address = Address("127.0.0.1", 0)
        self._server = server
        self._listener: asyncio.Server | None = None
        self._clients: list[asyncio.StreamWriter] = []
        self._held: list[asyncio.StreamWriter] = []
        self._serving: set[asyncio.Task[None]] = set()

    async def up(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, self.address.host, self.address.port)
            self.address = Address(*self._listener.sockets[0].getsockname())

    async def down(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for client in self._clients:
            client.close()
        self._clients.clear()

    async def toxics(self) -> tuple[()]:
        return ()

    async def close(self) -> None:
        """Let go of the server as well."""
        await self.down()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for writer in (*self._clients, *self._held):
            writer.close()

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._clients.append(to_client)
        from_server, to_server = await asyncio.open_connection(self._server.host, self._server.port)
        self._held.append(to_server)
        await asyncio.gather(_pump(from_client, to_server), _pump(from_server, to_client))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)


@contextlib.asynccontextmanager
async def one_sided_link(server: Address) -> AsyncIterator[OneSidedLink]:
    """Such a link that is up."""
    link = OneSidedLink(server)
    await link.up()
    try:
        yield link
    finally:
        await link.close()
