"""The idle timer, on a fast real clock: warning first, full notice, re-armed by activity."""

from __future__ import annotations

import asyncio
import json

from reference_server.clock import AttentiveClock
from reference_server.connection import Connection
from reference_server.idle import IdleTimer
from reference_server.outbox import Close

from .fakes import FakeWire, make_connection

TIMEOUT, WARNING = 0.2, 0.08


def watched() -> tuple[Connection, FakeWire, IdleTimer]:
    clock = AttentiveClock(tick_interval=10.0)
    connection, wire = make_connection(clock)
    return connection, wire, IdleTimer(connection, clock=clock, timeout=TIMEOUT, warning=WARNING)


async def test_warns_then_closes_with_full_notice() -> None:
    connection, wire, _ = watched()
    loop = asyncio.get_running_loop()
    start = loop.time()
    message = await connection.outbox.get()
    warned = loop.time()
    assert isinstance(message, str)
    assert json.loads(message) == {"type": "idle_warning", "closes_in": WARNING}
    assert await connection.outbox.get() == Close(1001, "idle timeout")
    assert loop.time() - warned >= WARNING * 0.95
    assert loop.time() - start >= TIMEOUT * 0.95
    assert wire.closing


async def test_active_client_is_neither_warned_nor_closed() -> None:
    connection, wire, timer = watched()
    for _ in range(20):
        await asyncio.sleep(TIMEOUT / 10)
        connection.heard()
    timer.cancel()
    assert len(connection.outbox) == 0
    assert not wire.closing


async def test_warned_client_that_answers_stays_and_is_warned_again() -> None:
    connection, wire, timer = watched()
    for _ in range(3):
        assert "idle_warning" in str(await connection.outbox.get())
        connection.heard()
    timer.cancel()
    assert connection.counters.idle_warned == 3
    assert not wire.closing


async def test_cancelled_timer_does_nothing() -> None:
    connection, _, timer = watched()
    timer.cancel()
    await asyncio.sleep(2 * TIMEOUT)
    assert len(connection.outbox) == 0
