"""Bounds and patience, as they follow from what a contract declares."""

from __future__ import annotations

import pytest

from chaos.bounds import dead_peer_bound, partition_bound, patience
from chaos.contract import Breaker, Contract, Delivery, Establishment


def test_with_a_sweep_all_three_intervals_add_up() -> None:
    """The peer dies right after a pong, its death shows right after a sweep."""
    bound = dead_peer_bound(interval=30.0, timeout=45.0, sweep=60.0)
    assert bound.seconds == pytest.approx(135.0 * 1.1)
    assert bound.why == "heartbeat interval 30s + heartbeat timeout 45s + sweep 60s, a tenth of it late"


def test_who_says_goodbye_to_the_dead_waits_for_their_answer_too() -> None:
    bound = dead_peer_bound(interval=20.0, timeout=20.0, sweep=None, farewell=10.0)
    assert bound.seconds == pytest.approx(50.0 * 1.1)
    assert bound.why == "heartbeat interval 20s + heartbeat timeout 20s + farewell 10s, a tenth of it late"


def test_without_a_sweep_there_is_nothing_to_wait_for_after_the_timeout() -> None:
    bound = dead_peer_bound(interval=0.5, timeout=0.75, sweep=None)
    assert bound.seconds == pytest.approx(1.25 * 1.1)
    assert bound.why == "heartbeat interval 500ms + heartbeat timeout 750ms, a tenth of it late"


@pytest.mark.parametrize(
    ("within", "seconds"),
    [
        ("1s", 3.0),
        ("10s", 30.0),
        ("100ms", 2.0),  # a promise may be quick, and the machine slow
    ],
)
def test_patience_is_thrice_what_a_connection_may_take(within: str, seconds: float) -> None:
    promises = Contract(establishment=Establishment.model_validate({"within": within}))
    assert patience(promises) == pytest.approx(seconds)


def test_patience_where_nothing_is_promised() -> None:
    assert patience(Contract()) == 10.0


@pytest.mark.parametrize(("call_timeout", "seconds"), [("500ms", 3.0), ("10s", 20.0)])
def test_patience_outlasts_a_call_to_a_hanging_upstream(call_timeout: str, seconds: float) -> None:
    breaker = Breaker.model_validate(
        {
            "failure_threshold": 5,
            "recovery_timeout": "60s",
            "call_timeout": call_timeout,
            "answer_within": "100ms",
        }
    )
    promises = Contract(establishment=Establishment.model_validate({"within": "1s"}), breaker=breaker)
    assert patience(promises) == pytest.approx(seconds)


@pytest.mark.parametrize(("interval", "seconds"), [("150ms", 3.15), ("5s", 8.0)])
def test_patience_outlasts_the_pause_between_two_broadcasts(interval: str, seconds: float) -> None:
    """Where it is the longest of all, whether a listener hears anything would be a coin's toss."""
    promises = Contract(
        establishment=Establishment.model_validate({"within": "1s"}),
        delivery=Delivery.model_validate({"broadcast_interval": interval}),
    )
    assert patience(promises) == pytest.approx(seconds)


@pytest.mark.parametrize(("within", "seconds"), [(0.8, 0.6), (0.4, 0.2), (30.0, 25.4), (0.1, 0.0)])
def test_what_is_sent_in_a_partition_is_sent_again_in_time(within: float, seconds: float) -> None:
    assert partition_bound(within=within) == pytest.approx(seconds)
