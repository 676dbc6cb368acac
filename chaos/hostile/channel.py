"""What a hostile client writes to: TCP itself, or TLS upon it where the server speaks that.

Like `chaos.crowd.tls` it keeps the socket in the client's own hands: what is unread and unacknowledged is asked of the
kernel, an RST is an RST, and nobody says goodbye for the client. Unlike it, who writes waits until TCP has taken all.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from abc import ABC, abstractmethod
from socket import socket

from chaos.probes.tls import client_context
from chaos.target import Tls

__all__ = ["Channel", "PlainChannel", "TlsChannel", "channel_on"]

_CHUNK = 65536
"""Bytes read at a time."""


class Channel(ABC):
    """One connection of one client; its socket does not block, and stays the client's to close."""

    def __init__(self, connection: socket) -> None:
        self.connection = connection
        self._turn = asyncio.Lock()
        """Records must not get between the halves of another."""

    @abstractmethod
    async def begin(self) -> None:
        """What comes before the client's first byte. Raises OSError."""

    async def send(self, data: bytes) -> None:
        """Write, and wait until TCP has taken all of it. Raises OSError."""
        async with self._turn:
            if encoded := self.encode(data):
                await asyncio.get_running_loop().sock_sendall(self.connection, encoded)

    async def receive(self) -> bytes:
        """What has come; nothing once TCP has come to its end. Raises OSError."""
        loop = asyncio.get_running_loop()
        while arrived := await loop.sock_recv(self.connection, _CHUNK):
            heard = self.decode(arrived)
            # Not behind one who writes and is not read: what there is to say goes out with his next record.
            if not self._turn.locked():
                with contextlib.suppress(OSError):
                    await self.send(b"")
            if heard:
                return heard
        return b""

    def take_in(self) -> bytes:
        """What has come by now, without waiting for more: nothing is left unread in the kernel."""
        heard = b""
        with contextlib.suppress(OSError):
            while arrived := self.connection.recv(_CHUNK):
                heard += self.decode(arrived)
        return heard

    @abstractmethod
    def encode(self, data: bytes) -> bytes:
        """The bytes on TCP for these."""

    @abstractmethod
    def decode(self, arrived: bytes) -> bytes:
        """What bytes from TCP complete, if anything. Raises OSError for those that are none of TLS's."""


class PlainChannel(Channel):
    """TCP itself."""

    async def begin(self) -> None:
        """Nothing: TCP is established."""

    def encode(self, data: bytes) -> bytes:
        return data

    def decode(self, arrived: bytes) -> bytes:
        return arrived


class TlsChannel(Channel):
    """A record for each write. What is sent in it is as hostile as without: TLS carries any bytes."""

    def __init__(self, connection: socket, tls: Tls) -> None:
        super().__init__(connection)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._parted = False
        """Whether the server has said goodbye, and so has the client."""
        self._tls = client_context(tls).wrap_bio(self._incoming, self._outgoing, server_hostname=tls.server_name)

    async def begin(self) -> None:
        """The handshake of TLS, a good one."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            else:
                break
            finally:
                # An alert as well, that says why it has failed.
                if said := self._outgoing.read():
                    await loop.sock_sendall(self.connection, said)
            arrived = await loop.sock_recv(self.connection, _CHUNK)
            if not arrived:
                raise OSError("it ended the connection in the handshake of TLS")
            self._incoming.write(arrived)
        if left := self._outgoing.read():
            await loop.sock_sendall(self.connection, left)

    def encode(self, data: bytes) -> bytes:
        left = memoryview(data)
        while left:
            left = left[self._tls.write(left) :]
        return self._outgoing.read()

    def decode(self, arrived: bytes) -> bytes:
        self._incoming.write(arrived)
        heard = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while read := self._tls.read(_CHUNK):
                heard += read
            # Its goodbye. Many servers end TCP only once they have heard ours; that end is waited for, as without TLS.
            if not self._parted:
                self._parted = True
                with contextlib.suppress(ssl.SSLError):
                    self._tls.unwrap()
        return heard


def channel_on(connection: socket, tls: Tls | None) -> Channel:
    """What a server is spoken to on a socket that is connected, or will be."""
    return PlainChannel(connection) if tls is None else TlsChannel(connection, tls)
