"""What is done for a client beside everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Errands:
    """Tasks under way. Nobody waits for them, and whoever has gone meanwhile need not be told."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[object]] = set()

    def start(self, doing: Coroutine[object, object, object]) -> None:
        """Have it done from now on."""
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(doing)
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()
