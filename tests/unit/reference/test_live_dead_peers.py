"""Dead peers come in several shapes; each is gone, process and kernel, within interval + timeout + sweep."""

from __future__ import annotations

import time

from websockets.frames import Opcode

from .raw_client import Connect
from .running import RunningServer, StartServer, wait_until

INTERVAL, TIMEOUT, SWEEP = 0.3, 0.7, 0.2
BOUND = INTERVAL + TIMEOUT + SWEEP
MARGIN = 0.5
"""Seconds in which both run, beyond those of the server: the attentive clock stretches every deadline by its lateness,
of which 0.2 s were seen on two busy cores."""


def gone_in_time(server: RunningServer, port: int) -> None:
    """Wait until no kernel socket of that peer is left on the server's side."""
    wait_until(lambda: not server.kernel_sockets(remote_port=port), within=BOUND + MARGIN, beside=server)


def test_silent_peer_is_cut(server: RunningServer, connect: Connect) -> None:
    start = time.monotonic()
    client = connect(server.url("/feed"))
    gone_in_time(server, client.local_port)
    assert time.monotonic() - start > TIMEOUT
    assert server.stat("/heartbeat/dead") == 1
    assert server.stat("/connections/total") == 0


def test_stalled_peer_with_full_buffers_is_cut(server: RunningServer, connect: Connect) -> None:
    client = connect(server.url("/echo"), receive_buffer=4096)
    client.socket.setblocking(False)
    client.protocol.send_binary(b"x" * 1_000_000)
    (data,) = client.protocol.data_to_send()
    sent = 0
    while sent < len(data):
        try:
            sent += client.socket.send(data[sent:])
        except BlockingIOError:
            time.sleep(SWEEP / 10)
    gone_in_time(server, client.local_port)
    assert server.stat("/connections/closed") == {"peer is dead": 1}


def test_peer_that_answers_late_but_in_time_stays(start_server: StartServer, connect: Connect) -> None:
    """Later than the next ping and the next sweep; the timeout is three times that, for a peer that does not run."""
    server = start_server(WEBSOCKET_HEARTBEAT_TIMEOUT=str(3 * TIMEOUT), WEBSOCKET_PING_TIMEOUT=str(3 * TIMEOUT))
    client = connect(server.url("/feed"))
    ends = time.monotonic() + 2 * (INTERVAL + 3 * TIMEOUT + SWEEP)
    answered = 0
    waiting: list[tuple[float, bytes]] = []
    while time.monotonic() < ends:
        # The feed's updates come every 0.1 s, so no look takes longer than that.
        frame = client.next_frame()
        assert frame is not None, "the server cut a living peer"
        if frame.opcode is Opcode.PING:
            waiting.append((time.monotonic() + TIMEOUT, bytes(frame.data)))
        while waiting and waiting[0][0] <= time.monotonic():
            client.protocol.send_pong(waiting.pop(0)[1])
            client.flush()
            answered += 1
    assert answered >= 3
    assert server.stat("/heartbeat/dead") == 0


def test_slow_reader_that_makes_progress_stays(start_server: StartServer, connect: Connect) -> None:
    # The timeout is three times that, for a client that does not run.
    server = start_server(
        WEBSOCKET_IDLE_TIMEOUT_SECONDS="0",
        WEBSOCKET_HEARTBEAT_TIMEOUT=str(3 * TIMEOUT),
        WEBSOCKET_PING_TIMEOUT=str(3 * TIMEOUT),
    )
    bound = INTERVAL + 3 * TIMEOUT + SWEEP
    size = 900_000
    client = connect(server.url("/echo"), receive_buffer=4096)
    client.protocol.send_binary(b"x" * size)
    client.flush()
    start = time.monotonic()
    read = 0
    # Twice as long as a stalled peer would live, in small sips: it never stops, and never answers a ping in time.
    while read < size:
        data = client.socket.recv(size // 100)
        assert data, "the server cut a slow but living peer"
        read += len(data)
        time.sleep(2 * bound / 100)
    assert time.monotonic() - start > 1.5 * bound
    assert server.stat("/heartbeat/dead") == 0


def test_client_that_uploads_slowly_stays(server: RunningServer, connect: Connect) -> None:
    client = connect(server.url("/live"))
    client.protocol.send_text(b'"' + b"x" * 998 + b'"')
    (data,) = client.protocol.data_to_send()
    # One frame in pieces: no pong can overtake it.
    pieces = 20
    step = len(data) // pieces
    for start in range(0, len(data), step):
        client.socket.sendall(data[start : start + step])
        time.sleep(1.2 / pieces)
    frame = client.next_frame(Opcode.TEXT)
    assert frame is not None
    assert server.stat("/heartbeat/dead") == 0
