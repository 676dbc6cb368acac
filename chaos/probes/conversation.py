"""WebSocket connections of our own, for canary, caller and proofs: every option explicit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from websockets.asyncio.client import ClientConnection, connect

from chaos.address import Address
from chaos.dialects import dialect_named
from chaos.dialects.base import Asked, Broken, Heard, Over, Ready, Reply, Said, Talk
from chaos.probes.tls import stream_options
from chaos.target import Endpoint, Tls

__all__ = ["Conversation", "Dismissed", "converse", "open_connection"]

_LARGEST_MESSAGE = 1024 * 1024


async def open_connection(
    address: Address,
    path: str,
    *,
    within: float,
    headers: dict[str, str] | None = None,
    subprotocol: str | None = None,
    tls: Tls | None = None,
    connection: type[ClientConnection] = ClientConnection,
) -> ClientConnection:
    """An open connection, of a class of one's own if need be, without proxy look-up, compression or keepalive.

    Raises TimeoutError after `within` seconds, OSError and websockets' own exceptions.
    """
    return await connect(
        address.url("ws" if tls is None else "wss", path),
        additional_headers=headers,
        subprotocols=[subprotocol] if subprotocol else None,  # type: ignore[list-item]  # a NewType of str
        create_connection=connection,
        proxy=None,
        compression=None,
        ping_interval=None,
        close_timeout=within,
        open_timeout=within,
        max_size=_LARGEST_MESSAGE,
        max_queue=64,
        **stream_options(tls, within=within),
    )


class Dismissed(ConnectionError):
    """The server ended a conversation in its dialect, or did not speak it."""


class Conversation:
    """A connection on which the target's dialect is spoken. Its heartbeat is answered whenever somebody hears."""

    def __init__(self, connection: ClientConnection, talk: Talk) -> None:
        self._connection = connection
        self._talk = talk
        self._messages: deque[str | bytes] = deque()
        self._inside = False

    async def join(self) -> None:
        """Return once the dialect has let us in. Raises Dismissed, and websockets' exceptions."""
        await self._take_in(self._talk.begin())
        while not self._inside:
            await self._take_in(self._talk.hear(await self._connection.recv()))

    async def say(self, text: str) -> None:
        """Send one message. Raises websockets' exceptions."""
        await self._connection.send(self._talk.say(text))

    async def hear(self) -> str:
        """The next message, as text. Raises Dismissed, and websockets' exceptions."""
        while not self._messages:
            await self._take_in(self._talk.hear(await self._connection.recv()))
        message = self._messages.popleft()
        return message if isinstance(message, str) else message.decode("utf-8", errors="replace")

    async def keep(self) -> None:
        """Hear, and forget, until cancelled or until the connection ends: it is still ours when it is needed again."""
        while True:
            await self.hear()

    def abort(self) -> None:
        """Close TCP without a word."""
        self._connection.transport.abort()

    async def _take_in(self, heard: Iterable[Heard]) -> None:
        for one in heard:
            match one:
                case Said(data):
                    self._messages.append(data)
                case Ready():
                    self._inside = True
                case Reply(text) | Asked(text):
                    await self._connection.send(text)
                case Over(reason) | Broken(reason):
                    raise Dismissed(reason)


async def converse(
    address: Address, endpoint: Endpoint, *, dialect: str, within: float, tls: Tls | None = None
) -> Conversation:
    """A conversation that has begun: the connection is open, and the dialect has let us in.

    Raises TimeoutError after `within` seconds for each of the two, OSError and websockets' own exceptions.
    """
    spoken = dialect_named(dialect)
    connection = await open_connection(
        address,
        spoken.request_path(endpoint.path),
        within=within,
        headers=dict(endpoint.headers),
        subprotocol=endpoint.subprotocol,
        tls=tls,
    )
    conversation = Conversation(connection, spoken.talk(endpoint.namespace or "/"))
    try:
        async with asyncio.timeout(within):
            await conversation.join()
    except BaseException:
        conversation.abort()
        raise
    return conversation
