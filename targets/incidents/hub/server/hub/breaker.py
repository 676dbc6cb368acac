"""The circuit breaker in front of the RPC upstream: so many failures in a row open it, and one trial closes it again.

A caller asks with `acquire`, synchronously, and ends its call with exactly one of `success`, `failure` and `cancel`.
What comes back from a state that is over says nothing of the present one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"


class Breaker:
    """One for one dependency, used from one event loop."""

    def __init__(
        self, *, threshold: int, reset_timeout: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.state = CLOSED
        self.transitions: list[tuple[str, float]] = []
        """State entered, and when; the last hundred."""
        self._threshold = threshold
        self._reset_timeout = reset_timeout
        self._monotonic = monotonic
        self._failures = 0
        self._opened_at = 0.0
        self._generation = 0

    def acquire(self) -> int | None:
        """Leave to call now, as the number to end the call with; None: do not call."""
        if self.state == OPEN and self._monotonic() - self._opened_at >= self._reset_timeout:
            self._enter(HALF_OPEN)
            return self._generation
        return self._generation if self.state == CLOSED else None

    def success(self, permit: int) -> None:
        """The dependency answered."""
        if permit == self._generation:
            self._failures = 0
            if self.state == HALF_OPEN:
                self._enter(CLOSED)

    def failure(self, permit: int) -> None:
        """The dependency failed, or did not answer in time."""
        if permit != self._generation:
            return
        self._failures += 1
        if self.state == HALF_OPEN or self._failures >= self._threshold:
            self._enter(OPEN)

    def cancel(self, permit: int) -> None:
        """The call ended and says nothing of the dependency: a trial that was given up is due to the next caller."""
        if permit == self._generation and self.state == HALF_OPEN:
            self._enter(OPEN, since=self._opened_at)

    def _enter(self, state: str, *, since: float | None = None) -> None:
        now = self._monotonic()
        self.state = state
        self._generation += 1
        if state == OPEN:
            self._opened_at = now if since is None else since
        if state == CLOSED:
            self._failures = 0
        self.transitions = [*self.transitions[-99:], (state, now)]
