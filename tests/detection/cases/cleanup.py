"""Defects that break a promise of tests/scenarios/test_cleanup.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, ESTABLISHMENT, HEARTBEAT, LATENCY, REJECTION, TLS

__all__ = ["CASES"]

CASES = (
    Case(
        defect="keep_dead_connections",
        caught_by="test_cleanup.py::test_dead_peers_are_released[vanished]",
        finding="released_within",
        sentinels=(CLEANUP, HEARTBEAT, REJECTION),
        also={
            "test_cleanup.py::test_dead_peers_are_released[partition-to-server]": "released_within",
            "test_cleanup.py::test_dead_peers_are_released[stalled-reader]": "released_within",
        },
    ),
    Case(
        defect="keep_after_reset",
        caught_by=CLEANUP,
        finding="statistics_agree",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="half_closed_kept",
        caught_by="test_cleanup.py::test_ended_connections_are_released[half-close]",
        finding="released_within",
        sentinels=(CLEANUP, HEARTBEAT),
        also={
            "test_cleanup.py::test_ended_connections_are_released[slow-close]": "released_within",
        },
    ),
    Case(
        defect="torn_frame_kept",
        caught_by="test_cleanup.py::test_ended_connections_are_released[crash-mid-frame]",
        finding="statistics_agree",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="waits_for_room_behind_the_end",
        caught_by="test_cleanup.py::test_dead_peers_are_released[full-buffers]",
        finding="tasks_given_back",
        sentinels=(CLEANUP, HEARTBEAT, "test_cleanup.py::test_dead_peers_are_released[stalled-reader]"),
    ),
    Case(
        defect="partial_message_kept",
        caught_by="test_cleanup.py::test_ended_connections_are_released[crash-mid-message]",
        finding="statistics_agree",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="dies_of_a_reset",
        caught_by=CLEANUP,
        finding="server_survived",
        sentinels=(
            HEARTBEAT,
            ESTABLISHMENT,
        ),
    ),
    Case(
        defect="keep_half_frames",
        caught_by="test_cleanup.py::test_ended_connections_are_released[truncated]",
        finding="statistics_agree",
        sentinels=(
            "test_cleanup.py::test_ended_connections_are_released[proxy-down]",
            CLEANUP,
        ),
    ),
    Case(
        defect="leavers_counted_in_batches",
        caught_by="test_cleanup.py::test_nothing_is_left_of_a_churn[churn]",
        finding="statistics_agree",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="acknowledged_is_alive",
        caught_by="test_cleanup.py::test_dead_peers_are_released[silent]",
        finding="released_within",
        sentinels=("test_cleanup.py::test_dead_peers_are_released[vanished]", CLEANUP, HEARTBEAT),
        also={
            "test_cleanup.py::test_dead_peers_are_released[half-open]": "released_within",
        },
    ),
    Case(
        defect="unacknowledged_is_slow",
        caught_by="test_cleanup.py::test_dead_peers_are_released[partition-to-client]",
        finding="released_within",
        sentinels=("test_cleanup.py::test_dead_peers_are_released[silent]", CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="nobody_dies_on_a_slow_network",
        caught_by="test_cleanup.py::test_dead_peers_among_slow_ones[latency+vanished]",
        finding="released_within",
        sentinels=(CLEANUP, HEARTBEAT),
        also={"test_cleanup.py::test_dead_peers_among_slow_ones[latency+silent]": "released_within"},
    ),
    Case(
        defect="resets_keep_their_file",
        caught_by=CLEANUP,
        finding="files_given_back",
        sentinels=(HEARTBEAT, "test_cleanup.py::test_ended_connections_are_released[fin-without-close]"),
        also={
            "test_cleanup.py::test_ended_connections_are_released[injected-reset]": "files_given_back",
            "test_cleanup.py::test_ended_connections_are_released[socket-killed]": "files_given_back",
            "test_cleanup.py::test_ended_connections_are_released[reset]": "files_given_back",
            "test_cleanup.py::test_nothing_is_left_of_a_churn[churn]": "files_given_back",
        },
        elsewhere={"leak_free": "one file is kept of each reset"},
    ),
    Case(
        defect="helpers_are_not_waited_for",
        caught_by="test_cleanup.py::test_ended_connections_are_released[fin-without-close]",
        finding="processes_given_back",
        sentinels=(HEARTBEAT, LATENCY),
        also={
            "test_cleanup.py::test_ended_connections_are_released[client-killed]": "processes_given_back",
            "test_cleanup.py::test_ended_connections_are_released[proxy-down]": "processes_given_back",
            "test_cleanup.py::test_ended_connections_are_released[timeout]": "processes_given_back",
        },
    ),
    Case(
        defect="truncated_tls_is_no_end",
        caught_by="test_cleanup.py::test_ended_connections_are_released[tls-truncated]",
        finding="statistics_agree",
        sentinels=(CLEANUP, HEARTBEAT),
        target=TLS,
    ),
    Case(
        defect="sweeps_less_often_while_calm",
        caught_by="test_cleanup.py::test_dead_peers_are_released_whenever_they_die[vanished]",
        finding="released_each_time",
        sentinels=(CLEANUP, HEARTBEAT, REJECTION),
        also={
            f"test_cleanup.py::test_dead_peers_are_released_whenever_they_die[{fault}]": "released_each_time"
            for fault in ("partition-to-server", "partition-to-client", "silent", "stalled-reader", "half-open")
        },
    ),
    Case(
        defect="full_buffers_are_an_excuse",
        caught_by="test_cleanup.py::test_dead_peers_are_released[full-buffers]",
        finding="released_within",
        sentinels=("test_cleanup.py::test_dead_peers_are_released[stalled-reader]", CLEANUP, HEARTBEAT),
    ),
)
