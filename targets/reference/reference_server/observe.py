"""The server's account of itself, as one JSON document."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from reference_server.memory import resident_bytes
from reference_server.parts import Parts

_OPEN_FILES = Path("/proc/self/fd")


def statistics(parts: Parts) -> dict[str, object]:
    """What `/stats` shows. Seconds and bytes throughout."""
    counters = parts.counters
    connections = parts.registry.all()
    return {
        "pid": os.getpid(),
        "uptime": round(time.monotonic() - parts.started_at, 3),
        "draining": parts.drain.active,
        "connections": {
            "total": len(parts.registry),
            "inside": parts.admission.inside,
            "limit": parts.admission.limit,
            "by_endpoint": parts.registry.counts(),
            "accepted": counters.accepted,
            "ended": counters.ended,
            "closed": dict(counters.closed),
        },
        "rejected": {"total": counters.rejected.total(), "by_reason": dict(counters.rejected)},
        "messages": {"received": counters.messages_received, "sent": counters.messages_sent},
        "heartbeat": {
            "pings": counters.pings_sent,
            "pongs": counters.pongs_received,
            "dead": counters.dead_found,
        },
        "idle": {"warned": counters.idle_warned, "closed": counters.closed["idle timeout"]},
        "backpressure": {"active": parts.backpressure.active, "warned": counters.backpressure_warned},
        "cleanup": {
            "sweeps": counters.sweeps,
            "cleaned": counters.cleanups,
            "failures": counters.cleanup_failures,
        },
        "feed": {"sequence": parts.feed.sequence, "slow_consumers_cut": counters.slow_consumers_cut},
        "sessions": {"kept": len(parts.sessions), "away": parts.sessions.away()},
        "queues": {
            "messages": sum(len(connection.outbox) for connection in connections),
            "bytes": sum(connection.outbox.waiting_bytes for connection in connections),
            "longest": max((len(connection.outbox) for connection in connections), default=0),
        },
        "accept_failures": counters.accept_failures,
        "record_failures": counters.record_failures,
        "handshakes_timed_out": counters.handshakes_timed_out,
        "protocol_errors": counters.protocol_errors,
        "rate_limited": counters.rate_limited,
        "establishment_failures": dict(counters.establishment_failures),
        "breakers": {
            "upstream": parts.upstream_breaker.get_statistics(),
            "accept": parts.accept_breaker.get_statistics(),
        },
        "alerts": parts.alerts.update(),
        "alerts_raised": dict(parts.alerts.times_raised),
        "tasks": len(asyncio.all_tasks()),
        "open_files": _open_files(),
        "memory": {"resident": resident_bytes()},
        "clock": {"lost": round(parts.clock.lost, 3)},
    }


def _open_files() -> int | None:
    try:
        return sum(1 for _ in _OPEN_FILES.iterdir())
    except OSError:
        # No /proc, or no file descriptor left to look with.
        return None
