"""Defects that break a promise of tests/scenarios/test_soak.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import HEARTBEAT, LATENCY

__all__ = ["CASES"]

SOAK = ("--chaos-soak=1m",)
SOAKED = 120.0
"""Seconds of a minute's soak, and of reading what it recorded."""

CASES = (
    Case(
        defect="buffer_of_a_megabyte_each",
        caught_by="test_soak.py::test_memory_stays_within_its_bound",
        finding="memory_within",
        sentinels=(HEARTBEAT, LATENCY),
        elsewhere={"bounded_memory": "what is too much for a hundred is too much for each of them"},
        options=SOAK,
        takes=SOAKED,
    ),
    Case(
        defect="remembers_each_message",
        caught_by="test_soak.py::test_nothing_is_kept_over_hours",
        finding="nothing_kept_over_time",
        sentinels=(HEARTBEAT, "test_leak_free.py::test_nothing_kept[calm]"),
        options=("--chaos-soak=2m",),
        takes=2 * SOAKED,
    ),
    Case(
        defect="warnings_end_with_their_numbers",
        caught_by="test_soak.py::test_idle_clients_are_found",
        finding="idle_found_throughout",
        sentinels=("test_liveness.py::test_idle_clients[calm]", HEARTBEAT),
        options=SOAK,
        takes=SOAKED,
    ),
    Case(
        defect="reply_lost_at_the_wrap",
        caught_by="test_soak.py::test_answers_all_along",
        finding="answered_throughout",
        sentinels=(LATENCY, HEARTBEAT),
        options=SOAK,
        takes=SOAKED,
    ),
    Case(
        defect="idle_close_keeps_its_place",
        caught_by="test_soak.py::test_places_all_along",
        finding="places_throughout",
        sentinels=("test_liveness.py::test_idle_clients[calm]", HEARTBEAT),
        options=SOAK,
        takes=SOAKED,
    ),
)
