"""What an operator has to know of, by the names and figures that the owners gave it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

CONNECTIONS_HIGH, CONNECTIONS_CRITICAL = 0.80, 0.95
"""Shares of the connections: over 80 and over 95 of 100 told."""
MEMORY_HIGH, MEMORY_CRITICAL = 0.80, 0.96
"""Shares of their memory: over 400 and 480 of 500 MB told."""
CLEANUP_FAILURES = 0.05
"""Of the clean-ups: over 5 % told."""


class Alerts:
    """Each is raised while its condition holds, and gone when it does not any more."""

    def __init__(self, conditions: Mapping[str, Callable[[], bool]]) -> None:
        self._conditions = conditions
        self._raised: frozenset[str] = frozenset()

    def update(self) -> list[str]:
        """Look at all of them now; those that are raised, in order."""
        now = frozenset(name for name, holds in self._conditions.items() if holds())
        for name in sorted(now ^ self._raised):
            logger.warning("alert %s %s", name, "raised" if name in now else "gone")
        self._raised = now
        return sorted(now)
