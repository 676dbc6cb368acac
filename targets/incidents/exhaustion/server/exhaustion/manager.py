"""The fix: its parts, and what each is told of a connection that comes, talks and goes."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Callable

from exhaustion.admission import Admission
from exhaustion.alerts import (
    CLEANUP_FAILURES,
    CONNECTIONS_CRITICAL,
    CONNECTIONS_HIGH,
    MEMORY_CRITICAL,
    MEMORY_HIGH,
    Alerts,
)
from exhaustion.backpressure import Backpressure
from exhaustion.budget import MemoryBudget
from exhaustion.claims import ACTIVITY, CLEANUP, METRICS, REGISTRATION, Claims
from exhaustion.cleanup import Cleanup
from exhaustion.connection import Connection
from exhaustion.errands import Errands
from exhaustion.memory import give_back, headroom, resident
from exhaustion.overload import TICK, LoopWatch
from exhaustion.plan_b import MEMORY, OVERLOAD, PlanB
from exhaustion.settings import Settings

logger = logging.getLogger(__name__)


class WebSocketResourceManager:
    """All connections of one process, used from its event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        resident: Callable[[], int] = resident,
        headroom: Callable[[], float] = headroom,
        give_back: Callable[[], None] = give_back,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._give_back = give_back
        self._connections: set[Connection] = set()
        self._counts: Counter[str] = Counter()
        self._claims = Claims()
        errands = Errands()
        self.plan_b = PlanB(outlasts=settings.websocket_emergency_seconds, monotonic=monotonic)
        self.budget = MemoryBudget(settings, inside=lambda: self.admission.inside, resident=resident, headroom=headroom)
        self.admission = Admission(settings, self.plan_b, budget=self.budget, relieve=self._relieve_memory)
        self.backpressure = Backpressure(
            settings, errands, inside=lambda: self.admission.inside, connections=self._connections
        )
        self.cleanup = Cleanup(
            settings,
            self.plan_b,
            errands,
            self._claims,
            connections=self._connections,
            give_back=give_back,
            monotonic=monotonic,
        )
        self._loop_watch = LoopWatch(monotonic)
        self._alerts = Alerts(
            {
                "websocket_connections_high": lambda: self._fill() > CONNECTIONS_HIGH,
                "websocket_connections_critical": lambda: self._fill() > CONNECTIONS_CRITICAL,
                "websocket_backpressure": lambda: self.backpressure.crowded,
                "websocket_memory_usage_high": lambda: self.budget.is_above(MEMORY_HIGH),
                "websocket_memory_usage_critical": lambda: self.budget.is_above(MEMORY_CRITICAL),
                "websocket_cleanup_failures": self._cleanups_fail,
            }
        )

    # -- a connection's life -----------------------------------------------------------------------------------

    def admit(self, number: int) -> str | None:
        """Take a place for the connection of a number: None, or what there is too little of."""
        return self.admission.take(number)

    def joined(self, connection: Connection) -> None:
        """It has been accepted: the place that was taken is its own."""
        self._connections.add(connection)
        self._counts["accepted"] += 1
        logger.info("connection=%d accepted, %d inside", connection.number, self.admission.inside)
        self.backpressure.came(connection)
        self._claims.note(REGISTRATION, time.perf_counter() - connection.came_at)

    def gave_up(self, number: int) -> None:
        """The place that was taken is not needed: its client has gone while it was accepted."""
        self.admission.free()
        self.backpressure.update()
        logger.info("connection=%d gone before it was accepted, %d inside", number, self.admission.inside)

    def heard(self, connection: Connection) -> None:
        """It has said something."""
        with self._claims.timed(ACTIVITY):
            self._counts["received"] += 1
            connection.is_active()

    def left(self, connection: Connection) -> None:
        """It has gone."""
        self._connections.discard(connection)
        self.admission.free()
        self.cleanup.ended(connection)
        logger.info("connection=%d ended, %d inside", connection.number, self.admission.inside)
        self.backpressure.update()

    # -- meanwhile ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look after the connections until cancelled."""
        # What is there before the first client is there to the end: nobody need look through it for garbage.
        gc.collect()
        gc.freeze()
        due = self._monotonic()
        while True:
            if self._monotonic() >= due:
                self.cleanup.run(memory_is_high=self.budget.is_above(MEMORY_HIGH))
                due = self._monotonic() + self.cleanup.interval
            await self._look_at_the_loop(min(TICK, due - self._monotonic()))

    async def _look_at_the_loop(self, seconds: float) -> None:
        await self._loop_watch.look(seconds)
        if self._loop_watch.is_overloaded:
            self.plan_b.pull(OVERLOAD)

    def _relieve_memory(self) -> None:
        """Called for every newcomer while memory is short: what costs time is done once in an emergency."""
        if not self.plan_b.is_on(MEMORY):
            self._give_back()
        self.plan_b.pull(MEMORY)
        self.cleanup.run()

    # -- what is told ------------------------------------------------------------------------------------------

    def statistics(self) -> dict[str, object]:
        """What it can tell."""
        with self._claims.timed(METRICS):
            told = self._statistics()
        return {**told, "claims": self._claims.told()}

    def _statistics(self) -> dict[str, object]:
        inside, counts, taken = self.admission.inside, self.cleanup.counts, self.budget.taken()
        rejected = self.admission.rejected
        return {
            "connections": inside,
            **{name: self._counts[name] for name in ("accepted", "received")},
            **{name: counts[name] for name in ("ended", "dead")},
            "idle": {"warned": counts["idle_warned"], "closed": counts["idle_closed"]},
            "cleanup": {"runs": counts["runs"], "cut": counts["cut"], "overdue": self.cleanup.overdue()},
            "rejected": {"total": rejected.total(), **rejected},
            "memory": {"connections": taken, "per_connection": taken / max(1, inside)},
            "plan_b": {"in_force": self.plan_b.in_force(), "times": self.plan_b.times},
            "alerts": self._alerts.update(),
        }

    def _fill(self) -> float:
        return self.admission.inside / self._settings.websocket_max_connections

    def _cleanups_fail(self) -> bool:
        overdue = self.cleanup.overdue()
        return overdue > CLEANUP_FAILURES * (overdue + self._claims.count(CLEANUP))
