"""Whether what has not come was waited for long enough to say that it does not."""

from __future__ import annotations

from chaos.expectations.base import Expectation, Uncertainty
from chaos.verdict import Finding

__all__ = ["not_long_enough"]


def not_long_enough(
    asked: Expectation, observed: str, promised: str, *, watched: float, limit: float, uncertainty: Uncertainty
) -> Finding | None:
    """The finding of what has not come in `watched` seconds where that decides nothing, and why; None where it does.

    Nobody looked beyond the limit, or no further beyond it than the reading may be wrong for reasons of our own.
    """
    if watched <= limit:
        return asked.inconclusive(f"{observed}, and nobody looked longer", promised)
    if watched <= limit + uncertainty.seconds:
        return asked.within_uncertainty(observed, promised, uncertainty)
    return None
