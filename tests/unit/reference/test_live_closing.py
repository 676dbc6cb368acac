"""Every end is bounded, in the process and in the kernel, whatever the peer does or leaves undone."""

from __future__ import annotations

import socket
import time

import pytest
from websockets.frames import Opcode

from .raw_client import Connect, RawClient
from .running import RunningServer, StartServer, wait_until
from .upstreams import ScriptedUpstream

CLOSE_TIMEOUT = 0.5
IDLE_TIMEOUT = 1.5
MARGIN = 0.5
"""Seconds, see test_live_dead_peers."""
PATIENT = 10.0
"""Seconds until a hang fails the test."""
NO_HEARTBEAT = {"WEBSOCKET_HEARTBEAT_TIMEOUT": "30", "WEBSOCKET_PING_TIMEOUT": "30"}
"""Dead peers are not found in time to help: only the close deadline can end the connection."""


def fill_the_buffers(client: RawClient, *, size: int = 1_000_000) -> None:
    """Have the server echo more than the client's receive buffer and the server's send buffer hold."""
    client.protocol.send_binary(b"x" * size)
    client.flush()


SIZES = pytest.mark.parametrize("size", [100_000, 1_000_000], ids=["kernel's buffer", "process's buffer too"])
"""What the peer does not read lies in the socket's send queue alone, or in the process as well."""


def gone_within(server: RunningServer, client: RawClient, seconds: float) -> float:
    return wait_until(lambda: not server.kernel_sockets(remote_port=client.local_port), within=seconds, beside=server)


def test_peer_that_never_answers_the_close_is_ended(start_server: StartServer, connect: Connect) -> None:
    close_timeout = 3 * CLOSE_TIMEOUT
    server = start_server(WEBSOCKET_CLOSE_TIMEOUT=str(close_timeout), **NO_HEARTBEAT)
    client = connect(server.url("/echo"))
    frame = client.next_frame(Opcode.CLOSE)
    assert frame is not None
    assert frame.data == b"\x03\xe9idle timeout"
    # It may have come a while before it is read.
    assert gone_within(server, client, close_timeout + MARGIN) > close_timeout / 4


@SIZES
def test_stalled_peer_is_closed_in_time_too(start_server: StartServer, connect: Connect, size: int) -> None:
    server = start_server(**NO_HEARTBEAT)
    client = connect(server.url("/echo"), receive_buffer=4096)
    fill_the_buffers(client, size=size)
    gone_within(server, client, IDLE_TIMEOUT + CLOSE_TIMEOUT + MARGIN)
    assert server.stat("/connections/closed") == {"idle timeout": 1}


def test_peer_that_closes_and_then_holds_tcp_is_ended(server: RunningServer, connect: Connect) -> None:
    client = connect(server.url("/echo"))
    client.protocol.send_close(1000)
    client.flush()
    assert client.close_received() is not None
    gone_within(server, client, CLOSE_TIMEOUT + MARGIN)


@SIZES
def test_stalled_peer_that_closes_is_ended(start_server: StartServer, connect: Connect, size: int) -> None:
    server = start_server(**NO_HEARTBEAT)
    client = connect(server.url("/echo"), receive_buffer=4096)
    fill_the_buffers(client, size=size)
    client.protocol.send_close(1000)
    client.flush()
    gone_within(server, client, CLOSE_TIMEOUT + MARGIN)


@SIZES
def test_stalled_peer_that_half_closes_is_ended(start_server: StartServer, connect: Connect, size: int) -> None:
    server = start_server(**NO_HEARTBEAT)
    client = connect(server.url("/echo"), receive_buffer=4096)
    fill_the_buffers(client, size=size)
    client.socket.shutdown(socket.SHUT_WR)
    gone_within(server, client, CLOSE_TIMEOUT + MARGIN)


@pytest.mark.parametrize("path", ["/echo", "/live", "/feed", "/data", "/session"])
@pytest.mark.parametrize("end", ["reset", "close"])
def test_crashed_peer_is_forgotten_at_once(shared_server: RunningServer, path: str, end: str, connect: Connect) -> None:
    client = connect(shared_server.url(path))
    wait_until(lambda: shared_server.stat("/connections/total") == 1, within=PATIENT)
    {"reset": client.reset, "close": client.close}[end]()
    # Well before the heartbeat could find it.
    wait_until(lambda: shared_server.stat("/connections/total") == 0, within=CLOSE_TIMEOUT)
    gone_within(shared_server, client, CLOSE_TIMEOUT)


