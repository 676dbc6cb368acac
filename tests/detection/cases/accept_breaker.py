"""Defects that break a promise of tests/scenarios/test_accept_breaker.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import HEARTBEAT, OPENS, TRIAL, TURNED_AWAY

__all__ = ["CASES"]

CASES = (
    Case(
        defect="accept_breaker_never_opens",
        caught_by="test_accept_breaker.py::test_turns_away_while_open[upstream-errors]",
        finding="turned_away_while_open",
        sentinels=(HEARTBEAT, "test_breaker.py::test_opens_at_threshold[upstream-errors]"),
    ),
    Case(
        defect="accept_breaker_counts_no_timeouts",
        caught_by="test_accept_breaker.py::test_turns_away_while_open[upstream-hangs]",
        finding="turned_away_while_open",
        sentinels=(TURNED_AWAY, HEARTBEAT),
    ),
    Case(
        defect="accept_breaker_stays_open",
        caught_by="test_accept_breaker.py::test_lets_clients_in_again[upstream-errors]",
        finding="established",
        sentinels=(TURNED_AWAY, TRIAL),
        also={
            "test_accept_breaker.py::test_lets_clients_in_again[upstream-down]": "established",
        },
    ),
    Case(
        defect="breakers_are_one",
        caught_by="test_accept_breaker.py::test_is_not_opened_by_another_circuit[upstream-errors]",
        finding="established",
        sentinels=(TURNED_AWAY, OPENS, HEARTBEAT),
    ),
    Case(
        defect="accept_breaker_opens_late",
        caught_by=TURNED_AWAY,
        finding="turned_away_while_open",
        sentinels=(OPENS, HEARTBEAT),
    ),
    Case(
        defect="accept_breaker_counts_the_turned_away",
        caught_by="test_accept_breaker.py::test_keeps_users_failures_apart",
        finding="established",
        sentinels=(TURNED_AWAY, "test_survival.py::test_no_right_to_come_in"),
    ),
    Case(
        defect="accept_breaker_counts_no_refusals",
        caught_by="test_accept_breaker.py::test_turns_away_while_open[upstream-down]",
        finding="turned_away_while_open",
        sentinels=(TURNED_AWAY, HEARTBEAT),
    ),
    Case(
        defect="accept_breaker_success_keeps_the_count",
        caught_by="test_accept_breaker.py::test_failures_not_in_a_row[upstream-flapping]",
        finding="turned_away_for_a_row",
        sentinels=(TURNED_AWAY, "test_accept_breaker.py::test_keeps_users_failures_apart"),
    ),
    Case(
        defect="accept_breaker_tries_too_early",
        caught_by="test_accept_breaker.py::test_lets_clients_in_again[upstream-errors]",
        finding="follows_the_breaker_model",
        sentinels=(TURNED_AWAY, "test_accept_breaker.py::test_lets_clients_in_again[upstream-down]"),
    ),
    Case(
        defect="accept_breaker_says_it_is_closed",
        caught_by="test_accept_breaker.py::test_lets_clients_in_again[upstream-errors]",
        finding="follows_the_breaker_model",
        sentinels=("test_accept_breaker.py::test_keeps_users_failures_apart", HEARTBEAT),
    ),
)
