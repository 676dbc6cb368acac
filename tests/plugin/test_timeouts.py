"""When a scenario counts as hanging: beyond all that it may wait for."""

from __future__ import annotations

import pytest

from chaos.contract import Cleanup, Contract, Establishment, Liveness
from chaos.experiment.leaks import MOST_ROUNDS
from fixtures.timeouts import hangs_after

REAL = Contract(
    establishment=Establishment(within="1s"),
    liveness=Liveness(heartbeat_interval="30s", heartbeat_timeout="10s"),
    cleanup=Cleanup(sweep_interval="60s"),
)


def test_beyond_what_is_promised_ten_times_over() -> None:
    assert hangs_after(REAL, in_rounds=False) > 10 * (1 + 30 + 10 + 60)


def test_rounds_of_dead_peers_may_each_last_twice_the_bound() -> None:
    """With 30 s, 10 s and 60 s a leak that takes its whole budget is at work for over three hours."""
    assert hangs_after(REAL, in_rounds=True) - hangs_after(REAL, in_rounds=False) == MOST_ROUNDS * 2 * 100


@pytest.mark.parametrize("promises", [Contract(), Contract(liveness=Liveness(heartbeat_interval="30s"))])
def test_what_is_not_declared_is_not_waited_for(promises: Contract) -> None:
    assert hangs_after(promises, in_rounds=True) == hangs_after(promises, in_rounds=False)
