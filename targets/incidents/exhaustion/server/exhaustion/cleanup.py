"""Who has to go: the dead, those who do not end, the idle. And what they leave behind is given back."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable

from exhaustion.claims import CLEANUP, GIVING_BACK, SCAN, Claims
from exhaustion.connection import Connection
from exhaustion.errands import Errands
from exhaustion.plan_b import DEAD, DEAD_SHARE, HALF, MEMORY, TOO_MANY, TWICE, PlanB
from exhaustion.settings import Settings

logger = logging.getLogger(__name__)

GOING_AWAY = 1001
ROUNDS = 2
"""Clean-ups after an end in which memory is given back: in the first one its task may still be running."""


class Cleanup:
    """One look after the other at every connection."""

    def __init__(
        self,
        settings: Settings,
        plan_b: PlanB,
        errands: Errands,
        claims: Claims,
        *,
        connections: Iterable[Connection],
        give_back: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._plan_b = plan_b
        self._errands = errands
        self._claims = claims
        self._connections = connections
        self._give_back = give_back
        self._monotonic = monotonic
        self._dead = 0
        """Found since the last clean-up."""
        self._rounds = 0
        """In which memory is still to be given back."""

    @property
    def interval(self) -> float:
        """Seconds until the next one."""
        return self._settings.websocket_cleanup_interval_seconds / self._pace

    @property
    def _pace(self) -> float:
        return TWICE if self._plan_b.is_on(DEAD) else 1

    def ended(self, connection: Connection) -> None:
        """It has gone, by whatever way."""
        self.counts["ended"] += 1
        self.counts["dead"] += connection.wire.given_up
        self._dead += connection.wire.given_up
        self._rounds = ROUNDS
        if connection.ending_since is not None:
            self._claims.note(CLEANUP, self._monotonic() - connection.ending_since)

    def run(self, *, memory_is_high: bool = False) -> None:
        """Cut what has been closed and is still there, close the idle, warn those who will be; give memory back."""
        if self._dead and self._dead >= DEAD_SHARE * (sum(1 for _ in self._connections) + self._dead):
            self._plan_b.pull(DEAD)
        self._dead = 0
        self.counts["runs"] += 1
        with self._claims.timed(SCAN):
            self._scan()
        if self._rounds or memory_is_high:
            self._rounds = max(0, self._rounds - 1)
            with self._claims.timed(GIVING_BACK):
                self._give_back()

    def overdue(self) -> int:
        """How many were told to go, and are still there when they should have gone."""
        late = self._settings.websocket_close_timeout_seconds + 2 * self._settings.websocket_cleanup_interval_seconds
        due = self._monotonic() - late
        return sum(each.ending_since is not None and each.ending_since < due for each in self._connections)

    def _scan(self) -> None:
        interval, now = self._settings.websocket_heartbeat_interval_seconds / self._pace, self._monotonic()
        for connection in tuple(self._connections):
            connection.wire.ping_interval = interval
            if connection.wire.is_ending:
                self._cut_if_due(connection, now)
            else:
                self._look_whether_idle(connection, now)

    def _cut_if_due(self, connection: Connection, now: float) -> None:
        if connection.ending_since is None:
            connection.ending_since = now
        if connection.wire.given_up:
            self._cut(connection, "no pong came")
        elif now - connection.ending_since >= self._settings.websocket_close_timeout_seconds:
            self._cut(connection, "it has been closed, and does not end")

    def _cut(self, connection: Connection, why: str) -> None:
        self.counts["cut"] += 1
        logger.info("connection=%d cut: %s", connection.number, why)
        connection.wire.abort()

    def _look_whether_idle(self, connection: Connection, now: float) -> None:
        timeout, notice = self._settings.websocket_idle_timeout_seconds, self._settings.websocket_idle_warning_seconds
        if self._plan_b.is_on(TOO_MANY) or self._plan_b.is_on(MEMORY):
            timeout = max(timeout * HALF, notice)
        idle = now - connection.active_at
        if connection.warned_at is None:
            if idle >= timeout - notice:
                connection.warned_at = now
                self.counts["idle_warned"] += 1
                logger.info("connection=%d warned: idle for %.1f s", connection.number, idle)
                self._errands.start(connection.tell({"type": "idle_warning", "closes_in": max(0.0, timeout - idle)}))
        elif idle >= timeout and now - connection.warned_at >= notice / 2:
            connection.ending_since = now
            self.counts["idle_closed"] += 1
            logger.info("connection=%d closed: idle for %.1f s", connection.number, idle)
            self._errands.start(connection.close(GOING_AWAY, "idle"))
