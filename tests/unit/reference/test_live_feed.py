"""The broadcast goes on at its interval, whoever does not read it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from websockets.frames import Opcode

from .raw_client import Connect, RawClient
from .running import RunningServer, StartServer, wait_until

INTERVAL = 0.1
PATIENCE = 10.0
"""Seconds until a hang fails the test, and well before the heartbeat would help."""
OUTBOX = 16
PATIENT = {"WEBSOCKET_HEARTBEAT_TIMEOUT": "30", "WEBSOCKET_PING_TIMEOUT": "30"}
"""The heartbeat does not find the stalled listener first."""


def listen(
    client: RawClient, updates: list[tuple[float, int]], *, until: Callable[[], bool], pause: float = 0.0
) -> None:
    """Read updates and answer pings until then; note time and sequence number of each."""
    while not until():
        frame = client.next_frame()
        assert frame is not None, "the server ended a living listener"
        if frame.opcode is Opcode.PING:
            client.protocol.send_pong(frame.data)
            client.flush()
        elif frame.opcode is Opcode.TEXT:
            updates.append((time.monotonic(), json.loads(bytes(frame.data))["sequence"]))
            if pause and not client.frames:
                time.sleep(pause)


def passed(seconds: float) -> Callable[[], bool]:
    """Whether so many seconds have passed since now."""
    due = time.monotonic() + seconds
    return lambda: time.monotonic() > due


def gaps(updates: list[tuple[float, int]]) -> list[float]:
    times = [at for at, _ in updates]
    return [later - earlier for earlier, later in pairwise(times)]


def sequence(updates: list[tuple[float, int]]) -> list[int]:
    return [number for _, number in updates]


def test_stalled_listener_is_cut_and_the_others_notice_nothing(start_server: StartServer, connect: Connect) -> None:
    """Told by the beats that the living one has heard by then, which is a measure that a busy machine does not bend."""
    server = start_server(BROADCAST_PAYLOAD_BYTES="100000", WEBSOCKET_OUTBOX_MESSAGES=str(OUTBOX), **PATIENT)
    living = connect(server.url("/feed"))
    stalled = connect(server.url("/feed"), receive_buffer=4096)
    updates: list[tuple[float, int]] = []
    cut = threading.Event()
    reader = threading.Thread(target=lambda: listen(living, updates, until=cut.is_set))
    reader.start()
    try:
        wait_until(lambda: not server.kernel_sockets(remote_port=stalled.local_port), within=PATIENCE)
        heard = len(updates)
    finally:
        cut.set()
        reader.join()
    # The outbox, three updates in the socket's buffers, and one on the way; the rest is for whoever looks late.
    assert OUTBOX / 2 < heard < 3 * OUTBOX
    assert server.stat("/feed/slow_consumers_cut") == 1
    assert sequence(updates) == list(range(updates[0][1], updates[0][1] + len(updates)))
    assert median(gaps(updates)) < 2 * INTERVAL
    assert max(gaps(updates)) < PATIENCE / 4, "nor did they wait once for the stalled one"


def test_slow_but_living_listener_stays_and_misses_nothing(start_server: StartServer, connect: Connect) -> None:
    server = start_server(**PATIENT)
    slow = connect(server.url("/feed"))
    updates: list[tuple[float, int]] = []
    # It reads in gulps, every fourth beat.
    listen(slow, updates, until=lambda: len(updates) >= 35, pause=4 * INTERVAL)
    assert sequence(updates) == list(range(updates[0][1], updates[0][1] + len(updates)))
    assert server.stat("/feed/slow_consumers_cut") == 0


def test_beats_come_at_their_interval(server: RunningServer, connect: Connect) -> None:
    """Most of them: one that the machine holds up comes late, and the next one early."""
    updates: list[tuple[float, int]] = []
    listen(connect(server.url("/feed")), updates, until=lambda: len(updates) >= 30)
    assert abs(median(gaps(updates)) - INTERVAL) < INTERVAL / 5


def test_listeners_may_be_silent_for_as_long_as_they_like(server: RunningServer, connect: Connect) -> None:
    idle_timeout = 1.5
    listen(connect(server.url("/feed")), [], until=passed(2 * idle_timeout))
    assert server.stat("/idle") == {"warned": 0, "closed": 0}
