"""What the server is made of, put together in one place.

`build` makes every component and hands each one what it needs; nothing reaches for anything global. A component is
replaced (by a test, by a defect) on the result, before the application is built from it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from reference_server.admission import Admission
from reference_server.alerting import build_alerts
from reference_server.alerts import Alerts
from reference_server.backpressure import Backpressure
from reference_server.breaker import Breaker
from reference_server.breakers import build_breaker
from reference_server.clock import AttentiveClock
from reference_server.drain import Drain
from reference_server.feed import Feed
from reference_server.gate import Gate
from reference_server.heartbeat import Heartbeat
from reference_server.rate import HandshakeRate
from reference_server.record import Record
from reference_server.registry import Registry
from reference_server.resumable import Sessions
from reference_server.settings import Settings
from reference_server.source import Source
from reference_server.statistics import Counters
from reference_server.sweep import Sweep
from reference_server.upstream import Upstream

MEGABYTE = 1_000_000
SLOWEST_TICK = 0.25
TICKS_PER_TIMEOUT = 8
"""The clock ticks at least this often within the shortest timeout it serves, so that a stall of the process costs a
client at most a quarter of its time (two ticks, see `clock.py`)."""


@dataclass(slots=True, kw_only=True)
class Parts:
    """All components."""

    settings: Settings
    clock: AttentiveClock
    counters: Counters
    registry: Registry
    admission: Admission
    backpressure: Backpressure
    handshake_rate: HandshakeRate
    drain: Drain
    gate: Gate
    heartbeat: Heartbeat
    sweep: Sweep
    feed: Feed
    sessions: Sessions
    upstream: Upstream
    upstream_breaker: Breaker
    accept_breaker: Breaker
    source: Source
    record: Record
    alerts: Alerts
    started_at: float


def build(settings: Settings) -> Parts:
    """Make all components of one server."""
    counters = Counters()
    registry = Registry()
    drain = Drain()
    clock = AttentiveClock(tick_interval=_tick_interval(settings))
    admission = Admission(
        limit=settings.websocket_max_connections,
        memory_limit_bytes=settings.websocket_memory_limit_mb * MEGABYTE,
    )
    backpressure = Backpressure(
        limit=settings.websocket_max_connections,
        threshold=settings.websocket_backpressure_threshold,
        inside=lambda: admission.inside,
        registry=registry,
        counters=counters,
    )
    handshake_rate = HandshakeRate(rate=settings.websocket_handshake_rate, burst=settings.websocket_handshake_burst)
    heartbeat = Heartbeat(
        timeout=settings.websocket_heartbeat_timeout,
        ping_timeout=settings.websocket_ping_timeout,
        clock=clock,
        registry=registry,
        counters=counters,
    )
    upstream = Upstream(
        settings.upstream_url, timeout=settings.upstream_timeout, max_connections=settings.upstream_max_connections
    )
    upstream_breaker = build_breaker("upstream", settings)
    accept_breaker = build_breaker("accept", settings)
    sessions = Sessions(
        window=settings.resume_window,
        most=settings.resume_sessions,
        most_messages=settings.resume_buffer_messages,
        most_bytes=settings.resume_buffer_bytes,
        now=clock.now,
    )
    record = Record(settings.websocket_record_directory, counters=counters)
    alerts = build_alerts(
        settings=settings,
        admission=admission,
        backpressure=backpressure,
        counters=counters,
        breakers=(upstream_breaker, accept_breaker),
        record=record,
    )
    return Parts(
        settings=settings,
        clock=clock,
        counters=counters,
        registry=registry,
        admission=admission,
        backpressure=backpressure,
        handshake_rate=handshake_rate,
        drain=drain,
        gate=Gate(settings, admission=admission, backpressure=backpressure, handshake_rate=handshake_rate, drain=drain),
        heartbeat=heartbeat,
        sweep=Sweep(
            heartbeat=heartbeat,
            registry=registry,
            counters=counters,
            chores=(handshake_rate.forget_quiet, alerts.update, sessions.forget_expired),
        ),
        feed=Feed(
            registry=registry,
            counters=counters,
            status=lambda: {"connections": admission.inside, "upstream": upstream_breaker.state.value},
            payload_bytes=settings.broadcast_payload_bytes,
        ),
        sessions=sessions,
        upstream=upstream,
        upstream_breaker=upstream_breaker,
        accept_breaker=accept_breaker,
        source=Source(
            upstream,
            breaker=upstream_breaker,
            timeout=settings.upstream_timeout,
            retry_after=settings.websocket_retry_after,
            monotonic=time.monotonic,
        ),
        record=record,
        alerts=alerts,
        started_at=time.monotonic(),
    )


def _tick_interval(settings: Settings) -> float:
    shortest = min(
        settings.websocket_heartbeat_timeout,
        settings.websocket_ping_timeout,
        settings.websocket_handshake_timeout,
        settings.websocket_close_timeout,
        settings.websocket_idle_warning_seconds,
    )
    return min(SLOWEST_TICK, shortest / TICKS_PER_TIMEOUT)
