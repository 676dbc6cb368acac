"""The outcomes of the last seconds, for a breaker that also opens on a failure rate."""

from __future__ import annotations

from collections import deque


class FailureWindow:
    """Outcomes of the last `seconds`, the last `MOST_CALLS` at most, so that memory is bounded at any call rate."""

    MOST_CALLS = 1000

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0

    def record(self, *, succeeded: bool, now: float) -> None:
        """Add one outcome."""
        self._outcomes.append((now, succeeded))
        self._failures += not succeeded
        self._forget(now)

    def calls(self, now: float) -> int:
        """Calls in the window."""
        self._forget(now)
        return len(self._outcomes)

    def rate(self, now: float) -> float:
        """Share of failures in the window, 0 to 1; 0 when it is empty."""
        calls = self.calls(now)
        return self._failures / calls if calls else 0.0

    def clear(self) -> None:
        """Forget everything."""
        self._outcomes.clear()
        self._failures = 0

    def _forget(self, now: float) -> None:
        outcomes = self._outcomes
        while outcomes and (len(outcomes) > self.MOST_CALLS or outcomes[0][0] <= now - self.seconds):
            _, succeeded = outcomes.popleft()
            self._failures -= not succeeded
