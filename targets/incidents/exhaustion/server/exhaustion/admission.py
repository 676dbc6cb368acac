"""Who is let in: a place is taken in one step with looking for it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from exhaustion.budget import MemoryBudget
from exhaustion.plan_b import HALF, MEMORY, OVERLOAD, TOO_MANY, PlanB
from exhaustion.settings import Settings

logger = logging.getLogger(__name__)


class Admission:
    """The places of one process."""

    def __init__(self, settings: Settings, plan_b: PlanB, *, budget: MemoryBudget, relieve: Callable[[], None]) -> None:
        self.inside = 0
        """Places taken."""
        self.rejected: Counter[str] = Counter()
        """By what there was too little of."""
        self._settings = settings
        self._plan_b = plan_b
        self._budget = budget
        self._relieve = relieve
        self._lowered_to = settings.websocket_max_connections
        """The limit while memory is short and for a while after it."""

    def take(self, number: int) -> str | None:
        """Take a place for the connection of a number: None, or what there is too little of."""
        lacking = self._lacking()
        if lacking is None:
            self.inside += 1
            return None
        self.rejected[lacking] += 1
        logger.info("connection=%d rejected: too little left of %s, %d inside", number, lacking, self.inside)
        return lacking

    def free(self) -> None:
        """A place is not needed any more."""
        self.inside -= 1

    def _lacking(self) -> str | None:
        limit = self._settings.websocket_max_connections
        if self.inside >= limit:
            self._plan_b.pull(TOO_MANY)
            return "connections"
        if self._budget.is_short():
            if not self._plan_b.is_on(MEMORY):
                self._lowered_to = self.inside
            self._relieve()
        if self._budget.is_short() or (self._plan_b.is_on(MEMORY) and self.inside >= self._lowered_to):
            return "memory"
        if self._plan_b.is_on(OVERLOAD) and self.inside >= limit * HALF:
            return "cpu"
        return None
