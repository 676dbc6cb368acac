"""Requests: one that breaks nothing is taken by `websockets`, and one that is changed differs in nothing else."""

from __future__ import annotations

from dataclasses import replace

from websockets.http11 import Request as Parsed
from websockets.server import ServerProtocol

from chaos.hostile.handshakes import KEY, Request

PLAIN = Request(host="127.0.0.1:80", path="/echo")


def test_a_request_that_breaks_nothing_is_accepted() -> None:
    server = ServerProtocol()
    server.receive_data(replace(PLAIN, subprotocol="chat").encode())
    (request,) = server.events_received()
    assert isinstance(request, Parsed)
    assert (request.path, request.headers["Sec-WebSocket-Protocol"]) == ("/echo", "chat")
    assert server.accept(request).status_code == 101


def test_a_request_line_by_line() -> None:
    assert replace(PLAIN, method="POST", http="HTTP/1.0", version=None, headers=(("X", "\xff"),)).encode() == (
        b"POST /echo HTTP/1.0\r\nHost: 127.0.0.1:80\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + KEY.encode() + b"\r\nX: \xff\r\n\r\n"
    )
