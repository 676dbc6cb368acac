"""Defects that break a promise of tests/scenarios/test_closing.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, HEARTBEAT

__all__ = ["CASES"]

CLOSING = "test_closing.py::test_graceful_shutdown[calm]"

CASES = (
    Case(
        defect="shutdown_without_close_frames",
        caught_by="test_closing.py::test_graceful_shutdown[calm]",
        finding="closed_with",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="shutdown_waits_for_everyone",
        caught_by="test_closing.py::test_graceful_shutdown[stalled-reader]",
        finding="shut_down_within",
        sentinels=(HEARTBEAT, "test_closing.py::test_graceful_shutdown[calm]"),
    ),
    Case(
        defect="shutdown_one_by_one",
        caught_by="test_closing.py::test_graceful_shutdown[latency]",
        finding="shut_down_within",
        sentinels=(
            CLOSING,
            HEARTBEAT,
        ),
    ),
    Case(
        defect="shutdown_says_goodbye_for_good",
        caught_by=CLOSING,
        finding="closed_with",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
)
