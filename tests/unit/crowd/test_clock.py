"""The clock of a worker's loop: it tells when the loop was late, by how much, and of no other time."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator

import pytest_asyncio

from chaos.crowd.clock import PERIOD, TICK, LoopClock
from chaos.journal import Lateness

from .making import until

BLOCKED = 0.5
"""Seconds that the loop is kept busy: more than a loop of these tests was late by itself (0.2 s on two busy cores)."""

Clock = tuple[LoopClock, list[Lateness]]


@pytest_asyncio.fixture
async def clock() -> AsyncIterator[Clock]:
    """A clock on the test's own loop, and what it has recorded."""
    recorded: list[Lateness] = []
    made = LoopClock(recorded.append)
    yield made, recorded
    made.stop()


async def test_a_loop_that_is_kept_busy_is_late_in_that_period_alone(clock: Clock) -> None:
    _, recorded = clock
    await until(lambda: len(recorded) >= 3)
    began = time.monotonic()
    time.sleep(BLOCKED)  # noqa: ASYNC251  # that is the point
    ended = time.monotonic()
    await until(lambda: recorded[-1].began > ended)
    (late,) = (event for event in recorded if event.began <= ended and event.at >= began)
    # It may have been kept busy just after a look, and was late only from the next on.
    assert BLOCKED - TICK <= late.worst <= ended - began + BLOCKED
    others = [event for event in recorded if event is not late]
    assert all(event.worst < BLOCKED - TICK for event in others)
    assert {event.pid for event in recorded} == {os.getpid()}


async def test_periods_leave_nothing_out(clock: Clock) -> None:
    _, recorded = clock
    began = time.monotonic()
    await until(lambda: len(recorded) >= 5)
    assert recorded[0].began <= began
    assert all(earlier.at == later.began for earlier, later in itertools.pairwise(recorded))
    assert all(event.at - event.began >= PERIOD for event in recorded)


async def test_what_is_asked_for_at_once_knows_of_the_tick_that_has_not_come(clock: Clock) -> None:
    """A flush after a moment that was late: the loop gets to it before it gets to the clock."""
    made, recorded = clock
    time.sleep(BLOCKED)  # noqa: ASYNC251  # that is the point
    made.write()
    assert recorded[-1].worst >= BLOCKED - TICK


async def test_a_clock_that_is_stopped_says_no_more(clock: Clock) -> None:
    made, recorded = clock
    made.stop()
    await asyncio.sleep(2 * PERIOD)
    assert recorded == []
