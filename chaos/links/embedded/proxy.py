"""A proxy: a listener, an upstream, a chain of toxics, and the connections made through it."""

from __future__ import annotations

import asyncio
import errno
import socket

from chaos.links.embedded.addresses import AddressError, format_address, resolve
from chaos.links.embedded.chain import Chain
from chaos.links.embedded.connection import Connection, Route
from chaos.links.embedded.environment import Environment
from chaos.links.embedded.errors import ApiError
from chaos.links.embedded.ledger import Ledger, Record, error_name
from chaos.links.embedded.sockets import ListenError, dial, listen

__all__ = ["Proxy"]

ACCEPT_BATCH = 64
"""Connections accepted in one go, so that a burst does not hold up the connections there are."""
ACCEPT_PAUSE = 0.1
"""Seconds without accepting after the process or the system has run out of file descriptors or buffers."""
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Proxy:
    """Named; enabled while it listens."""

    def __init__(self, name: str, *, listen: str, upstream: str, environment: Environment) -> None:
        self.name = name
        self.listen = listen
        """As asked for until the proxy starts; then the address it has, port and all."""
        self.upstream = upstream
        self.chain = Chain()
        self.ledger = Ledger()
        self._environment = environment
        self._listener: socket.socket | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._dialling: dict[asyncio.Task[None], tuple[socket.socket, Record]] = {}
        self._connections: set[Connection] = set()

    @property
    def enabled(self) -> bool:
        return self._listener is not None

    async def start(self) -> None:
        """Listen; nothing happens if it already does. Raises ApiError 500."""
        if self._listener is not None:
            return
        try:
            self._listener = await listen(self.listen, loop=self._environment.loop)
        except ListenError as error:
            raise ApiError(str(error), 500) from None
        self.listen = format_address(self._listener)
        self._accept_again()

    def stop(self) -> None:
        """Stop listening, and close every connection on both sides."""
        if self._listener is None:
            return
        self._environment.loop.remove_reader(self._listener.fileno())
        if self._pause is not None:
            self._pause.cancel()
        self._listener.close()
        self._listener = None
        for task in tuple(self._dialling):
            task.cancel()
            self._refuse(task, "the proxy was disabled")
        for connection in tuple(self._connections):
            connection.close()

    async def update(self, *, listen: str, upstream: str, enabled: bool) -> None:
        """Change it. With a new address on either side all connections are closed. Raises ApiError 500."""
        if await self.differs(listen=listen, upstream=upstream):
            self.stop()
            self.listen = listen
            self.upstream = upstream
        if enabled:
            await self.start()
        else:
            self.stop()

    async def differs(self, *, listen: str, upstream: str) -> bool:
        """Whether these are other addresses than it has, names resolved. Raises ApiError 500."""
        try:
            resolved = await resolve(listen, loop=self._environment.loop)
        except AddressError as error:
            raise ApiError(str(error), 500) from None
        return self.listen != str(resolved) or self.upstream != upstream

    def records(self, *, after: int = 0) -> list[Record]:
        """What became of its connections with a number above `after`, byte counts up to date."""
        for connection in self._connections:
            connection.count()
        return self.ledger.records(after=after)

    def _accept_again(self) -> None:
        self._pause = None
        if self._listener is not None:
            self._environment.loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPT_BATCH):
            if self._listener is None:
                return
            try:
                client, _peer = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORTAGE:
                    raise
                # The connection stays in the backlog. Level-triggered readiness would call at once, and for ever.
                self._environment.loop.remove_reader(self._listener.fileno())
                self._pause = self._environment.loop.call_later(ACCEPT_PAUSE, self._accept_again)
                return
            record = self.ledger.open(
                at=self._environment.loop.time(),
                client=format_address(client, peer=True),
                listen=format_address(client),
            )
            # Dialled apart from the accept loop: an upstream that does not answer holds up nobody else.
            task = self._environment.loop.create_task(self._join(client, record))
            self._dialling[task] = (client, record)

    async def _join(self, client: socket.socket, record: Record) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            upstream = await dial(self.upstream, loop=self._environment.loop)
        except AddressError as error:
            self._refuse(task, str(error))
            return
        except OSError as error:
            self._refuse(task, error_name(error.errno or errno.EIO))
            return
        del self._dialling[task]
        record.connected_at = self._environment.loop.time()
        record.local = format_address(upstream.sock)
        record.upstream = str(upstream.where)
        connection = Connection(
            client,
            upstream,
            route=Route(self.name, self.listen, self.upstream),
            record=record,
            chain=self.chain,
            environment=self._environment,
            on_end=self._forget,
        )
        self._connections.add(connection)
        connection.start()

    def _refuse(self, task: asyncio.Task[None], why: str) -> None:
        """There is no upstream for this client: close it."""
        client, record = self._dialling.pop(task)
        client.close()
        now = self._environment.loop.time()
        record.note(now, "upstream", "refused", why)
        self.ledger.close(record, at=now)

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self.ledger.close(connection.record, at=self._environment.loop.time())
