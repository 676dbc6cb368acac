"""The progressive time-outs of one establishment: each try shorter than the one before, a recovery delay between them.

One manager for each request: nothing of one user's is kept for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.sessions import SessionFailed
from gateway.settings import Settings

T = TypeVar("T")


class PhaseFailed(Exception):
    """No try succeeded; the text names the phase it ended in."""


class TimeoutManager:
    """Runs one operation phase by phase."""

    __slots__ = ("_phase", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._phase = "the only phase"

    async def run(self, operation: Callable[[], Awaitable[T]]) -> T:
        """The first success. Raises PhaseFailed."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                return await self._phases(operation)
        except TimeoutError:
            limit = self._settings.connect_timeout
            raise PhaseFailed(f"{self._phase}: the {limit:g} s for all phases are over") from None

    async def _phases(self, operation: Callable[[], Awaitable[T]]) -> T:
        limits: tuple[float | None, ...] = self._settings.phases or (None,)
        delay = self._settings.backoff
        for number, limit in enumerate(limits, start=1):
            self._phase = f"phase {number} of {len(limits)}"
            try:
                return await _within(limit, operation)
            except SessionFailed as failure:
                if number == len(limits):
                    raise PhaseFailed(f"{self._phase}: {failure}") from failure
            self._phase = f"recovery delay after phase {number}"
            await asyncio.sleep(min(delay, self._settings.backoff_cap))
            delay *= 2
        raise AssertionError("there is at least one phase")


async def _within(limit: float | None, operation: Callable[[], Awaitable[T]]) -> T:
    try:
        async with asyncio.timeout(limit) as bound:
            return await operation()
    except TimeoutError:
        if not bound.expired():
            raise
        raise SessionFailed(f"no answer within {limit:g} s") from None
