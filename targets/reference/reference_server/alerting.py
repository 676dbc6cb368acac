"""Which alerts this server has, and when each one holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from reference_server.admission import Admission
from reference_server.alerts import (
    CLEANUP_FAILURES,
    CONNECTIONS_CRITICAL,
    CONNECTIONS_HIGH,
    MEMORY_CRITICAL,
    MEMORY_HIGH,
    Alerts,
)
from reference_server.backpressure import Backpressure
from reference_server.breaker import Breaker, State
from reference_server.memory import resident_bytes
from reference_server.record import Record
from reference_server.settings import Settings
from reference_server.statistics import Counters


def build_alerts(
    *,
    settings: Settings,
    admission: Admission,
    backpressure: Backpressure,
    counters: Counters,
    breakers: Sequence[Breaker],
    record: Record,
) -> Alerts:
    """All alerts of the server."""
    limit = settings.websocket_max_connections
    memory_limit = settings.websocket_memory_limit_mb * 1_000_000

    def memory_above(share: float) -> bool:
        return bool(memory_limit) and resident_bytes() > memory_limit * share

    def cleanups_fail() -> bool:
        tried = counters.cleanups + counters.cleanup_failures
        return tried > 0 and counters.cleanup_failures / tried > CLEANUP_FAILURES

    return Alerts(
        {
            "websocket_connections_high": lambda: admission.inside > limit * CONNECTIONS_HIGH,
            "websocket_connections_critical": lambda: admission.inside > limit * CONNECTIONS_CRITICAL,
            "websocket_backpressure": lambda: admission.inside >= backpressure.warn_from,
            "websocket_memory_usage_high": lambda: memory_above(MEMORY_HIGH),
            "websocket_memory_usage_critical": lambda: memory_above(MEMORY_CRITICAL),
            "websocket_cleanup_failures": cleanups_fail,
            "record_not_written": lambda: record.failing,
            **{f"{breaker.name}_breaker_open": partial(_is_open, breaker) for breaker in breakers},
        }
    )


def _is_open(breaker: Breaker) -> bool:
    return breaker.state is not State.CLOSED
