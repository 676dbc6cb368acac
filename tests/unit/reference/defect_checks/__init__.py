"""For each defect one small question to the server's parts: is the promise kept that this defect breaks?

Asked of sound parts the answer is True, and of parts with the defect installed False. Nothing here goes over a network;
what takes a running server is in `test_defects.py`. A module for each family of promises; those that take a fault to
show, and those of sessions, stand in `fault_defect_checks` and `session_defect_checks.py` beside this package.
"""

from __future__ import annotations

from . import (
    accept_breaker,
    admission,
    breaker,
    cleanup,
    closing,
    delivery,
    latency,
    liveness,
    memory,
    observability,
    settings,
    soak,
    survival,
)
from .bench import Check

__all__ = ["CHECKS"]

CHECKS: dict[str, Check] = {
    defect: check
    for family in (
        accept_breaker,
        admission,
        breaker,
        cleanup,
        closing,
        delivery,
        latency,
        liveness,
        memory,
        observability,
        settings,
        soak,
        survival,
    )
    for defect, check in family.CHECKS.items()
}
