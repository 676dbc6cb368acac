"""Defects that break a promise of tests/scenarios/test_bounded_memory.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import DELIVERY, HEARTBEAT

__all__ = ["CASES"]

CASES = (
    Case(
        defect="history_for_each_client",
        caught_by="test_bounded_memory.py::test_cost_of_a_connection",
        finding="costs_at_most",
        sentinels=("test_leak_free.py::test_nothing_kept[calm]", HEARTBEAT),
        also={"test_bounded_memory.py::test_cost_of_a_compressed_connection": "costs_at_most"},
    ),
    Case(
        defect="replies_pile_up",
        caught_by="test_bounded_memory.py::test_cost_of_a_slow_reader[flooding-member]",
        finding="costs_at_most",
        sentinels=(HEARTBEAT, DELIVERY),
        takes=60.0,
    ),
    Case(
        defect="reads_on_behind_a_busy_handler",
        caught_by="test_bounded_memory.py::test_cost_of_a_slow_reader[flooding-member]",
        finding="costs_at_most",
        sentinels=(HEARTBEAT, DELIVERY),
        takes=60.0,
    ),
    Case(
        defect="a_page_for_each_request",
        caught_by="test_bounded_memory.py::test_cost_of_a_half_made_handshake[slow-loris]",
        finding="costs_at_most",
        sentinels=("test_bounded_memory.py::test_cost_of_a_connection", HEARTBEAT),
        takes=60.0,
    ),
    Case(
        defect="compression_kept_after_the_end",
        caught_by="test_bounded_memory.py::test_given_back[calm]",
        finding="given_back",
        sentinels=("test_leak_free.py::test_nothing_kept[calm]", HEARTBEAT),
        also={"test_bounded_memory.py::test_given_back[client-reset]": "given_back"},
        takes=150.0,
    ),
)
