"""The broadcast goes on at its interval, whoever does not read it."""

from __future__ import annotations

import json
import threading
import time
from itertools import pairwise

from websockets.frames import Opcode

from .raw_client import Connect, RawClient
from .running import RunningServer, StartServer, wait_until

INTERVAL = 0.1
MARGIN = 0.2
"""Seconds a beat may come late on two busy cores."""
PATIENT = {"WEBSOCKET_HEARTBEAT_TIMEOUT": "30", "WEBSOCKET_PING_TIMEOUT": "30"}
"""The heartbeat does not find the stalled listener first."""


def listen(client: RawClient, *, until: float, pause: float = 0.0) -> list[tuple[float, int]]:
    """Read updates and answer pings until then: time and sequence number of each."""
    updates = []
    while time.monotonic() < until:
        frame = client.next_frame()
        assert frame is not None, "the server ended a living listener"
        if frame.opcode is Opcode.PING:
            client.protocol.send_pong(frame.data)
            client.flush()
        elif frame.opcode is Opcode.TEXT:
            updates.append((time.monotonic(), json.loads(bytes(frame.data))["sequence"]))
            if pause and not client.frames:
                time.sleep(pause)
    return updates


def gaps(updates: list[tuple[float, int]]) -> list[float]:
    times = [at for at, _ in updates]
    return [later - earlier for earlier, later in pairwise(times)]


def sequence(updates: list[tuple[float, int]]) -> list[int]:
    return [number for _, number in updates]


def test_stalled_listener_is_cut_and_the_others_notice_nothing(start_server: StartServer, connect: Connect) -> None:
    server = start_server(BROADCAST_PAYLOAD_BYTES="100000", WEBSOCKET_OUTBOX_MESSAGES="8", **PATIENT)
    stalled = connect(server.url("/feed"), receive_buffer=4096)
    living = connect(server.url("/feed"))
    start = time.monotonic()
    results: list[list[tuple[float, int]]] = []
    # The outbox of 8, three updates in the socket's buffers, and one on the way.
    bound = 12 * INTERVAL + 2 * MARGIN
    reader = threading.Thread(target=lambda: results.append(listen(living, until=start + 2 * bound)))
    reader.start()
    took = wait_until(lambda: not server.kernel_sockets(remote_port=stalled.local_port), within=bound)
    reader.join()
    assert took > 8 * INTERVAL
    assert server.stat("/feed/slow_consumers_cut") == 1
    (updates,) = results
    assert sequence(updates) == list(range(updates[0][1], updates[0][1] + len(updates)))
    assert max(gaps(updates)) < INTERVAL + MARGIN


def test_slow_but_living_listener_stays_and_misses_nothing(server: RunningServer, connect: Connect) -> None:
    slow = connect(server.url("/feed"))
    # It reads in gulps, every fourth beat.
    updates = listen(slow, until=time.monotonic() + 40 * INTERVAL, pause=4 * INTERVAL)
    assert len(updates) >= 30
    assert sequence(updates) == list(range(updates[0][1], updates[0][1] + len(updates)))
    assert server.stat("/feed/slow_consumers_cut") == 0


def test_beats_come_at_their_interval(server: RunningServer, connect: Connect) -> None:
    updates = listen(connect(server.url("/feed")), until=time.monotonic() + 30 * INTERVAL)
    elapsed = updates[-1][0] - updates[0][0]
    beats = len(updates) - 1
    assert abs(elapsed - beats * INTERVAL) < MARGIN


def test_listeners_may_be_silent_for_as_long_as_they_like(server: RunningServer, connect: Connect) -> None:
    idle_timeout = 1.5
    listen(connect(server.url("/feed")), until=time.monotonic() + 2 * idle_timeout)
    assert server.stat("/idle") == {"warned": 0, "closed": 0}
