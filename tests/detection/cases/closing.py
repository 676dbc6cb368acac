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
        also={"test_closing.py::test_graceful_shutdown[full-buffers]": "shut_down_within"},
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
        also={
            "test_closing.py::test_graceful_shutdown[silent]": "closed_with",
            "test_closing.py::test_graceful_shutdown[vanished]": "closed_with",
        },
    ),
    Case(
        defect="drops_the_queue_at_shutdown",
        caught_by="test_closing.py::test_answers_come_before_the_close_frame",
        finding="answers_first",
        sentinels=(CLOSING, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="cuts_behind_its_close_frame",
        caught_by="test_closing.py::test_broadcasts_come_before_the_close_frame",
        finding="broadcasts_first",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="answers_the_close_at_once",
        caught_by="test_closing.py::test_answers_come_before_a_clients_close_is_answered",
        finding="answers_first",
        sentinels=(CLOSING, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="shutdown_waits_for_the_reset",
        caught_by="test_closing.py::test_nobody_who_has_left_holds_up_a_shutdown[churn]",
        finding="shut_down_within",
        sentinels=(CLOSING, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="leaves_tcp_to_its_clients",
        caught_by="test_closing.py::test_a_clients_close_is_answered",
        finding="close_answered",
        sentinels=(CLOSING, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="waits_for_the_close_forever",
        caught_by="test_closing.py::test_a_close_that_nobody_answers[close-unanswered]",
        finding="released_within",
        also={"test_closing.py::test_a_close_after_which_tcp_is_held[close-held]": "released_within"},
        sentinels=(CLOSING, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="cuts_who_answers_the_close_late",
        caught_by="test_closing.py::test_a_late_answer_to_the_close_is_waited_for",
        finding="late_answer_awaited",
        sentinels=(
            CLOSING,
            HEARTBEAT,
            CLEANUP,
            "test_closing.py::test_a_close_that_nobody_answers[close-unanswered]",
        ),
    ),
    Case(
        defect="helper_inherits_the_listener",
        caught_by="test_closing.py::test_graceful_restart",
        finding="nothing_left_behind",
        sentinels=(CLOSING, HEARTBEAT, CLEANUP),
        not_in={"containers": "what outlives the first process of a container dies with it"},
    ),
)
