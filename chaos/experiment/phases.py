"""Moments that fall everywhere within a period which the server keeps, and in step with none."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

__all__ = ["phases"]

GOLDEN = (math.sqrt(5) - 1) / 2
"""The ratio that is worst approximated by fractions: its multiples come back to where one has been latest."""


def phases() -> Iterator[float]:
    """Shares of a period, from 0 to 1 (exclusive), without end: however many are taken, they fill it evenly."""
    return (number * GOLDEN % 1 for number in itertools.count(1))
