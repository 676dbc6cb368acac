"""The listening socket: what the connections it takes in inherit."""

from __future__ import annotations

import socket

from reference_server.listener import open_listener


def test_a_connection_sends_small_messages_at_once() -> None:
    with open_listener("127.0.0.1", 0, send_buffer_bytes=131_072) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()[:2]):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
