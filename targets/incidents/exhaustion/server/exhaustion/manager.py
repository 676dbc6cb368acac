"""The fix: who is let in, who has to go, what is told of it."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine

from exhaustion.alerts import Alerts
from exhaustion.connection import Connection
from exhaustion.memory import headroom, resident
from exhaustion.plan_b import DEAD, DEAD_SHARE, MEMORY, OVERLOAD, TOO_MANY, PlanB
from exhaustion.settings import MEGABYTE, Settings

logger = logging.getLogger(__name__)

GOING_AWAY = 1001
TICK = 0.1
LATE = 0.25
"""Seconds between two looks at the event loop, and by which it is late when it has too much to do."""
LOOKS, LATE_LOOKS = 10, 3
CONNECTIONS_HIGH, CONNECTIONS_CRITICAL = 0.80, 0.95
MEMORY_HIGH, MEMORY_CRITICAL = 0.80, 0.96
CLEANUP_FAILURES = 0.05
"""Shares that raise an alert: of the connections, of their memory (400 and 480 of 500 MB), of the clean-ups."""


class WebSocketResourceManager:
    """All connections of one process, used from its event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        resident: Callable[[], int] = resident,
        headroom: Callable[[], float] = headroom,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.plan_b = PlanB(outlasts=settings.websocket_emergency_seconds, monotonic=monotonic)
        self.counts: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        """By what there was too little of."""
        self.cleanups: deque[float] = deque(maxlen=1000)
        """Seconds that each connection took from being told to go until it was gone; the last thousand."""
        self._alerts = Alerts(
            {
                "websocket_connections_high": lambda: self._fill() > CONNECTIONS_HIGH,
                "websocket_connections_critical": lambda: self._fill() > CONNECTIONS_CRITICAL,
                "websocket_backpressure": lambda: self._crowded,
                "websocket_memory_usage_high": lambda: self._memory_above(MEMORY_HIGH),
                "websocket_memory_usage_critical": lambda: self._memory_above(MEMORY_CRITICAL),
                "websocket_cleanup_failures": self._cleanups_fail,
            }
        )
        self._connections: set[Connection] = set()
        self._entering = 0
        self._crowded = False
        self._lowered_to = settings.websocket_max_connections
        self._late: deque[bool] = deque(maxlen=LOOKS)
        self._resident, self._headroom, self._monotonic = resident, headroom, monotonic
        self._at_rest = resident()
        self._dead = 0
        """Found since the last clean-up."""
        self._under_way: set[asyncio.Task[object]] = set()

    # -- admission ---------------------------------------------------------------------------------------------

    @property
    def inside(self) -> int:
        """Places taken."""
        return len(self._connections) + self._entering

    def admit(self) -> str | None:
        """Take a place, in one step with looking for it: None, or what there is too little of."""
        lacking = self._lacking()
        if lacking is not None:
            self.rejected[lacking] += 1
            return lacking
        self._entering += 1
        return None

    def _lacking(self) -> str | None:
        if self.inside >= self.settings.websocket_max_connections:
            self.plan_b.pull(TOO_MANY)
            return "connections"
        if self._memory_is_short():
            self._relieve_memory()
        if self._memory_is_short() or (self.plan_b.is_on(MEMORY) and self.inside >= self._lowered_to):
            return "memory"
        if self.plan_b.is_on(OVERLOAD) and self.inside >= self.settings.websocket_max_connections // 2:
            return "cpu"
        return None

    def memory(self) -> float:
        """Bytes that the connections take: what the process has grown by, or as the owners' figures come about."""
        if self.settings.websocket_memory_measured_by == "count":
            return self.inside * self.settings.websocket_memory_limit_per_connection_mb * MEGABYTE
        return max(0, self._resident() - self._at_rest)

    def _memory_is_short(self) -> bool:
        if self.memory() >= self.settings.memory_limit:
            return True
        if self.settings.websocket_memory_measured_by == "count":
            return False
        return self._headroom() < self.settings.websocket_memory_reserve_mb * MEGABYTE

    def _relieve_memory(self) -> None:
        if not self.plan_b.is_on(MEMORY):
            self._lowered_to = self.inside
            gc.collect()
        self.plan_b.pull(MEMORY)
        self._clean_up()

    def joined(self, connection: Connection) -> None:
        """It has been accepted: the place that was taken is its own."""
        self._entering -= 1
        self._connections.add(connection)
        self.counts["accepted"] += 1
        logger.info("connection=%d accepted, %d inside", connection.number, self.inside)
        if self._crowded:
            self._tell(connection, self._warning())
        self._update_pressure()

    def gave_up(self) -> None:
        """The place that was taken is not needed: its client has gone while it was accepted."""
        self._entering -= 1

    def left(self, connection: Connection) -> None:
        """It has gone."""
        self._connections.discard(connection)
        self.counts["ended"] += 1
        self.counts["dead"] += connection.wire.given_up
        self._dead += connection.wire.given_up
        if connection.ending_since is not None:
            self.cleanups.append(self._monotonic() - connection.ending_since)
        logger.info("connection=%d ended, %d inside", connection.number, self.inside)
        self._update_pressure()

    def heard(self, connection: Connection) -> None:
        """It has said something."""
        self.counts["received"] += 1
        connection.is_active()

    # -- backpressure ------------------------------------------------------------------------------------------

    def _update_pressure(self) -> None:
        limit, threshold = self.settings.websocket_max_connections, self.settings.websocket_backpressure_threshold
        crowded = self.inside >= round(limit * threshold, 6)
        if crowded and not self._crowded:
            for connection in self._connections:
                self._tell(connection, self._warning())
        self._crowded = crowded

    def _warning(self) -> dict[str, object]:
        return {
            "type": "backpressure_warning",
            "connections": self.inside,
            "limit": self.settings.websocket_max_connections,
        }

    def _tell(self, connection: Connection, message: dict[str, object]) -> None:
        self._start(connection.tell(message))

    def _start(self, doing: Coroutine[object, object, object]) -> None:
        """Have it done beside everything else."""
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(doing)
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # whoever has gone meanwhile need not be told

    # -- clean-up ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look after the connections until cancelled."""
        next_cleanup = self._monotonic()
        while True:
            if self._monotonic() >= next_cleanup:
                pace = 2 if self.plan_b.is_on(DEAD) else 1
                next_cleanup = self._monotonic() + self.settings.websocket_cleanup_interval_seconds / pace
                self._clean_up()
            await self._look_at_the_loop(min(TICK, next_cleanup - self._monotonic()))

    async def _look_at_the_loop(self, seconds: float) -> None:
        due = self._monotonic() + seconds
        await asyncio.sleep(max(0.0, seconds))
        self._late.append(self._monotonic() - due > LATE)
        if sum(self._late) >= LATE_LOOKS:
            self.plan_b.pull(OVERLOAD)

    def _clean_up(self) -> None:
        """Cut what has been closed and is still there, close the idle, warn those who will be."""
        if self._dead and self._dead >= DEAD_SHARE * (len(self._connections) + self._dead):
            self.plan_b.pull(DEAD)
        self._dead = 0
        interval = self.settings.websocket_heartbeat_interval_seconds / (2 if self.plan_b.is_on(DEAD) else 1)
        now = self._monotonic()
        for connection in tuple(self._connections):
            connection.wire.ping_interval = interval
            if connection.wire.is_ending:
                self._cut_if_due(connection, now)
            else:
                self._look_whether_idle(connection, now)

    def _cut_if_due(self, connection: Connection, now: float) -> None:
        if connection.ending_since is None:
            connection.ending_since = now
        waited = now - connection.ending_since
        if connection.wire.given_up or waited >= self.settings.websocket_close_timeout_seconds:
            connection.wire.abort()

    def _look_whether_idle(self, connection: Connection, now: float) -> None:
        timeout, notice = self.settings.websocket_idle_timeout_seconds, self.settings.websocket_idle_warning_seconds
        if self.plan_b.is_on(TOO_MANY) or self.plan_b.is_on(MEMORY):
            timeout = max(timeout / 2, notice)
        idle = now - connection.active_at
        if connection.warned_at is None:
            if idle >= timeout - notice:
                connection.warned_at = now
                self.counts["idle_warned"] += 1
                self._tell(connection, {"type": "idle_warning", "closes_in": max(0.0, timeout - idle)})
        elif idle >= timeout and now - connection.warned_at >= notice / 2:
            connection.ending_since = now
            self.counts["idle_closed"] += 1
            logger.info("connection=%d closed: idle", connection.number)
            self._start(connection.close(GOING_AWAY, "idle"))

    # -- what is told ------------------------------------------------------------------------------------------

    def _fill(self) -> float:
        return self.inside / self.settings.websocket_max_connections

    def _memory_above(self, share: float) -> bool:
        return self.memory() > share * self.settings.memory_limit or self._memory_is_short()

    def _cleanups_fail(self) -> bool:
        """Whether too many of those that were told to go are still there when they should have gone."""
        overdue = self._monotonic() - (
            self.settings.websocket_close_timeout_seconds + 2 * self.settings.websocket_cleanup_interval_seconds
        )
        since = [each.ending_since for each in self._connections if each.ending_since is not None]
        failed = sum(ending < overdue for ending in since)
        return failed > CLEANUP_FAILURES * (failed + len(self.cleanups))

    def statistics(self) -> dict[str, object]:
        """What it can tell."""
        return {
            "connections": self.inside,
            **{name: self.counts[name] for name in ("accepted", "ended", "dead", "received")},
            "idle": {"warned": self.counts["idle_warned"], "closed": self.counts["idle_closed"]},
            "rejected": {"total": self.rejected.total(), **self.rejected},
            "memory": {"connections": self.memory(), "per_connection": self.memory() / max(1, self.inside)},
            "plan_b": {"in_force": self.plan_b.in_force(), "times": self.plan_b.times},
            "alerts": self._alerts.update(),
        }
