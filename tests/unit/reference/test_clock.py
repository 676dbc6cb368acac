"""The attentive clock: exact while the loop runs, slow while it does not."""

from __future__ import annotations

import asyncio
import time

from reference_server.clock import AttentiveClock

from .fakes import FakeTime

TICK = 0.1


def test_runs_exactly_while_it_is_ticked() -> None:
    real = FakeTime()
    clock = AttentiveClock(tick_interval=TICK, monotonic=real)
    for _ in range(100):
        real.advance(TICK)
        clock.tick()
    assert round(clock.now(), 6) == 10.0
    assert round(clock.lost, 6) == 0.0


def test_a_late_tick_is_no_stall() -> None:
    real = FakeTime()
    clock = AttentiveClock(tick_interval=TICK, monotonic=real)
    real.advance(1.9 * TICK)
    clock.tick()
    assert round(clock.now(), 6) == round(1.9 * TICK, 6)


def test_a_stall_costs_two_ticks_however_long_it_was_and_before_the_next_tick_too() -> None:
    real = FakeTime()
    clock = AttentiveClock(tick_interval=TICK, monotonic=real)
    real.advance(3600)
    assert clock.now() == 2 * TICK
    clock.tick()
    assert clock.now() == 2 * TICK
    assert round(clock.lost, 6) == 3600 - 2 * TICK
    real.advance(TICK)
    assert round(clock.now(), 6) == round(3 * TICK, 6)


def test_never_goes_backwards() -> None:
    real = FakeTime()
    clock = AttentiveClock(tick_interval=TICK, monotonic=real)
    seen = []
    for step in (0.05, 0.5, 0.0, 0.1, 3.0, 0.01):
        real.advance(step)
        seen.append(clock.now())
        clock.tick()
        seen.append(clock.now())
    assert seen == sorted(seen)


async def test_timer_waits_for_attentive_time() -> None:
    clock = AttentiveClock(tick_interval=0.01)
    fired = asyncio.Event()
    start = time.monotonic()
    clock.call_after(0.05, fired.set)
    # The clock is not ticked, so it stands still after two ticks: the timer must not fire.
    done, _ = await asyncio.wait({asyncio.create_task(fired.wait())}, timeout=0.15)
    assert not done
    ticking = asyncio.create_task(tick(clock))
    await asyncio.wait_for(fired.wait(), timeout=10)
    ticking.cancel()
    assert time.monotonic() - start > 0.15


async def test_cancelled_timer_does_not_fire() -> None:
    clock = AttentiveClock(tick_interval=1.0)
    fired: list[None] = []
    timer = clock.call_after(0.01, lambda: fired.append(None))
    timer.cancel()
    timer.cancel()
    await asyncio.sleep(0.05)
    assert fired == []


async def tick(clock: AttentiveClock) -> None:
    while True:
        clock.tick()
        await asyncio.sleep(clock.tick_interval)