def test_everything_queued_comes_before_the_close(start_server: StartServer, connect: Connect) -> None:
    server = start_server(WEBSOCKET_MAX_AGE="1", WEBSOCKET_CLOSE_TIMEOUT="1.5", **NO_HEARTBEAT)
    client = connect(server.url("/echo"), receive_buffer=4096)
    count = 20
    for number in range(count):
        client.protocol.send_binary(number.to_bytes(1, "big") * 20_000)
    client.flush()
    closing = {"maximum age reached": 1}
    wait_until(lambda: server.stat("/connections/closed") == closing, within=1 + MARGIN)
    received = []
    while (frame := client.next_frame(Opcode.BINARY, Opcode.CLOSE)) is not None:
        if frame.opcode is Opcode.CLOSE:
            assert frame.data == b"\x03\xe9maximum age reached"
            break
        received.append(frame.data[0])
    assert received == list(range(count))
    assert frame is not None


@pytest.mark.parametrize("ping", [False, True], ids=["close alone", "with a ping before it"])
def test_everything_asked_before_a_client_closes_is_answered_before_the_close(
    server: RunningServer, connect: Connect, *, ping: bool
) -> None:
    client = connect(server.url("/echo"))
    count = 20
    for number in range(count):
        client.protocol.send_text(str(number).encode())
    if ping:
        client.protocol.send_ping(b"still there?")
    client.protocol.send_close(4321, "done")
    client.socket.sendall(b"".join(client.protocol.data_to_send()))  # one segment, which the server reads at once
    received = []
    while (frame := client.next_frame(Opcode.TEXT, Opcode.CLOSE)) is not None:
        received.append(bytes(frame.data))
    assert received == [*(str(number).encode() for number in range(count)), b"\x10\xe1done"]
    gone_within(server, client, CLOSE_TIMEOUT + MARGIN)


def test_client_that_closes_is_answered_in_time_by_a_handler_that_hangs(
    start_server: StartServer, connect: Connect, upstream: ScriptedUpstream
) -> None:
    server = start_server(UPSTREAM_URL=upstream.url, UPSTREAM_TIMEOUT="30", **NO_HEARTBEAT)
    upstream.hang()
    client = connect(server.url("/data"))
    client.send_text('{"type": "get", "id": 1}')
    client.protocol.send_close(1000)
    client.flush()
    began = time.monotonic()
    assert client.close_received() is not None
    # The half of the close timeout that is left for TCP is not spent on the handler.
    assert time.monotonic() - began < CLOSE_TIMEOUT + MARGIN
    gone_within(server, client, CLOSE_TIMEOUT + MARGIN)


def test_idle_client_is_warned_first_and_stays_if_it_answers(start_server: StartServer, connect: Connect) -> None:
    timeout, warning = 2.0, 1.5
    server = start_server(
        WEBSOCKET_IDLE_TIMEOUT_SECONDS=str(timeout), WEBSOCKET_IDLE_WARNING_SECONDS=str(warning), **NO_HEARTBEAT
    )
    client = connect(server.url("/live"))
    start = time.monotonic()
    warned = 0
    # A warning comes after each half a second of silence.
    while warned < 5:
        frame = client.next_frame(Opcode.TEXT, Opcode.PING)
        assert frame is not None
        if frame.opcode is Opcode.PING:
            client.protocol.send_pong(frame.data)
            client.flush()
        elif b"idle_warning" in frame.data:
            assert frame.data == b'{"type": "idle_warning", "closes_in": 1.5}'
            warned += 1
            client.send_text("1")
    assert time.monotonic() - start > timeout
    assert server.stat("/idle") == {"warned": 5, "closed": 0}


def test_idle_client_of_echo_gets_nothing_but_the_close(start_server: StartServer, connect: Connect) -> None:
    server = start_server(**NO_HEARTBEAT)
    client = connect(server.url("/echo"))
    frame = client.next_frame(Opcode.TEXT, Opcode.BINARY, Opcode.CLOSE)
    assert frame is not None
    assert frame.opcode is Opcode.CLOSE
