"""A Toxiproxy of either kind in a process of its own, and sockets on both sides of a link."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.links.traits import LinkKind
from chaos.runtime.ports import free_ports

__all__ = [
    "PATIENCE",
    "Pair",
    "ending",
    "free_port",
    "linger_zero",
    "pair_through",
    "quickest",
    "running",
    "toxiproxy_binary",
]

PATIENCE = 5.0
"""Seconds until a wait for something that must come on loopback is given up; it takes milliseconds."""

_HOME = Path(os.environ.get("CHAOS_ENGINE_HOME", "/var/lib/chaos-engine"))


def toxiproxy_binary() -> str:
    """The Go binary; the test is skipped where there is none."""
    named = os.environ.get("CHAOS_TOXIPROXY_SERVER")
    candidates = (named, shutil.which("toxiproxy-server"), str(_HOME / "bin" / "toxiproxy-server"))
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    pytest.skip("needs the toxiproxy-server binary; run `make engine`, or name one in CHAOS_TOXIPROXY_SERVER")


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago, and is not one that the kernel gives a client meanwhile."""
    return free_ports(1, host=host)[0]


@contextmanager
def running(kind: LinkKind) -> Iterator[tuple[Address, subprocess.Popen[bytes]]]:
    """A Toxiproxy of that kind: the address of its API and its process, which is killed in the end."""
    api = Address("127.0.0.1", free_port())
    where = ["-host", api.host, "-port", str(api.port)]
    if kind is LinkKind.TOXIPROXY:
        command = [toxiproxy_binary(), *where]
    else:
        command = [sys.executable, "-m", "chaos.links.embedded", *where, "--die-with-parent"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(api, process)
        yield api, process
    finally:
        process.kill()
        process.wait()


class Pair:
    """One connection through a link: the client's socket and the server's, blocking with a time limit."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.close()

    def upstream(self, data: bytes) -> float:
        """Send from client to server; seconds until it is there."""
        return _carry(self.client, self.server, data)

    def downstream(self, data: bytes) -> float:
        """Send from server to client; seconds until it is there."""
        return _carry(self.server, self.client, data)


def pair_through(address: Address, listener: socket.socket) -> Pair:
    """Connect through a link to a listening server."""
    listener.settimeout(PATIENCE)
    client = socket.create_connection((address.host, address.port), timeout=PATIENCE)
    server, _ = listener.accept()
    server.settimeout(PATIENCE)
    return Pair(client, server)


def ending(sock: socket.socket) -> str:
    """How a socket's stream ends: "FIN" or "RST". What comes before that is read over."""
    try:
        while sock.recv(65_536):
            pass
    except ConnectionResetError:
        return "RST"
    return "FIN"


def linger_zero(sock: socket.socket) -> None:
    """From now on closing it sends RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def quickest(carry: Callable[[bytes], float]) -> float:
    """The least of five times one byte took: whatever a busy machine does to one of them, it only adds."""
    return min(carry(b"x") for _ in range(5))


def _carry(source: socket.socket, sink: socket.socket, data: bytes) -> float:
    began = time.monotonic()
    source.sendall(data)
    received = b""
    while len(received) < len(data):
        chunk = sink.recv(65_536)
        assert chunk, "the stream ended before everything was there"
        received += chunk
    assert received == data
    return time.monotonic() - began


def _wait_for(api: Address, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE * 2  # an embedded one starts a Python: 0.3 s, more on a busy machine
    while True:
        try:
            with urllib.request.urlopen(api.url("http", "/version"), timeout=PATIENCE):
                return
        except urllib.error.URLError:
            assert process.poll() is None, f"it ended with exit code {process.returncode}"
            assert time.monotonic() < deadline, f"nothing answers at {api}"
            time.sleep(_POLL)


_POLL = 0.02
"""Seconds between two looks whether a process answers."""
