"""Real sockets through a proxy that runs in the test's own event loop."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from chaos.links.embedded.server import EmbeddedProxy, Options
from chaos.links.embedded.toxics import Toxic

__all__ = [
    "DEADLINE",
    "Pair",
    "address_of",
    "api",
    "arrival",
    "connect",
    "listener",
    "open_through",
    "pair_through",
    "receive_all",
    "reset",
    "toxic_json",
]

DEADLINE = 5.0
"""Seconds until a wait for something that must come is given up. Loopback takes well under a millisecond."""


def toxic_json(toxic: Toxic, **fields: object) -> dict[str, object]:
    """Body of a request that adds this toxic."""
    return {"type": toxic.kind, "attributes": dataclasses.asdict(toxic), **fields}


async def api(proxy: EmbeddedProxy, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """One request; status and decoded body."""
    address = urlsplit(proxy.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        payload = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {len(payload)}\r\n\r\n"
        writer.write(head.encode() + payload)
        async with asyncio.timeout(DEADLINE):
            answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    first, _, text = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]), json.loads(text) if text else None


def listener(backlog: int = 16) -> socket.socket:
    """A listening socket on a free port of 127.0.0.1, non-blocking."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    sock.setblocking(False)
    return sock


def address_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def arrival(sock: socket.socket, *, within: float = DEADLINE) -> bytes | str:
    """What comes next: bytes, `FIN`, `RST`, or `nothing` within the time."""
    try:
        async with asyncio.timeout(within):
            data = await asyncio.get_running_loop().sock_recv(sock, 65_536)
    except ConnectionResetError:
        return "RST"
    except TimeoutError:
        return "nothing"
    return data or "FIN"


async def receive_all(sock: socket.socket) -> bytes:
    """Everything up to the FIN."""
    received = bytearray()
    async with asyncio.timeout(DEADLINE):
        while data := await asyncio.get_running_loop().sock_recv(sock, 65_536):
            received += data
    return bytes(received)


@dataclass(slots=True)
class Pair:
    """Proxy `p`, its upstream, and one connection through it: a client's and a server's socket, non-blocking."""

    proxy: EmbeddedProxy
    upstream: socket.socket
    address: tuple[str, int]
    client: socket.socket
    server: socket.socket

    async def api(self, method: str, path: str, body: object = None) -> Any:
        """A request that must succeed; its decoded body."""
        status, decoded = await api(self.proxy, method, path, body)
        assert status < 300, decoded
        return decoded

    async def add(self, toxic: Toxic, **fields: object) -> None:
        """Add a toxic; downstream unless said otherwise."""
        await self.api("POST", "/proxies/p/toxics", toxic_json(toxic, **fields))

    async def connections(self) -> list[dict[str, Any]]:
        """The ledger's records."""
        answer = await self.api("GET", "/connections/p")
        return list(answer["proxies"]["p"]["connections"])

    async def last_connection(self, *, ended: bool = True) -> dict[str, Any]:
        """The newest record; of a connection that has ended, if it must."""
        async with asyncio.timeout(DEADLINE):
            while True:
                record = (await self.connections())[-1]
                if not ended or record["ended_at"] is not None:
                    return record

    async def events(self) -> list[tuple[str, str]]:
        """Side and kind of each event of the newest connection, once it has ended."""
        return [(event["side"], event["what"]) for event in (await self.last_connection())["events"]]


async def connect(address: tuple[str, int]) -> socket.socket:
    """A client's socket, non-blocking."""
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


@asynccontextmanager
async def open_through(proxy: EmbeddedProxy) -> AsyncIterator[Pair]:
    """Make proxy `p`, and a connection through it. Sockets the test has not closed are closed."""
    with listener() as upstream:
        body = {"name": "p", "listen": "127.0.0.1:0", "upstream": address_of(upstream)}
        _, made = await api(proxy, "POST", "/proxies", body)
        host, port = made["listen"].split(":")
        client = await connect((host, int(port)))
        server, _ = await asyncio.get_running_loop().sock_accept(upstream)
        with client, server:
            yield Pair(proxy, upstream, (host, int(port)), client, server)


@asynccontextmanager
async def pair_through(options: Options | None = None) -> AsyncIterator[Pair]:
    """A proxy process' inside, and a connection through it."""
    async with EmbeddedProxy(options or Options(port=0, seed=1)) as proxy, open_through(proxy) as pair:
        yield pair
