"""What a link under a fault adds to an answer: it is the link's, and a bound is wider by it."""

from __future__ import annotations

from chaos.faults import Composed, Jitter, Latency, Sliced
from chaos.faults.base import Fault

__all__ = ["added_by"]


def added_by(fault: Fault | None) -> float:
    """Seconds that the link adds to a round trip at most; 0 where there is no fault, or one that delays nothing."""
    match fault:
        case Latency() | Jitter():
            return fault.delay + fault.jitter
        case Sliced():
            return 2 * fault.adds  # of the longest ping, in pieces half as long: no exchange of a scenario is longer
        case Composed():
            return sum(map(added_by, fault.parts))
        case _:
            return 0.0
