"""What a call through the breaker tells it."""

from __future__ import annotations

import asyncio

import pytest
from reference_server.breaker import Breaker, BreakerPolicy, State
from reference_server.guard import BreakerOpen, DependencyFailed, DependencyTimedOut, call

from .fakes import FakeTime

SHORT = 0.02
LONG = 10.0


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def breaker(clock: FakeTime) -> Breaker:
    policy = BreakerPolicy(failure_threshold=2, recovery_timeout=10, probe_timeout=60)
    return Breaker(policy, name="test", monotonic=clock)


def state_of(breaker: Breaker) -> State:
    return breaker.state


async def answer() -> str:
    return "answer"


async def broken() -> str:
    raise DependencyFailed("error", "status 500")


async def hang() -> str:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def test_success_is_passed_on_and_counted(breaker: Breaker) -> None:
    assert await call(breaker, answer, timeout=LONG) == "answer"
    assert breaker.tally.successes == 1


async def test_failure_is_passed_on_and_counted(breaker: Breaker) -> None:
    with pytest.raises(DependencyFailed, match=r"^error: status 500$"):
        await call(breaker, broken, timeout=LONG)
    assert breaker.tally.failures == {"error": 1}


async def test_timeouts_count_as_failures(breaker: Breaker) -> None:
    for _ in range(2):
        with pytest.raises(DependencyTimedOut, match=r"^timeout: no answer within 0.02 s$"):
            await call(breaker, hang, timeout=SHORT)
    assert state_of(breaker) is State.OPEN


async def test_open_means_not_called(breaker: Breaker) -> None:
    breaker.force_open()
    calls = 0

    async def counted() -> None:
        nonlocal calls
        calls += 1

    with pytest.raises(BreakerOpen, match=r"^breaker test is forced-open$"):
        await call(breaker, counted, timeout=LONG)
    assert calls == 0


async def test_own_mistakes_are_neutral(breaker: Breaker) -> None:
    async def mistaken() -> None:
        raise LookupError("ours")

    for _ in range(5):
        with pytest.raises(LookupError):
            await call(breaker, mistaken, timeout=LONG)
    assert state_of(breaker) is State.CLOSED
    assert breaker.tally.cancelled == 5


async def test_operations_own_timeout_error_is_not_taken_for_ours(breaker: Breaker) -> None:
    async def mistaken() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await call(breaker, mistaken, timeout=LONG)
    assert breaker.tally.failures == {}


async def test_cancelled_probe_gives_its_place_back(breaker: Breaker, clock: FakeTime) -> None:
    for _ in range(2):
        with pytest.raises(DependencyFailed):
            await call(breaker, broken, timeout=LONG)
    clock.advance(10)
    probe = asyncio.create_task(call(breaker, hang, timeout=LONG))
    await asyncio.sleep(0)
    assert breaker.acquire() is None, "the only place is taken"
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert state_of(breaker) is State.HALF_OPEN
    assert await call(breaker, answer, timeout=LONG) == "answer"
    assert state_of(breaker) is State.CLOSED


async def test_simultaneous_callers_of_a_half_open_breaker_are_no_stampede(breaker: Breaker, clock: FakeTime) -> None:
    for _ in range(2):
        with pytest.raises(DependencyFailed):
            await call(breaker, broken, timeout=LONG)
    clock.advance(10)
    called = 0
    go = asyncio.Event()

    async def slow() -> None:
        nonlocal called
        called += 1
        await go.wait()

    callers = [asyncio.create_task(call(breaker, slow, timeout=LONG)) for _ in range(20)]
    done, _ = await asyncio.wait(callers, timeout=SHORT)
    assert (called, len(done)) == (1, 19), "one probe; the others are answered at once, they do not queue"
    go.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert sum(isinstance(result, BreakerOpen) for result in results) == 19
