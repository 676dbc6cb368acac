"""Raises the alert on the breaker for what the breaker counts, not for what it does.

Breaks the alert on the upstream: each failed call raises it, and the next good one takes it back, with the circuit
closed all along. Whoever is woken by it three nights in a row switches it off.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "a single failed call of the upstream raises the alert that its circuit is open"


def install(parts: Parts) -> None:
    """A failure is enough."""
    alerts, breaker = parts.alerts, parts.upstream_breaker
    is_open = alerts._conditions["upstream_breaker_open"]
    alerts._conditions = {
        **alerts._conditions,
        "upstream_breaker_open": lambda: is_open() or breaker.consecutive_failures > 0,
    }
