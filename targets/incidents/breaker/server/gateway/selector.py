"""The event loop whose selector never sleeps longer than its cap."""

from __future__ import annotations

import asyncio
import selectors


class CappedSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # which one it is, the system says
    """Wakes at the latest after `cap` seconds, and at once where something is ready or due."""

    def __init__(self, cap: float) -> None:
        super().__init__()
        self._cap = cap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(self._cap if timeout is None else min(timeout, self._cap))


def new_loop(cap: float | None) -> asyncio.AbstractEventLoop:
    """A loop for the gateway; the original one where there is no cap."""
    return asyncio.new_event_loop() if cap is None else asyncio.SelectorEventLoop(CappedSelector(cap))
