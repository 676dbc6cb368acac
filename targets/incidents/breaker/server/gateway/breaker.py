"""The circuit breaker around `websocket.accept()`.

A client asks with `acquire`, synchronously, and ends with exactly one of `success`, `failure` and `cancel`. What comes
back from a state that is over says nothing of the present one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"


class Breaker:
    """One for one dependency, used from one event loop."""

    def __init__(
        self, *, threshold: int | None, recovery_timeout: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`threshold` failures in a row open it; None: it counts and never opens."""
        self.state = CLOSED
        self._threshold = threshold
        self._recovery_timeout = recovery_timeout
        self._monotonic = monotonic
        self._in_a_row = 0
        self._opened_at = 0.0
        self._generation = 0
        self._failures: Counter[str] = Counter()
        self._successes = 0
        self._rejected = 0
        self._opened = 0

    def acquire(self) -> int | None:
        """Leave to establish one connection, as the number to end it with; None: turn the client away."""
        if self.state == OPEN and self._monotonic() - self._opened_at >= self._recovery_timeout:
            self._enter(HALF_OPEN)
            return self._generation
        if self.state == CLOSED:
            return self._generation
        self._rejected += 1
        return None

    def success(self, permit: int) -> None:
        """The client is in."""
        self._successes += 1
        if permit == self._generation:
            self._in_a_row = 0
            if self.state == HALF_OPEN:
                self._enter(CLOSED)

    def failure(self, permit: int, kind: str) -> None:
        """The establishment failed; `kind` is what it is counted as."""
        self._failures[kind] += 1
        if permit != self._generation:
            return
        self._in_a_row += 1
        if self.state == HALF_OPEN or (self._threshold is not None and self._in_a_row >= self._threshold):
            self._enter(OPEN)

    def cancel(self, permit: int) -> None:
        """It ended and says nothing of the dependency: a trial that was given up is due to the next client."""
        if permit == self._generation and self.state == HALF_OPEN:
            self._enter(OPEN, since=self._opened_at)

    def get_statistics(self) -> dict[str, object]:
        """What it has seen so far."""
        return {
            "state": self.state,
            "failures": dict(self._failures),
            "failures_in_a_row": self._in_a_row,
            "successes": self._successes,
            "rejected": self._rejected,
            "opened": self._opened,
        }

    def _enter(self, state: str, *, since: float | None = None) -> None:
        self.state = state
        self._generation += 1
        if state == OPEN:
            self._opened += since is None
            self._opened_at = self._monotonic() if since is None else since
        if state == CLOSED:
            self._in_a_row = 0
