"""Defects that break a promise of tests/scenarios/test_fairness.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import HEARTBEAT, LATENCY

__all__ = ["CASES"]

LIVELY = "test_fairness.py::test_a_lively_client_stays"

CASES = (
    Case(
        defect="one_queue_for_all",
        caught_by="test_fairness.py::test_others_beside_a_flood[flooding-member]",
        finding="round_trips_within",
        sentinels=(LATENCY, HEARTBEAT),
    ),
    Case(
        defect="flood_cut_in_silence",
        caught_by="test_fairness.py::test_the_client_that_floods[flooding-member]",
        finding="flood_answered",
        sentinels=(LIVELY, HEARTBEAT),
    ),
    Case(
        defect="rate_without_a_burst",
        caught_by=LIVELY,
        finding="undisturbed",
        sentinels=(LATENCY, HEARTBEAT),
    ),
)
