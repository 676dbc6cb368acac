from __future__ import annotations

import math

import pytest

from chaos.stats import MINIMUM_ROUNDS, slope


def test_an_exact_slope_has_no_width() -> None:
    found = slope(range(12), [3.0 * number for number in range(12)])
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)
    assert found.above(2.9)
    assert not found.above(3.0)
    assert found.below(3.1)
    assert found.resolution == 0.0


def test_one_outlier_moves_nothing() -> None:
    values = [3.0 * number for number in range(20)]
    values[10] = 1e9
    assert slope(range(20), values).value == pytest.approx(3.0)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="a slope takes at least 12 points, found 11 and 11"):
        slope(range(11), range(11))


def test_a_slope_over_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a slope takes at least two different x"):
        slope([1.0] * 12, range(12))


@pytest.mark.parametrize(("points", "narrow"), [(MINIMUM_ROUNDS, True), (9, False)])
def test_the_least_number_of_rounds_is_where_the_interval_gets_narrower_than_all_slopes(
    points: int, narrow: bool
) -> None:
    deviation = math.sqrt(points * (points - 1) * (2 * points + 5) / 18)
    quantile = 3.8906  # two-sided 1e-4 of the normal distribution
    assert (quantile * deviation < points * (points - 1) / 2) is narrow
