"""Defects that break a promise of tests/scenarios/test_leak_free.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, HEARTBEAT, LATENCY, REJECTION, TLS, TURNED_AWAY

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
        also={
            "test_leak_free.py::test_nothing_kept_of_what_was_half_done[half-close]": "fds_not_kept",
            "test_leak_free.py::test_nothing_kept_of_what_was_half_done[crash-mid-frame]": "fds_not_kept",
            "test_leak_free.py::test_nothing_kept_of_what_was_half_done[crash-mid-message]": "fds_not_kept",
            "test_leak_free.py::test_nothing_kept_of_crashes_around_the_upgrade[crash-mid-handshake]": "fds_not_kept",
            "test_leak_free.py::test_nothing_kept[reset]": "fds_not_kept",
        },
        elsewhere={"cleanup": "ten that end without a close frame leave ten files"},
        takes=150.0,
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
        sentinels=(HEARTBEAT, LATENCY),
        elsewhere={"cleanup": "a task of each connection that has ended is left, whatever ended it"},
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
        also={
            "test_leak_free.py::test_nothing_kept_of_dead_peers[silent]": "fds_not_kept",
            "test_leak_free.py::test_nothing_kept_of_dead_peers[stalled-reader]": "fds_not_kept",
        },
    ),
    Case(
        defect="refusals_keep_their_file",
        caught_by="test_leak_free.py::test_nothing_kept_of_who_is_turned_away[burst]",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        takes=60.0,
    ),
    Case(
        defect="bad_requests_keep_their_file",
        caught_by="test_leak_free.py::test_nothing_kept_of_broken_handshakes[hostile-handshakes]",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        takes=60.0,
    ),
    Case(
        defect="late_requests_keep_their_file",
        caught_by="test_leak_free.py::test_nothing_kept_of_requests_that_never_end[slow-loris]",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        takes=60.0,
    ),
    Case(
        defect="idle_close_keeps_its_file",
        caught_by="test_leak_free.py::test_nothing_kept_of_who_is_closed_for_idling",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        takes=60.0,
    ),
    Case(
        defect="the_old_stay_in_the_timetable",
        caught_by="test_leak_free.py::test_nothing_kept_of_who_reaches_the_maximum_age",
        finding="memory_not_kept",
        sentinels=(HEARTBEAT, CLEANUP, "test_liveness.py::test_no_connection_gets_too_old[calm]"),
        takes=300.0,
    ),
    Case(
        defect="rejections_are_kept_with_their_frames",
        caught_by="test_leak_free.py::test_nothing_kept_of_who_meets_an_open_breaker[upstream-errors]",
        finding="memory_not_kept",
        sentinels=(HEARTBEAT, CLEANUP, TURNED_AWAY),
        takes=60.0,
    ),
    Case(
        defect="goodbyes_kept_for_resumption",
        caught_by="test_leak_free.py::test_nothing_kept[calm]",
        finding="memory_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="a_thread_for_each_reset",
        caught_by="test_leak_free.py::test_nothing_kept[client-reset]",
        finding="threads_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="a_session_for_everybody",
        caught_by="test_leak_free.py::test_nothing_kept[client-reset]",
        finding="sessions_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="broken_frames_keep_their_file",
        caught_by="test_leak_free.py::test_nothing_kept_of_broken_frames[hostile-frames]",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        takes=60.0,
    ),
    Case(
        defect="floods_keep_their_file",
        caught_by="test_leak_free.py::test_nothing_kept_of_who_floods[flooding-member]",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        takes=60.0,
    ),
    Case(
        defect="closes_that_time_out_keep_their_file",
        caught_by="test_leak_free.py::test_nothing_kept_of_who_holds_on_after_its_close[close-held]",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        takes=60.0,
    ),
    Case(
        defect="dead_letters_are_kept",
        caught_by="test_leak_free.py::test_nothing_kept_of_slow_consumers[stalled-reader]",
        finding="memory_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        takes=60.0,
    ),
    Case(
        defect="truncated_tls_keeps_its_file",
        caught_by="test_leak_free.py::test_nothing_kept_of_what_was_half_done[tls-truncated]",
        finding="fds_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
        target=TLS,
        takes=60.0,
    ),
    Case(
        defect="late_handshakes_stay_in_their_table",
        caught_by="test_leak_free.py::test_nothing_kept_of_requests_that_never_end[tls-stall]",
        finding="memory_not_kept",
        sentinels=(HEARTBEAT, CLEANUP, "test_survival.py::test_honest_beside_a_slow_crowd[tls-stall]"),
        target=TLS,
        takes=60.0,
    ),
)
