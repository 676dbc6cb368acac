"""Counts messages by the hundredth of a second: who sends a hundred in one go has sent at ten thousand a second.

Breaks fairness: a client that saves up what it has to say for a tenth of a second, as games and editors do, is taken
for a flood, at a fifth of the rate that it may send at. Floods are stopped as they should be.
"""

from __future__ import annotations

from collections.abc import Callable

from reference_server.parts import Parts
from reference_server.rate import TokenBucket

DESCRIPTION = "the message rate is looked at by the hundredth of a second, so a short burst is taken for a flood"

WINDOW = 0.01
"""Seconds of the rate that may be used at once."""


def install(parts: Parts) -> None:
    """Whatever burst is asked for, allow what the rate gives in one window."""
    make_as_before = TokenBucket.__init__

    def make(self: TokenBucket, *, rate: float, burst: float, monotonic: Callable[[], float] = parts.clock.now) -> None:
        make_as_before(self, rate=rate, burst=rate * WINDOW or burst, monotonic=monotonic)

    TokenBucket.__init__ = make  # type: ignore[method-assign]  # a defect replaces a method
