"""Who is let in: a limit by number and one by memory.

`try_enter` looks and takes the place in one synchronous step. A server that looks, awaits and then takes it lets a
whole burst through: every member looks before the first one is counted.
"""

from __future__ import annotations

from collections.abc import Callable

from reference_server.memory import resident_bytes

FULL = "limit"
OUT_OF_MEMORY = "memory"


class Place:
    """One place taken. It may be given back from several sides, and counts once."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def give_back(self) -> None:
        """Free the place, if that has not been done yet."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


class Admission:
    """Counts the places taken."""

    def __init__(
        self,
        *,
        limit: int,
        memory_limit_bytes: float = 0,
        resident: Callable[[], int] = resident_bytes,
    ) -> None:
        self.limit = limit
        self.memory_limit_bytes = memory_limit_bytes
        self.inside = 0
        self._resident = resident

    def try_enter(self) -> str | None:
        """Take a place: None if there was one, otherwise why not. Every place taken is given back by `leave`."""
        if self.inside >= self.limit:
            return FULL
        if self.memory_limit_bytes and self._resident() >= self.memory_limit_bytes:
            return OUT_OF_MEMORY
        self.inside += 1
        return None

    def leave(self) -> None:
        """Give the place back."""
        self.inside -= 1
