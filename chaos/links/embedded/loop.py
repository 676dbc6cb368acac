"""An event loop whose timers are exact to microseconds.

epoll waits in whole milliseconds, so asyncio's timers fire up to one late: too coarse for a slicer that counts in
microseconds, and a fifth of a 5 ms latency. select() waits in microseconds, and an epoll instance is itself a file
descriptor one can wait for.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import sys

__all__ = ["new_event_loop"]

FD_SETSIZE = 1024
"""File descriptors from here on are beyond select()."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop with exact timers on Linux, the usual one elsewhere."""
    if sys.platform != "linux":
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(_ExactEpollSelector())


if sys.platform == "linux":

    class _ExactEpollSelector(selectors.EpollSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None and timeout > 0 and self.fileno() < FD_SETSIZE:
                select.select((self.fileno(),), (), (), timeout)
                timeout = 0
            return super().select(timeout)
