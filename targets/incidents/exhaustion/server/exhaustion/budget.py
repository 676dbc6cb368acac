"""What the connections take of memory, against what they may."""

from __future__ import annotations

from collections.abc import Callable

from exhaustion.settings import MEGABYTE, Settings


class MemoryBudget:
    """The limit of all connections together, and the reserve of the process's control group."""

    def __init__(
        self,
        settings: Settings,
        *,
        inside: Callable[[], int],
        resident: Callable[[], int],
        headroom: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._inside, self._resident, self._headroom = inside, resident, headroom
        self._at_rest = resident()

    def taken(self) -> float:
        """Bytes: what the process has grown by, or as the owners' figures come about."""
        if self._settings.websocket_memory_measured_by == "count":
            return self._inside() * self._settings.websocket_memory_limit_per_connection_mb * MEGABYTE
        return max(0, self._resident() - self._at_rest)

    def is_short(self) -> bool:
        """Whether nobody new may come for it."""
        if self.taken() >= self._settings.memory_limit:
            return True
        if self._settings.websocket_memory_measured_by == "count":
            return False
        return self._headroom() < self._settings.websocket_memory_reserve_mb * MEGABYTE

    def is_above(self, share: float) -> bool:
        """Whether more than a share of the limit is taken, or it is short."""
        return self.taken() > share * self._settings.memory_limit or self.is_short()
