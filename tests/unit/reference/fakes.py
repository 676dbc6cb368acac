"""Stand-ins for the unit tests: a clock that is set by hand, a wire that goes nowhere."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from reference_server.clock import AttentiveClock, AttentiveTimer
from reference_server.connection import Connection
from reference_server.liveness import NOTHING_SEEN, Evidence
from reference_server.outbox import Outbox
from reference_server.statistics import Counters


class FakeTime:
    """A monotonic clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class AlwaysAttentive(AttentiveClock):
    """An attentive clock that never loses any time: tests of deadlines set the time by hand."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__(tick_interval=1.0, monotonic=monotonic)
        self.longest_step = float("inf")


class TimersByHand(AttentiveClock):
    """A clock whose timers fire when the test lets time pass, each at its moment."""

    def __init__(self) -> None:
        self._time = FakeTime()
        super().__init__(tick_interval=1.0, monotonic=self._time)
        self.longest_step = float("inf")
        self._order = itertools.count()
        self._timers: list[tuple[float, int, TimerByHand]] = []

    def call_after(self, delay: float, callback: Callable[[], None]) -> AttentiveTimer:
        timer = TimerByHand(callback)
        heapq.heappush(self._timers, (self.now() + delay, next(self._order), timer))
        return timer  # type: ignore[return-value]  # all that is asked of it is to be cancelled

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now() + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._time.advance(max(0.0, due - self.now()))
            if timer.callback is not None:
                timer.callback()
        self._time.advance(end - self.now())


class TimerByHand:
    """One of its timers."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeWire:
    """Notes what is asked of it; the test says what it sees."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_pong: Callable[[bytes], object] = lambda payload: None
        self.on_leaving: Callable[[], object] = lambda: None
        self.pings: list[bytes] = []
        self.seen: Evidence = NOTHING_SEEN
        self.written = 0
        self.closing = False
        self.was_cut = False
        self.owes_close = False

    def ping(self, payload: bytes) -> int:
        self.pings.append(payload)
        self.written += 6
        return self.written

    def evidence(self) -> Evidence:
        return self.seen

    def expect_close(self) -> None:
        self.closing = True

    def cut(self) -> None:
        self.was_cut = True


def make_connection(
    clock: AttentiveClock,
    *,
    endpoint: str = "live",
    takes_warnings: bool = True,
    counters: Counters | None = None,
    outbox: Outbox | None = None,
) -> tuple[Connection, FakeWire]:
    """A connection on a fake wire."""
    wire = FakeWire()
    connection = Connection(
        id="test",
        endpoint=endpoint,
        takes_warnings=takes_warnings,
        wire=wire,
        outbox=Outbox(max_messages=4, max_bytes=10_000) if outbox is None else outbox,
        clock=clock,
        counters=counters or Counters(),
    )
    return connection, wire


async def turns_until(condition: Callable[[], bool], *, fail: bool = True) -> None:
    """Give the event loop turns until `condition` holds; nothing here waits for time. `fail` unless it ever does."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    if fail:
        raise AssertionError("not so after a thousand turns")
