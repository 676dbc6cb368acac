"""Defects that break a promise of tests/scenarios/test_rejection.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, HEARTBEAT, LATENCY, REJECTION

__all__ = ["CASES"]

CASES = (
    Case(
        defect="accept_beyond_limit",
        caught_by=REJECTION,
        finding="rejected_gracefully",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="places_not_given_back",
        caught_by="test_rejection.py::test_places_are_given_again[burst]",
        finding="established",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="no_backpressure_warning",
        caught_by="test_rejection.py::test_warned_when_nearly_full",
        finding="warned",
        sentinels=(REJECTION, HEARTBEAT),
    ),
    Case(
        defect="warned_at_half_of_it",
        caught_by="test_rejection.py::test_warned_when_nearly_full",
        finding="not_warned_early",
        sentinels=(REJECTION, HEARTBEAT),
    ),
    Case(
        defect="places_reserved_for_the_dead",
        caught_by="test_rejection.py::test_places_of_the_dead_are_given_again[vanished]",
        finding="established",
        sentinels=(
            "test_rejection.py::test_places_are_given_again[burst]",
            CLEANUP,
        ),
        also={
            "test_rejection.py::test_places_of_the_dead_are_given_again[silent]": "established",
            "test_rejection.py::test_places_of_the_dead_are_given_again[stalled-reader]": "established",
        },
    ),
    Case(
        defect="place_given_back_twice",
        caught_by="test_rejection.py::test_the_limit_after_a_churn[churn]",
        finding="rejected_gracefully",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="leavers_wait_in_a_short_queue",
        caught_by="test_rejection.py::test_places_of_the_dead_are_given_again[client-reset]",
        finding="established",
        sentinels=(CLEANUP, HEARTBEAT),
        elsewhere={"recovery": "a crowd that comes back at once finds the places of its own dead taken"},
        also={
            "test_rejection.py::test_places_of_the_dead_are_given_again[fin-without-close]": "established",
        },
    ),
    Case(
        defect="newcomers_wait_for_each_others_first_word",
        caught_by="test_rejection.py::test_burst_beyond_the_limit[latency+burst]",
        finding="rejected_gracefully",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="refusals_ask_those_inside",
        caught_by="test_rejection.py::test_burst_while_the_network_is_bad[latency+lossy-link+burst]",
        finding="rejected_gracefully",
        sentinels=(CLEANUP, HEARTBEAT, "test_rejection.py::test_burst_beyond_the_limit[burst]"),
    ),
)
