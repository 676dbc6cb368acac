"""The idle timer, on a clock that is set by hand: warning first, full notice, re-armed by activity."""

from __future__ import annotations

import json

import pytest
from reference_server.connection import Connection
from reference_server.idle import IdleTimer
from reference_server.outbox import Close

from .fakes import FakeWire, TimersByHand, make_connection

TIMEOUT, WARNING = 20.0, 8.0
QUIET = TIMEOUT - WARNING
"""Seconds of silence after which it is warned."""
MOMENT = 0.01
"""Seconds, more than timers are exact to."""


def watched(warning: float = WARNING) -> tuple[Connection, FakeWire, IdleTimer, TimersByHand]:
    clock = TimersByHand()
    connection, wire = make_connection(clock)
    return connection, wire, IdleTimer(connection, clock=clock, timeout=TIMEOUT, warning=warning), clock


async def test_warns_then_closes_with_full_notice() -> None:
    connection, wire, _, clock = watched()
    clock.advance(QUIET - MOMENT)
    assert len(connection.outbox) == 0
    clock.advance(2 * MOMENT)
    assert json.loads(str(await connection.outbox.get())) == {"type": "idle_warning", "closes_in": WARNING}
    clock.advance(WARNING - 2 * MOMENT)
    assert not wire.closing
    clock.advance(2 * MOMENT)
    assert await connection.outbox.get() == Close(1001, "idle timeout")
    assert wire.closing


async def test_active_client_is_neither_warned_nor_closed() -> None:
    connection, wire, _, clock = watched()
    for _ in range(20):
        clock.advance(QUIET - MOMENT)
        connection.heard()
    assert len(connection.outbox) == 0
    assert not wire.closing


@pytest.mark.parametrize("warning", [8.0, 15.0])
@pytest.mark.parametrize("answers_after", [MOMENT, 7.0])
async def test_warned_client_that_answers_stays_and_is_warned_again(warning: float, answers_after: float) -> None:
    """Also one that has been quiet again, when its time to answer is up, for as long as calls for a warning."""
    connection, wire, _, clock = watched(warning)
    for _ in range(3):
        clock.advance(TIMEOUT - warning + MOMENT)
        assert "idle_warning" in str(await connection.outbox.get())
        clock.advance(answers_after)
        connection.heard()
    assert connection.counters.idle_warned == 3
    assert not wire.closing


async def test_cancelled_timer_does_nothing() -> None:
    connection, _, timer, clock = watched()
    timer.cancel()
    clock.advance(2 * TIMEOUT)
    assert len(connection.outbox) == 0
