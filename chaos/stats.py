"""Trends with an interval, so that "it grows" is a statement with an error of its own. scipy does the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ALPHA", "LOOKS", "LOOK_ALPHA", "MINIMUM_ROUNDS", "MOST_POINTS", "Slope", "slope"]

ALPHA = 1e-4
"""Error of one measurement of a slope, with all its looks: how often, at most, a slope that is the margin itself is
said to be above it or below it. Half of that to either side; a slope well within is accused far less often.

Forty measurements a night, each of a server that keeps exactly what it may, would then cry wolf once in 500 nights.
"""

LOOK_ALPHA = 3e-5
"""Two-sided error of the interval at each look.

Whoever looks again until it is decided errs more often than at one look: twelve looks at 1e-4 err with 4.1e-4. The
ranks of noise that keeps no order are independent, so what `LOOKS` sum up to can be counted out: 9.9e-5 at 3e-5
(tests/unit/test_stats.py does so, and holds it against a simulation). Bonferroni's 1e-4 / 12 would err with 2.1e-5, and
take more rounds. Noise that keeps an order, such as a heap that fills, is nothing that any of these figures speaks of.
"""

MINIMUM_ROUNDS = 12
"""Points from which a Theil-Sen interval at LOOK_ALPHA is narrower than the range of all slopes.

Kendall's statistic of n points has the standard deviation sqrt(n (n-1) (2n+5) / 18); at n = 12 that is 14.6, and
4.17 of them, 61, is less than the 66 pairs there are. At n = 10 it is not.
"""

MOST_POINTS = 54
"""Points of a measurement at most: its budget."""

LOOKS = (*range(MINIMUM_ROUNDS, MOST_POINTS, 4), MOST_POINTS)
"""Points at which a measurement is looked at: the first look that decides ends it, the last one does in any case."""


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope and its interval at 1 - LOOK_ALPHA, in units of y for one unit of x."""

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


def slope(x: Sequence[float], y: Sequence[float], *, alpha: float = LOOK_ALPHA) -> Slope:
    """The Theil-Sen slope of y over x: the median of all pairwise slopes, which outliers and steps hardly move.

    Raises ValueError with fewer than `MINIMUM_ROUNDS` points, or when x never changes.
    """
    if len(x) != len(y) or len(x) < MINIMUM_ROUNDS:
        raise ValueError(f"a slope takes at least {MINIMUM_ROUNDS} points, found {len(x)} and {len(y)}")
    if len(set(x)) < 2:
        raise ValueError("a slope takes at least two different x")
    if len(set(y)) == 1:
        # A round in which nobody ended stands where the one before it stood, and of ties in both scipy makes a variance
        # below nothing.
        return Slope(0.0, 0.0, 0.0)
    from scipy.stats import theilslopes  # 0.4 s to import, and most cells need no slope

    result = theilslopes(y, x, alpha=alpha)
    return Slope(value=float(result[0]), low=float(result[2]), high=float(result[3]))
