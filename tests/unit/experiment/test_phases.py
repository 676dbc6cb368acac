from __future__ import annotations

import itertools

import pytest

from chaos.experiment.phases import phases


@pytest.mark.parametrize("count", [3, 10, 100])
def test_however_many_are_taken_they_fill_a_period_evenly(count: int) -> None:
    taken = sorted(itertools.islice(phases(), count))
    gaps = [later - earlier for earlier, later in itertools.pairwise([*taken, 1 + taken[0]])]
    assert all(0 <= phase < 1 for phase in taken)
    assert max(gaps) < 2 / count, "where they are spread at best it is 1 / count"
