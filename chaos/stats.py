"""Trends with an interval, so that "it grows" is a statement with an error of its own. scipy does the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ALPHA", "MINIMUM_ROUNDS", "Slope", "slope"]

ALPHA = 1e-4
"""Two-sided error of one slope's interval: forty statistical cells a night then cry wolf once in 250 nights."""

MINIMUM_ROUNDS = 12
"""Fewest points from which a Theil-Sen interval at ALPHA is narrower than the range of all slopes.

Kendall's statistic of n points has the standard deviation sqrt(n (n-1) (2n+5) / 18); at n = 12 that is 14.6, and
3.89 of them, 57, is less than the 66 pairs there are. At n = 10 it is not.
"""


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope and its interval at 1 - ALPHA, in units of y for one unit of x."""

    value: float
    low: float
    high: float

    @property
    def resolution(self) -> float:
        """Half the interval's width: the smallest slope that could have been told from zero."""
        return (self.high - self.low) / 2

    def below(self, margin: float) -> bool:
        """Certainly below the margin."""
        return self.high < margin

    def above(self, margin: float) -> bool:
        """Certainly above the margin."""
        return self.low > margin


def slope(x: Sequence[float], y: Sequence[float], *, alpha: float = ALPHA) -> Slope:
    """The Theil-Sen slope of y over x: the median of all pairwise slopes, which outliers and steps hardly move.

    Raises ValueError with fewer than `MINIMUM_ROUNDS` points, or when x never changes.
    """
    if len(x) != len(y) or len(x) < MINIMUM_ROUNDS:
        raise ValueError(f"a slope takes at least {MINIMUM_ROUNDS} points, found {len(x)} and {len(y)}")
    if len(set(x)) < 2:
        raise ValueError("a slope takes at least two different x")
    from scipy.stats import theilslopes  # 0.4 s to import, and most cells need no slope

    result = theilslopes(y, x, alpha=alpha)
    return Slope(value=float(result[0]), low=float(result[2]), high=float(result[3]))
