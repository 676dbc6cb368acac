"""Every defect of the reference server, by the promise it breaks: one file for each file of scenarios."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.cases import (
    accept_breaker,
    bounded_memory,
    breaker,
    cleanup,
    closing,
    delivery,
    establishment,
    fairness,
    latency,
    leak_free,
    liveness,
    observability,
    pressure,
    recovery,
    rejection,
    settings,
    soak,
    survival,
)

__all__ = ["CASES"]

CASES: tuple[Case, ...] = (
    *establishment.CASES,
    *rejection.CASES,
    *cleanup.CASES,
    *liveness.CASES,
    *leak_free.CASES,
    *breaker.CASES,
    *accept_breaker.CASES,
    *latency.CASES,
    *recovery.CASES,
    *pressure.CASES,
    *delivery.CASES,
    *closing.CASES,
    *survival.CASES,
    *fairness.CASES,
    *observability.CASES,
    *settings.CASES,
    *soak.CASES,
    *bounded_memory.CASES,
)
