"""Histogram: bounds, sums, quantiles that never lie."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.crowd.histogram import BOUNDS, GROWTH, Histogram

durations = st.lists(st.floats(min_value=0, max_value=5000, allow_nan=False), min_size=1, max_size=50)


def test_bounds_grow_by_five_percent() -> None:
    finite = BOUNDS[:-1]
    assert finite[0] == 10e-6
    assert finite[-1] >= 1000
    assert BOUNDS[-1] == math.inf
    # Bounds have six digits, which is where the tolerance comes from.
    assert all(later / earlier == pytest.approx(GROWTH, rel=1e-5) for earlier, later in itertools.pairwise(finite))


def test_a_bound_belongs_to_its_own_bucket() -> None:
    assert Histogram([BOUNDS[7]]).quantile(1) == (BOUNDS[6], BOUNDS[7])


def test_the_text_of_a_bound_is_the_bound() -> None:
    histogram = Histogram([0.0, 0.001, 0.5, 9999.0])
    assert [float(text) in BOUNDS for text in histogram.counts()] == [True] * 4
    assert list(histogram.counts())[-1] == "inf"
    assert histogram.worst == 9999.0


@settings(deadline=None)
@given(durations, st.floats(min_value=0, max_value=1))
def test_a_quantile_encloses_the_true_one(values: list[float], share: float) -> None:
    lower, upper = Histogram(values).quantile(share)
    rank = max(1, math.ceil(share * len(values) - 1e-9))
    true = sorted(values)[rank - 1]
    assert lower < true <= upper or true == lower == 0.0


@settings(deadline=None)
@given(durations, durations)
def test_merging_counts_is_counting_both(first: list[float], second: list[float]) -> None:
    merged = Histogram.of(Histogram(first).counts())
    merged.merge(Histogram(second).counts())
    assert merged.counts() == Histogram(first + second).counts()
    assert merged.total == len(first) + len(second)


def test_a_foreign_bound_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^'0.1234' is no bound of this histogram: bounds grow by 5 % from 1e-05 s$"):
        Histogram.of({"0.1234": 1})


def test_no_quantile_of_nothing() -> None:
    with pytest.raises(ValueError, match=r"^a histogram without a single duration has no quantiles$"):
        Histogram().quantile(0.5)


def test_a_share_is_a_share() -> None:
    with pytest.raises(ValueError, match=r"^a quantile is taken at a share from 0 to 1; found 99$"):
        Histogram([1.0]).quantile(99)
