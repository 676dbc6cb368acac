"""Establish a connection in named phases, each with its own time limit.

One long time-out over everything says only that something was slow. Here each failure names its phase, and a phase
that hangs costs its own limit, not the whole allowance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

T = TypeVar("T")

PHASES = ("authenticate", "upstream", "accept", "register", "greet")
"""In this order. Their limits shrink: the later a phase, the less there is to wait for."""


class EstablishmentFailed(Exception):
    """One phase failed."""

    def __init__(self, phase: str, detail: str) -> None:
        super().__init__(f"{phase}: {detail}")
        self.phase = phase
        self.detail = detail


class Phases:
    """The limits of the phases, in seconds, and of all of them together."""

    def __init__(self, limits: Sequence[float], *, total: float) -> None:
        self._limits = dict(zip(PHASES, limits, strict=True))
        self._ends_at = asyncio.get_running_loop().time() + total

    def limit(self, phase: str) -> float:
        """Seconds this phase has: its own limit, or what is left of the total."""
        return max(0.0, min(self._limits[phase], self._ends_at - asyncio.get_running_loop().time()))

    async def run(self, phase: str, step: Awaitable[T]) -> T:
        """Await `step` within the phase's limit. Raises EstablishmentFailed when it takes longer."""
        limit = self.limit(phase)
        try:
            async with asyncio.timeout(limit):
                return await step
        except TimeoutError:
            raise EstablishmentFailed(phase, f"not done within {limit:.3g} s") from None
