"""Waiting for children: one place, so that no exit code is taken by anyone but the one who asked for it.

As PID 1 of a namespace, or as a subreaper, the agent also inherits orphans; those are buried without a record.
"""

from __future__ import annotations

import asyncio
import os
import signal

__all__ = ["Reaper"]


class Reaper:
    """Collects every child that ends. Needs a running event loop in the main thread (SIGCHLD)."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._loop.add_signal_handler(signal.SIGCHLD, self.collect)

    def expect(self, child: int) -> asyncio.Future[int]:
        """A future of the exit code (negative: the signal that ended it) of a child just started.

        To be called before the event loop runs again, or its end may already have been buried.
        """
        return self._exits.setdefault(child, self._loop.create_future())

    def collect(self) -> None:
        """Bury every child that has ended."""
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if child == 0:
                return
            future = self._exits.pop(child, None)
            if future is not None and not future.done():
                future.set_result(os.waitstatus_to_exitcode(status))

    def close(self) -> None:
        self._loop.remove_signal_handler(signal.SIGCHLD)
