"""How long the calls of a crowd may take: what follows from its plan, for whoever waits for them."""

from __future__ import annotations

import math

from chaos.crowd.plan import ClientPlan, Mode

__all__ = ["call", "connecting", "exchanging"]

_SLACK = 5.0
"""Seconds that a call may take beyond what its plan allows: the lateness of a saturated loop is 0.2 to 0.5 (measured),
and the machine may be busy with other things."""
_PER_CLIENT = 0.01
"""Seconds of the worker's own work for one client in one call; one whole connection takes 0.0003 (measured)."""


def call(size: int, *, waits: float = 0.0) -> float:
    """Seconds for one call about `size` clients that waits `waits` seconds for the server."""
    return waits + _SLACK + size * _PER_CLIENT


def connecting(plan: ClientPlan, size: int, mode: Mode, *, gap: float, hold: bool) -> float:
    """Seconds that `size` clients wait for the server at most while they connect, and leave again without `hold`."""
    attempt = plan.timeouts.total
    leaving = 0.0 if hold else plan.close_timeout
    match mode:
        case Mode.SEQUENTIAL:
            within = size * (attempt + gap + leaving)
        case Mode.PACED:
            within = size * gap + attempt + leaving
        case _:
            within = attempt + leaving
    return plan.timeouts.tcp + within  # the name is looked up first


def exchanging(plan: ClientPlan, count: int, *, gap: float, at_once: int = 1) -> float:
    """Seconds that a client waits for the server at most in `count` exchanges, so many of them begun together."""
    return math.ceil(count / at_once) * (plan.answer_timeout + gap)
