"""One periodic sweep: end the dead, forget what is no longer needed, bring the alerts up to date."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from reference_server.connection import Connection
from reference_server.heartbeat import Heartbeat
from reference_server.registry import Registry
from reference_server.statistics import Counters

logger = logging.getLogger(__name__)


class Sweep:
    """Runs every cleanup interval. One connection that cannot be ended does not keep the others from it."""

    def __init__(
        self,
        *,
        heartbeat: Heartbeat,
        registry: Registry,
        counters: Counters,
        chores: Sequence[Callable[[], object]] = (),
    ) -> None:
        self._heartbeat = heartbeat
        self._registry = registry
        self._counters = counters
        self._chores = chores
        self._rejected_before: Counter[str] = Counter()

    def run(self) -> None:
        """One sweep."""
        for connection in self._registry.all():
            try:
                self.clean(connection)
            except Exception:
                self._counters.cleanup_failures += 1
                logger.exception("could not clean up %s", connection.id)
        for chore in self._chores:
            chore()
        self._report_rejections()
        self._counters.sweeps += 1

    def clean(self, connection: Connection) -> None:
        """End the connection if its peer is dead."""
        if not connection.ended and self._heartbeat.is_dead(connection):
            self._counters.dead_found += 1
            connection.cut("peer is dead")
            self._counters.cleanups += 1

    def _report_rejections(self) -> None:
        # One line a sweep, not one a client: a burst of ten thousand must not become ten thousand lines.
        rejected = Counter(self._counters.rejected)
        rejected.subtract(self._rejected_before)
        news = {reason: count for reason, count in rejected.items() if count}
        if news:
            logger.warning("turned away since the last sweep: %s", news)
            self._rejected_before = Counter(self._counters.rejected)
