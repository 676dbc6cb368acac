from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy
import pytest
from scipy.stats import norm

from chaos.stats import ALPHA, LOOK_ALPHA, LOOKS, MINIMUM_ROUNDS, slope


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


def test_what_never_moves_has_no_slope_also_where_x_stood_still_once() -> None:
    found = slope([*range(12), 11], [9.0] * 13)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="a slope takes at least 12 points, found 11 and 11"):
        slope(range(11), range(11))


def test_a_slope_over_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a slope takes at least two different x"):
        slope([1.0] * 12, range(12))


@pytest.mark.parametrize(("points", "narrow"), [(MINIMUM_ROUNDS, True), (10, False)])
def test_the_least_number_of_rounds_is_where_the_interval_gets_narrower_than_all_slopes(
    points: int, narrow: bool
) -> None:
    deviation = math.sqrt(points * (points - 1) * (2 * points + 5) / 18)
    quantile = float(norm.isf(LOOK_ALPHA / 2))
    assert (quantile * deviation < points * (points - 1) / 2) is narrow


def test_all_looks_together_err_no_more_often_than_one_measurement_may() -> None:
    assert 2 * counted_out(LOOK_ALPHA, LOOKS) == pytest.approx(9.9e-5, rel=0.01)
    assert 2 * counted_out(LOOK_ALPHA, LOOKS) <= ALPHA
    # What looking again does to an error that is set for one look.
    assert 2 * counted_out(ALPHA, LOOKS) == pytest.approx(4.1e-4, rel=0.01)
    assert 2 * counted_out(ALPHA, LOOKS[-1:]) < ALPHA


def test_what_is_counted_out_is_what_happens() -> None:
    """At an error that can be seen in a few hundred measurements of noise, by the very function that is used."""
    alpha, measurements, looks = 0.05, 600, LOOKS[::2]
    drawn = random.Random(20)
    above = below = 0
    for _ in range(measurements):
        noise = [drawn.gauss(0, 1) for _ in range(looks[-1])]
        found = [slope(range(points), noise[:points], alpha=alpha) for points in looks]
        above += any(each.above(0.0) for each in found)
        below += any(each.below(0.0) for each in found)
    expected = counted_out(alpha, looks)
    # Three standard deviations of a rate that is counted in as many measurements; the seed leaves nothing to chance.
    tolerance = 3 * math.sqrt(expected * (1 - expected) / measurements)
    assert above / measurements == pytest.approx(expected, abs=tolerance)
    assert below / measurements == pytest.approx(expected, abs=tolerance)
    assert expected > 2 * alpha / 2, "looking again shows in what is compared here"


def counted_out(alpha: float, looks: Sequence[int]) -> float:
    """How often pure noise is taken for a slope above its margin at one of the looks: exactly, without ties.

    The interval lies above the margin where no more than a certain number of pairs are in falling order. Of n values
    without order, the newest is below k of those before it with the same probability for each k from 0 to n - 1,
    whatever came before: so the number of falling pairs is a sum of independent terms, and is followed from look to
    look without what was decided already.
    """
    undecided, decided = numpy.ones(1), 0.0
    for points in range(2, looks[-1] + 1):
        undecided = numpy.convolve(undecided, numpy.full(points, 1 / points))
        if points in looks:
            few = most_falling(alpha, points) + 1
            decided += undecided[:few].sum()
            undecided[:few] = 0.0
    return float(decided)


def most_falling(alpha: float, points: int) -> int:
    """Falling pairs with which the interval still lies above: the rank of its lower end (Sen 1968, as scipy has it)."""
    pairs = points * (points - 1) // 2
    deviation = math.sqrt(points * (points - 1) * (2 * points + 5) / 18)
    return max(round((pairs - norm.isf(alpha / 2) * deviation) / 2) - 1, 0)
