"""What the load of a soak follows from."""

from __future__ import annotations

import pytest

from chaos.experiment import NotJudged, SoakPlan, sampling_of

HOURS = 8 * 3600.0


def test_the_incident_s_own_figures() -> None:
    found = SoakPlan(seconds=HOURS, limit=100, idle_timeout=300.0).population(own=1)
    assert (found.low, found.high, found.idle_share) == (80, 95, 0.2)
    assert 60 / found.gap == pytest.approx(5.0)


def test_a_shorter_idle_time_brings_newcomers_as_much_faster() -> None:
    found = SoakPlan(seconds=120.0, limit=100, idle_timeout=2.5).population(own=1)
    assert found.gap == pytest.approx(0.1)


def test_newcomers_are_bounded_in_number_however_long_it_lasts() -> None:
    found = SoakPlan(seconds=HOURS, limit=100, idle_timeout=2.5).population(own=1)
    assert HOURS / found.gap <= 20_000


def test_there_is_room_for_the_experiment_s_own_connection() -> None:
    assert SoakPlan(seconds=60.0, limit=12, idle_timeout=None).population(own=1).high == 11


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_limit_that_leaves_no_room_is_not_judged(limit: int) -> None:
    with pytest.raises(NotJudged, match=f"max_connections = {limit} leaves no room for a soak below it"):
        SoakPlan(seconds=60.0, limit=limit, idle_timeout=None).population(own=1)


def test_a_long_soak_has_as_many_samples_as_a_short_one() -> None:
    assert sampling_of(60.0, at_least=0.05) == 0.05
    assert HOURS / sampling_of(HOURS, at_least=0.05) == pytest.approx(20_000)
