"""A WebSocket client of the standard library: it comes, and tells what became of it and after how long."""

from __future__ import annotations

import base64
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
PATIENCE = 9.0
"""Seconds; thrice the 3 s that after.toml promises for an establishment, as the suite's clients wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """How one client's attempt ended: `welcome`, a close code, `http 500`, `timeout`, or `ended` without a word."""

    ended: str
    seconds: float


def visit(port: int, *, patience: float = PATIENCE, token: str = "user-1") -> Visit:  # noqa: S107  # no secret
    """Connect, and wait for the greeting or for whatever comes instead of it; then leave."""
    began = time.perf_counter()
    try:
        with connected(port, patience=patience, token=token) as (client, status):
            ended = _first(client) if status == 101 else f"http {status}"
    except TimeoutError:
        ended = "timeout"
    except OSError:
        ended = "ended"
    return Visit(ended=ended, seconds=time.perf_counter() - began)


def pings(port: int, until: float) -> list[float]:
    """When pings came to a client that answers each, seconds monotonic; it stays until a time."""
    came = []
    with connected(port, patience=PATIENCE, token="user-1") as (client, _):  # noqa: S106  # no secret
        while time.monotonic() < until:
            opcode, payload = _frame(client)
            if opcode == PING:
                came.append(time.monotonic())
                client.sendall(_masked(PONG, payload))
    return came


@contextmanager
def connected(port: int, *, patience: float, token: str) -> Iterator[tuple[socket.socket, int]]:
    """A connection that has asked for `/session`, and the status of the answer. Raises TimeoutError, OSError."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as client:
        key = base64.b64encode(os.urandom(16)).decode()
        client.sendall(
            f"GET /session HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += _exactly(client, 1)
        yield client, int(head.split()[1])


def _first(client: socket.socket) -> str:
    while True:
        opcode, payload = _frame(client)
        if opcode == TEXT:
            return payload.decode()
        if opcode == CLOSE:
            return str(int.from_bytes(payload[:2], "big"))
        if opcode == PING:
            client.sendall(_masked(PONG, payload))


def _frame(client: socket.socket) -> tuple[int, bytes]:
    """One short frame of the server's: its greeting, its pings and its close frames have less than 126 bytes."""
    first, length = _exactly(client, 2)
    return first & 0x0F, _exactly(client, length)


def _masked(opcode: int, payload: bytes) -> bytes:
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload  # with a mask of zeros


def _exactly(client: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        chunk = client.recv(count - len(got))
        if not chunk:
            raise ConnectionError("the gateway ended the connection")
        got += chunk
    return got
