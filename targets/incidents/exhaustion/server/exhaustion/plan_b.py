"""What is done when things go wrong. Each trigger has a response, which ends when its reason has been gone for a while.

The owners told what is done and not by how much: a tenth, a half and twice are ours. The fifth, complete failure, is
for whoever started the process: it keeps nothing outside itself, so a restart begins with a clean state.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

TOO_MANY = "too_many_connections"
"""Reject new ones; the idle ones are closed after half of their time."""
MEMORY = "memory_pressure"
"""Clean up at once; nobody takes the place of who leaves."""
DEAD = "dead_connections_pile_up"
"""Heartbeat and clean-up at twice their pace."""
OVERLOAD = "overload"
"""Half as many connections are the limit."""

DEAD_SHARE = 0.1
"""Of the connections, found dead in one clean-up, is a pile. Ours."""
HALF = 0.5
"""Of the limit, and of the idle timeout, while they are cut short. Ours."""
TWICE = 2
"""As often as otherwise. Ours."""


class PlanB:
    """Which responses are in force."""

    def __init__(self, *, outlasts: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._outlasts = outlasts
        self._monotonic = monotonic
        self._until: dict[str, float] = {}
        self.times: dict[str, int] = {}
        """Trigger to how often it was pulled."""

    def pull(self, trigger: str) -> None:
        """There is a reason for it now."""
        if not self.is_on(trigger):
            self.times[trigger] = self.times.get(trigger, 0) + 1
            logger.warning("plan b in force: %s", trigger)
        self._until[trigger] = self._monotonic() + self._outlasts

    def is_on(self, trigger: str) -> bool:
        """Whether its response is in force."""
        return self._monotonic() < self._until.get(trigger, 0.0)

    def in_force(self) -> list[str]:
        """The triggers whose responses are."""
        return sorted(filter(self.is_on, self._until))
