"""Defects that break a promise of tests/scenarios/test_leak_free.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, HEARTBEAT, LATENCY, REJECTION

__all__ = ["CASES"]

CASES = (
    Case(
        defect="leak_memory_per_connection",
        caught_by="test_leak_free.py::test_nothing_kept[client-reset]",
        finding="memory_not_kept",
        sentinels=(HEARTBEAT, REJECTION),
    ),
    Case(
        defect="leak_fd_per_connection",
        caught_by="test_leak_free.py::test_nothing_kept[fin-without-close]",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, REJECTION),
        elsewhere={"cleanup": "ten that end without a close frame leave ten files"},
    ),
    Case(
        defect="keep_session_per_connection",
        caught_by="test_leak_free.py::test_nothing_kept[client-reset]",
        finding="connections_not_kept",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="keep_task_per_connection",
        caught_by="test_leak_free.py::test_nothing_kept[client-reset]",
        finding="tasks_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="leak_fd_per_dead_peer",
        caught_by="test_leak_free.py::test_nothing_kept_of_dead_peers[vanished]",
        finding="fds_not_kept",
        sentinels=(
            HEARTBEAT,
            "test_leak_free.py::test_nothing_kept[client-reset]",
        ),
        elsewhere={"cleanup": "ten that are found dead leave ten files"},
    ),
    Case(
        defect="goodbyes_kept_for_resumption",
        caught_by="test_leak_free.py::test_nothing_kept[calm]",
        finding="memory_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
)
