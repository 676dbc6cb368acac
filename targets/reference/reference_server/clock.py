"""A clock that counts only the time in which the server could have listened.

A deadline says "you had this long to answer". While the process is stopped (SIGSTOP, a paused container, a laptop's
lid, a starved CPU) nobody could be heard, so that time must not be held against a client: after a resume every deadline
of a naive server is in the past, and it cuts all its living clients at once.

`AttentiveClock` needs no detection of such stalls. The event loop ticks it regularly; between two ticks it never
advances by more than `longest_step`. A loop that is late makes the clock slow, and with it every deadline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

TICKS_PER_STEP = 2
"""A step may last this many ticks: one late tick is ordinary scheduling, not a stall."""


class AttentiveClock:
    """Seconds of attention since the clock was made; monotonic, never ahead of the real monotonic clock."""

    def __init__(self, *, tick_interval: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.tick_interval = tick_interval
        self.longest_step = tick_interval * TICKS_PER_STEP
        self._monotonic = monotonic
        self._started = self._ticked = monotonic()
        self._attended = 0.0

    def now(self) -> float:
        """Seconds in which the server paid attention."""
        return self._attended + min(self._monotonic() - self._ticked, self.longest_step)

    def tick(self) -> None:
        """Note that the event loop is running; call it every `tick_interval`."""
        self._attended, self._ticked = self.now(), self._monotonic()

    @property
    def lost(self) -> float:
        """Seconds in which the process ran too late to listen (stopped, starved or blocked)."""
        return self._monotonic() - self._started - self.now()

    def call_after(self, delay: float, callback: Callable[[], None]) -> AttentiveTimer:
        """Call `callback` once `delay` attentive seconds have passed; the result's `cancel()` prevents it."""
        return AttentiveTimer(clock=self, due=self.now() + delay, callback=callback)


class AttentiveTimer:
    """A timer on the attentive clock: when the loop fires it too early by that clock, it waits for the rest."""

    __slots__ = ("_callback", "_clock", "_due", "_handle", "_loop")

    def __init__(self, *, clock: AttentiveClock, due: float, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._due = due
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._arm(due - clock.now())

    def cancel(self) -> None:
        """Prevent the call; harmless when it has already happened."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, remaining: float) -> None:
        self._handle = self._loop.call_later(remaining, self._check)

    def _check(self) -> None:
        remaining = self._due - self._clock.now()
        # The selector's clock resolution: a remainder below it would only spin the loop.
        if remaining > 0.001:
            self._arm(remaining)
            return
        self._handle = None
        self._callback()
