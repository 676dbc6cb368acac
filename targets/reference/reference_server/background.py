"""The few periodic jobs of the server, and their end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from reference_server.observe import statistics
from reference_server.parts import Parts
from reference_server.periodic import every

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Run the clock, heartbeat, sweep, broadcast, the events of sessions and the record while the server serves."""
    settings = parts.settings
    if parts.upstream.configured:
        parts.upstream.open()
    jobs: list[tuple[str, float, Callable[[], None]]] = [
        ("clock", parts.clock.tick_interval, parts.clock.tick),
        ("heartbeat", settings.websocket_heartbeat_interval, parts.heartbeat.beat),
        ("sweep", settings.websocket_cleanup_interval, parts.sweep.run),
        ("broadcast", settings.broadcast_interval, parts.feed.broadcast),
        ("sessions", settings.broadcast_interval, parts.sessions.tick),
    ]
    if parts.record.file is not None:
        jobs.append(("record", settings.broadcast_interval, lambda: parts.record.write(statistics(parts))))
    tasks = [asyncio.create_task(every(interval, _guarded(name, action)), name=name) for name, interval, action in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await parts.upstream.close()


def _guarded(name: str, action: Callable[[], None]) -> Callable[[], None]:
    # A job that dies of one bad beat would leave a server that looks healthy and cleans up nothing.
    def run() -> None:
        try:
            action()
        except Exception:
            logger.exception("%s failed; it goes on with the next beat", name)

    return run
