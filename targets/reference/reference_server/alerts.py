"""Conditions an operator must know of. An alert is raised while its condition holds."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

CONNECTIONS_HIGH = 0.80
CONNECTIONS_CRITICAL = 0.95
MEMORY_HIGH = 0.80
MEMORY_CRITICAL = 0.96
CLEANUP_FAILURES = 0.05
"""Shares: of the connection limit, of the memory limit, of all cleanups."""


class Alerts:
    """Evaluates named conditions; counts how often each was raised."""

    def __init__(self, conditions: Mapping[str, Callable[[], bool]]) -> None:
        self._conditions = conditions
        self._raised: set[str] = set()
        self.times_raised: Counter[str] = Counter()

    def update(self) -> list[str]:
        """Evaluate all conditions now; the names of those that hold, sorted."""
        now = {name for name, holds in self._conditions.items() if holds()}
        for name in now - self._raised:
            self.times_raised[name] += 1
            logger.warning("alert raised: %s", name)
        for name in self._raised - now:
            logger.warning("alert gone: %s", name)
        self._raised = now
        return sorted(now)
