"""Who is connected. One loop owns the set of clients; everybody else sends it a word and is told when it is done."""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection

from hub.settings import Settings
from hub.source import Source

OUTBOX = 64
"""Answers that wait to be written to one client; who asks for more is read no further until it reads itself. Chosen by
us: the owners name none, and no promise is read off it."""


class Client:
    """One connection, with what waits to be written to it."""

    def __init__(self, connection: ServerConnection, settings: Settings, source: Source) -> None:
        self.connection = connection
        self.settings = settings
        self.source = source
        self.outbox: asyncio.Queue[str] = asyncio.Queue(OUTBOX)


class Registry:
    """The hub proper."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self.accepted = 0
        self.ended = 0
        self._words: asyncio.Queue[tuple[str, Client, asyncio.Event]] = asyncio.Queue()

    def register(self, client: Client) -> asyncio.Event:
        """Ask for a client to be registered; the event says when it is."""
        return self._say("register", client)

    def unregister(self, client: Client) -> asyncio.Event:
        """Ask for a client to be forgotten; the event says when it is."""
        return self._say("unregister", client)

    async def run(self) -> None:
        """Do what is asked, one after the other, until cancelled."""
        while True:
            word, client, done = await self._words.get()
            if word == "register":
                self.clients.add(client)
                self.accepted += 1
            else:
                self.clients.discard(client)
                self.ended += 1
            done.set()

    def _say(self, word: str, client: Client) -> asyncio.Event:
        done = asyncio.Event()
        self._words.put_nowait((word, client, done))
        return done
