"""A faithful client beside the hostile ones: what they do to the server must not touch it."""

from __future__ import annotations

import socket

from chaos.hostile.frames import Opcode, frame
from chaos.hostile.handshakes import Request
from chaos.hostile.reading import Received, Stream
from tests.unit.reference.running import RunningServer

__all__ = ["PATIENCE", "Canary", "connect"]

PATIENCE = 5.0
"""Seconds for an answer that takes milliseconds: it only tells slow from never."""


def connect(server: RunningServer) -> tuple[socket.socket, Stream]:
    """An upgraded connection."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    stream = Stream()
    try:
        connection.sendall(Request(host="x", path="/echo").encode())
        while stream.status is None and (data := connection.recv(65536)):
            # A heartbeat may be due just now; who asks at once is gone before its pong would be.
            assert {found.opcode for found in stream.feed(data)} <= {Opcode.PING}
        assert stream.status == 101
    except BaseException:
        connection.close()
        raise
    return connection, stream


class Canary:
    """One faithful client that is connected all along."""

    def __init__(self, server: RunningServer) -> None:
        self._connection, self._stream = connect(server)
        self._number = 0

    def exchange(self) -> None:
        """Ask, and wait for the right answer, pings in between answered."""
        self._number += 1
        wanted = Received(Opcode.TEXT, b"canary %d" % self._number)
        self._connection.sendall(frame(Opcode.TEXT, wanted.payload))
        while data := self._connection.recv(65536):
            for found in self._stream.feed(data):
                if found.opcode == Opcode.PING:
                    self._connection.sendall(frame(Opcode.PONG, found.payload))
                elif found == wanted:
                    return
                else:
                    raise AssertionError(f"the canary was sent {found}")
        raise AssertionError("the canary was cut off")

    def close(self) -> None:
        self._connection.close()
