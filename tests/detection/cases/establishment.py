"""Defects that break a promise of tests/scenarios/test_establishment.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, ESTABLISHMENT, HEARTBEAT

__all__ = ["CASES"]

CASES = (
    Case(
        defect="serve_one_at_a_time",
        caught_by=ESTABLISHMENT,
        finding="established",
        sentinels=("test_establishment.py::test_sequential[calm]",),
    ),
    Case(
        defect="establish_under_a_lock",
        caught_by=ESTABLISHMENT,
        finding="established",
        sentinels=("test_establishment.py::test_sequential[calm]", CLEANUP),
        elsewhere={
            "rejection": "a burst within the limit waits in line as well",
            "recovery": "those who come back together wait in line as well",
            "closing": "of twenty clients some are still in line when the signal comes, so nothing can be said",
        },
        also={
            "test_establishment.py::test_simultaneous[latency]": "established",
        },
    ),
    Case(
        defect="looks_up_names_of_newcomers",
        caught_by="test_establishment.py::test_sequential[calm]",
        finding="established",
        sentinels=(HEARTBEAT, CLEANUP),
        elsewhere={"accept_breaker": "who comes when the dependency is back waits for the name as well"},
        also={
            "test_establishment.py::test_sequential[latency]": "established",
            "test_establishment.py::test_ramp[calm]": "established",
            "test_establishment.py::test_ramp[latency]": "established",
        },
    ),
    Case(
        defect="quiet_newcomers_are_cut_off",
        caught_by="test_establishment.py::test_still_there_after_the_101[calm]",
        finding="stayed_after_upgrade",
        sentinels=(ESTABLISHMENT, HEARTBEAT),
        also={"test_establishment.py::test_still_there_after_the_101[latency]": "stayed_after_upgrade"},
    ),
    Case(
        defect="newcomers_push_out_others",
        caught_by="test_establishment.py::test_ramp[calm]",
        finding="undisturbed",
        sentinels=(ESTABLISHMENT, HEARTBEAT, CLEANUP),
    ),
)
