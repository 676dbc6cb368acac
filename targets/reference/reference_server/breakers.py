"""The server's two breakers, one for each dependency: made once, shared by all connections."""

from __future__ import annotations

import logging

from reference_server.breaker import Breaker, BreakerPolicy, Transition
from reference_server.settings import Settings

logger = logging.getLogger(__name__)


def build_breaker(name: str, settings: Settings) -> Breaker:
    """A closed breaker with the settings' policy that logs its transitions."""
    policy = BreakerPolicy(
        failure_threshold=settings.breaker_failure_threshold,
        failure_rate=settings.breaker_failure_rate,
        window=settings.breaker_window,
        minimum_calls=settings.breaker_minimum_calls,
        recovery_timeout=settings.breaker_recovery_timeout,
        backoff=settings.breaker_backoff,
        max_recovery_timeout=settings.breaker_max_recovery_timeout,
        half_open_probes=settings.breaker_half_open_probes,
        success_threshold=settings.breaker_success_threshold,
        probe_timeout=settings.breaker_probe_timeout,
    )
    return Breaker(policy, name=name, on_transition=_log)


def _log(breaker: Breaker, transition: Transition) -> None:
    logger.warning(
        "breaker %s: %s -> %s after %.3f s",
        breaker.name,
        transition.before.value,
        transition.after.value,
        transition.lasted,
    )
