"""Hostile clients: half-made handshakes, floods, endless messages. Refused with the right answer, memory bounded."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.frames import Frame, Opcode

from .raw_client import Connect
from .running import RunningServer, StartServer, wait_until

HANDSHAKE_TIMEOUT = 1.0
CLOSE_TIMEOUT = 0.5
MARGIN = 0.5
PATIENCE = 10.0
PER_CONNECTION = 5_000_000
"""Bytes the server promises a connection never takes more of."""


@contextmanager
def tcp(server: RunningServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        yield connection


def readable(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])


def read_all(connection: socket.socket) -> bytes:
    collected = b""
    try:
        while data := connection.recv(65536):
            collected += data
    except ConnectionResetError:
        pass
    return collected


@pytest.mark.parametrize(
    ("beginning", "answer"),
    [
        (b"", b"HTTP/1.1 408 Request Timeout\r\n"),
        (b"GET /echo HTTP/1.1\r\nHost: x\r\n", b"HTTP/1.1 408 Request Timeout\r\n"),
        (b"POST /x HTTP/1.1\r\ncontent-length: 9\r\n\r\nx", b"HTTP/1.1 404 Not Found\r\n"),
    ],
    ids=["nothing", "headers", "body"],
)
def test_half_made_request_is_ended(shared_server: RunningServer, beginning: bytes, answer: bytes) -> None:
    before = shared_server.stat("/handshakes_timed_out")
    with tcp(shared_server) as connection:
        connection.sendall(beginning)
        wait_until(lambda: readable(connection), within=HANDSHAKE_TIMEOUT + MARGIN, beside=shared_server)
        assert read_all(connection).startswith(answer)
        port = connection.getsockname()[1]
        wait_until(
            lambda: not shared_server.kernel_sockets(remote_port=port), within=HANDSHAKE_TIMEOUT, beside=shared_server
        )
    assert shared_server.stat("/handshakes_timed_out") == before + 1


def test_header_by_header_is_no_way_round_the_deadline(server: RunningServer) -> None:
    with tcp(server) as connection:
        connection.sendall(b"GET /echo HTTP/1.1\r\n")

        def ended() -> bool:
            try:
                connection.sendall(b"X-Slow: loris\r\n")
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False

        bound = HANDSHAKE_TIMEOUT + CLOSE_TIMEOUT + MARGIN
        wait_until(ended, within=bound, every=HANDSHAKE_TIMEOUT / 20, beside=server)


UPGRADE = (
    b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (UPGRADE + b"X: y\r\n" * 1000 + b"\r\n", b"HTTP/1.1 400 "),
        (UPGRADE + b"X: " + b"y" * 20_000 + b"\r\n\r\n", b"HTTP/1.1 400 "),
        (UPGRADE + b"X: " + b"y" * 200_000 + b"\r\n\r\n", b"HTTP/1.1 431 "),
        (UPGRADE.replace(b"Version: 13", b"Version: 9") + b"\r\n", b"HTTP/1.1 426 "),
        (UPGRADE.replace(b"Sec-WebSocket-Key", b"Nothing") + b"\r\n", b"HTTP/1.1 400 "),
        (UPGRADE.replace(b"GET", b"POST") + b"\r\n", b"HTTP/1.1 4"),
        (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n", b"HTTP/1.1 404 "),
        (UPGRADE + b"\r\n" + b"\x81\x81maskx", b"HTTP/1.1 400 "),
        (UPGRADE.replace(b"Host: ", b"X-Host: ") + b"\r\n", b"HTTP/1.1 400 "),
        (UPGRADE + b"Host: another\r\n\r\n", b"HTTP/1.1 400 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"HTTP/1.1 400 "),
    ],
    ids=[
        "thousand headers",
        "long value",
        "too long",
        "version",
        "no key",
        "method",
        "HTTP/1.0",
        "frame behind",
        "no Host",
        "two Hosts",
        "TLS",
    ],
)
def test_broken_handshake_is_answered_and_ended(
    shared_server: RunningServer, request_bytes: bytes, answer: bytes
) -> None:
    timed_out = shared_server.stat("/handshakes_timed_out")
    with tcp(shared_server) as connection:
        connection.sendall(request_bytes)
        assert read_all(connection).startswith(answer)
    assert shared_server.stat("/handshakes_timed_out") == timed_out, "it was ended for what it is, not for its time"
    assert shared_server.stat("/connections/inside") == 0
    assert "Traceback" not in shared_server.log_text()


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x82\xff" + (2_000_000).to_bytes(8, "big") + b"mask", 1009),
        (b"\x01\x81maskx" + b"\x00\xff" + (1_048_576).to_bytes(8, "big") + b"mask", 1009),
        (b"\x81\x01x", 1002),
        (b"\xc1\x81maskx", 1002),
        (b"\x83\x81maskx", 1002),
        (b"\x80\x81maskx", 1002),
        (b"\x89\x7emask", 1002),
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),
        (b"\x88\x82\x00\x00\x00\x00\x03\xec", 1002),
    ],
    ids=["too big", "too big in all", "unmasked", "reserved", "opcode", "stray", "long ping", "UTF-8", "close 1004"],
)
def test_broken_frame_is_answered_with_its_code(
    shared_server: RunningServer, connect: Connect, frames: bytes, code: int
) -> None:
    before = shared_server.stat("/protocol_errors")
    client = connect(shared_server.url("/echo"))
    client.socket.sendall(frames)
    close = client.close_received()
    assert close is not None
    assert close.code == code
    wait_until(lambda: shared_server.stat("/connections/inside") == 0, within=PATIENCE)
    assert shared_server.stat("/protocol_errors") == before + 1
    assert "Traceback" not in shared_server.log_text()


def test_flood_of_messages_is_a_policy_violation(start_server: StartServer, connect: Connect) -> None:
    server = start_server(WEBSOCKET_MESSAGE_RATE="50", WEBSOCKET_MESSAGE_BURST="100")
    client = connect(server.url("/live"))
    for _ in range(150):
        client.protocol.send_text(b"1")
    client.flush()
    close = client.close_received()
    assert close is not None
    assert (close.code, close.reason) == (1008, "message rate exceeded")
    assert server.stat("/rate_limited") == 1


def frames_of(opcode: Opcode, data: bytes, count: int, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True) * count


@pytest.mark.parametrize(
    "flood",
    [
        frames_of(Opcode.PING, b"x" * 125, 100_000),
        frames_of(Opcode.TEXT, b"", 300_000),
        frames_of(Opcode.TEXT, b"", 1, fin=False) + frames_of(Opcode.CONT, b"", 300_000, fin=False),
        frames_of(Opcode.TEXT, b"", 1, fin=False) + frames_of(Opcode.CONT, b"xy", 300_000, fin=False),
        frames_of(Opcode.PONG, b"x", 300_000),
    ],
    ids=["pings", "empty messages", "empty fragments", "two-byte fragments", "pongs"],
)
def test_flood_from_a_peer_that_reads_nothing_takes_little_memory(
    start_server: StartServer, connect: Connect, flood: bytes
) -> None:
    server = start_server(
        WEBSOCKET_MESSAGE_RATE="0", WEBSOCKET_HEARTBEAT_TIMEOUT="30", WEBSOCKET_PING_TIMEOUT="30",
        WEBSOCKET_IDLE_TIMEOUT_SECONDS="0",
    )  # fmt: skip
    others = connect(server.url("/echo"))
    client = connect(server.url("/echo"), receive_buffer=4096)
    before = server.stat("/memory/resident")
    client.socket.settimeout(MARGIN)
    busiest = 0.0
    sent = 0
    ends = time.monotonic() + 2
    while sent < len(flood) and time.monotonic() < ends:
        try:
            sent += client.socket.send(flood[sent : sent + 65536])
        except TimeoutError:
            break
        worked = server.worked()
        others.send_text("x")
        assert others.next_frame(Opcode.TEXT) is not None
        busiest = max(busiest, server.worked() - worked)
    assert sent > 65536
    assert server.stat("/memory/resident") - before < PER_CONNECTION
    # One turn of the loop deals with at most 16 KiB of the flood: told by the work that the others had to wait for.
    assert busiest < MARGIN
