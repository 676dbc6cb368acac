"""What every judgement of a soak says: for how long it looked, and what it says where nothing was soaked."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.expectations.base import Expectation
from chaos.journal import Soaked
from chaos.units import format_long
from chaos.verdict import Finding

__all__ = ["MOST_OURS", "OfASoak"]

MOST_OURS = 0.1
"""The share of what is judged that moments of ours may excuse: a night has some of them, and is not lost for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfASoak(Expectation):
    """What all of them share."""

    def lasted(self, soaked: Soaked) -> str:
        """`for 3h12min of 8h`, or `for 8h`."""
        took = soaked.at - soaked.began
        if not soaked.cut:
            return f"for {format_long(soaked.asked)}"
        return f"for {format_long(took)} of {format_long(soaked.asked)}, when {soaked.cut}"

    def unsoaked(self, promised: str) -> Finding:
        """The finding where there was no soak."""
        return self.inconclusive("no soak came to any end, so there is nothing to look at", promised)
