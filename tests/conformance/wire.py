"""Connections through a proxy, as their two ends see them."""

from __future__ import annotations

import http.client
import itertools
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .servers import DEADLINE, Server

__all__ = [
    "Wire",
    "address_of",
    "arrives",
    "arrives_in_all",
    "crossing",
    "elapsed",
    "listening",
    "reset",
    "stall",
]

_names = (f"conformance-{number}" for number in itertools.count())


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def address_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"{host}:{port}"


def arrives(sock: socket.socket, *, within: float = DEADLINE) -> bytes | str:
    """What comes next: bytes, `FIN`, `RST`, or `nothing` within the time."""
    sock.settimeout(within)
    try:
        return sock.recv(65_536) or "FIN"
    except ConnectionResetError:
        return "RST"
    except TimeoutError:
        return "nothing"


def arrives_in_all(sock: socket.socket, size: int) -> bytes:
    """So many bytes, in however many pieces."""
    received = bytearray()
    while len(received) < size:
        got = arrives(sock)
        assert isinstance(got, bytes), f"{got} after {len(received)} bytes"
        received += got
    return bytes(received)


def stall(sender: socket.socket, *, quiet: float) -> int:
    """Send until nobody has taken any more for `quiet` seconds; the bytes taken."""
    sender.settimeout(quiet)
    sent = 0
    while True:
        try:
            sent += sender.send(b"x" * 65_536)
        except TimeoutError:
            return sent


def listening(port: int) -> bool:
    """Whether anybody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE).close()
    except ConnectionRefusedError:
        return False
    return True


class Wire:
    """A proxy of its own on a server, and the upstream behind it."""

    def __init__(self, server: Server, upstream: socket.socket) -> None:
        self.server = server
        self.upstream = upstream
        self.name = next(_names)
        made = server.ok(
            "POST", "/proxies", {"name": self.name, "listen": "127.0.0.1:0", "upstream": address_of(upstream)}
        )
        self.port = int(made["listen"].rpartition(":")[2])
        self._sockets: list[socket.socket] = []

    @property
    def path(self) -> str:
        return f"/proxies/{self.name}"

    def add(self, kind: str, *, name: str | None = None, **fields: object) -> str:
        """Add a toxic: attributes by name, `stream` and `toxicity` too; return its path."""
        body = {"type": kind, "name": name or kind}
        body |= {key: fields.pop(key) for key in ("stream", "toxicity") if key in fields}
        self.server.ok("POST", f"{self.path}/toxics", {**body, "attributes": fields})
        return f"{self.path}/toxics/{body['name']}"

    def connect(self) -> socket.socket:
        """A client's socket, whether or not an upstream is there for it."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)
        self._sockets.append(client)
        return client

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """A client's and a server's socket, connected through the proxy, each having heard from the other once."""
        client = self.connect()
        self.upstream.settimeout(DEADLINE)
        server, _ = self.upstream.accept()
        self._sockets.append(server)
        return client, server

    def established(self) -> tuple[socket.socket, socket.socket]:
        """A pair that has been used in both directions."""
        client, server = self.pair()
        client.sendall(b"?")
        assert arrives(server) == b"?"
        server.sendall(b"!")
        assert arrives(client) == b"!"
        return client, server

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()


@contextmanager
def crossing(server: Server) -> Iterator[Wire]:
    """A wire; at the end its proxy is deleted, if the server still answers."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        wire = Wire(server, upstream)
        try:
            yield wire
        finally:
            wire.close()
            if server.process.poll() is None:
                # Toxiproxy hangs, or dies, where a difference says it does; that server is not used again.
                with suppress(TimeoutError, ConnectionError, http.client.HTTPException):
                    server.request("DELETE", wire.path, within=1)


def elapsed(since: float) -> float:
    """Seconds since a moment of time.monotonic()."""
    return time.monotonic() - since
