"""Defects that break a promise of tests/scenarios/test_liveness.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, ESTABLISHMENT, HEARTBEAT, NO_CLOCK

__all__ = ["CASES"]

CASES = (
    Case(
        defect="ping_every_other_time",
        caught_by=HEARTBEAT,
        finding="pinged_at_period",
        sentinels=(ESTABLISHMENT, CLEANUP),
        also={
            "test_liveness.py::test_heartbeat[latency]": "pinged_at_period",
        },
    ),
    Case(
        defect="cut_slow_peers",
        caught_by="test_liveness.py::test_slow_peer_stays[calm]",
        finding="undisturbed",
        sentinels=(ESTABLISHMENT, CLEANUP, HEARTBEAT),
        also={
            "test_liveness.py::test_slow_peer_stays[bandwidth]": "undisturbed",
            "test_liveness.py::test_slow_peer_stays[jitter]": "undisturbed",
            "test_liveness.py::test_slow_peer_stays[latency]": "undisturbed",
        },
    ),
    Case(
        defect="cut_unacknowledged",
        caught_by="test_liveness.py::test_peer_on_a_bad_network_stays[partition-to-client]",
        finding="undisturbed",
        sentinels=(ESTABLISHMENT, CLEANUP, HEARTBEAT, "test_liveness.py::test_slow_peer_stays[calm]"),
        also={
            "test_liveness.py::test_peer_on_a_bad_network_stays[packet-loss]": "undisturbed",
            "test_liveness.py::test_peer_on_a_bad_network_stays[latency+lossy-link]": "undisturbed",
            "test_liveness.py::test_peer_on_a_bad_network_stays[partition]": "undisturbed",
            "test_liveness.py::test_peer_on_a_bad_network_stays[partition-to-server]": "undisturbed",
        },
    ),
    Case(
        defect="pings_are_for_a_short_line",
        caught_by="test_liveness.py::test_peer_on_a_bad_network_stays[bottleneck]",
        finding="undisturbed",
        sentinels=(ESTABLISHMENT, CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="cut_everyone_after_pause",
        caught_by="test_liveness.py::test_paused_server_cuts_nobody[server-stopped]",
        finding="undisturbed",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="idle_never_closed",
        caught_by="test_liveness.py::test_idle_clients[calm]",
        finding="closed_when_idle",
        sentinels=(HEARTBEAT, CLEANUP),
        also={
            "test_liveness.py::test_idle_clients[latency]": "closed_when_idle",
        },
    ),
    Case(
        defect="idle_timer_not_reset",
        caught_by="test_liveness.py::test_warned_client_that_answers_stays",
        finding="undisturbed",
        sentinels=(CLEANUP, ESTABLISHMENT),
    ),
    Case(
        defect="age_starts_anew",
        caught_by="test_liveness.py::test_no_connection_gets_too_old[calm]",
        finding="closed_by_age",
        sentinels=(
            HEARTBEAT,
            CLEANUP,
        ),
        also={
            "test_liveness.py::test_no_connection_gets_too_old[latency]": "closed_by_age",
        },
    ),
    Case(
        defect="alive_by_the_wall_clock",
        caught_by="test_liveness.py::test_clock_that_is_set_cuts_nobody[clock-jump]",
        finding="undisturbed",
        sentinels=(HEARTBEAT, CLEANUP),
        not_in=NO_CLOCK,
    ),
    Case(
        defect="pongs_due_by_the_wall_clock",
        caught_by="test_liveness.py::test_dead_peers_though_the_clock_is_set[clock-set-back]",
        finding="released_within",
        sentinels=(HEARTBEAT, CLEANUP, "test_liveness.py::test_clock_that_is_set_cuts_nobody[clock-set-back]"),
        not_in=NO_CLOCK,
    ),
    Case(
        defect="idle_by_the_wall_clock",
        caught_by="test_liveness.py::test_idle_clients_though_the_clock_is_set[clock-set-back]",
        finding="closed_when_idle",
        sentinels=(HEARTBEAT, CLEANUP, "test_liveness.py::test_idle_clients[calm]"),
        not_in=NO_CLOCK,
    ),
    Case(
        defect="idle_swept_by_the_wall_clock",
        caught_by="test_liveness.py::test_idle_clients_though_the_clock_is_set[clock-jump]",
        finding="closed_when_idle",
        sentinels=(HEARTBEAT, CLEANUP, "test_liveness.py::test_idle_clients_though_the_clock_is_set[clock-set-back]"),
        not_in=NO_CLOCK,
    ),
    Case(
        defect="beats_by_the_wall_clock",
        caught_by="test_liveness.py::test_clock_that_is_set_cuts_nobody[clock-set-back]",
        finding="pinged_at_period",
        sentinels=(HEARTBEAT, CLEANUP),
        not_in=NO_CLOCK,
    ),
    Case(
        defect="old_by_the_wall_clock",
        caught_by="test_liveness.py::test_age_though_the_clock_is_set[clock-set-back]",
        finding="closed_by_age",
        sentinels=(HEARTBEAT, CLEANUP),
        not_in=NO_CLOCK,
    ),
    Case(
        defect="old_swept_by_the_wall_clock",
        caught_by="test_liveness.py::test_age_though_the_clock_is_set[clock-jump]",
        finding="closed_by_age",
        sentinels=(HEARTBEAT, CLEANUP, "test_liveness.py::test_age_though_the_clock_is_set[clock-set-back]"),
        not_in=NO_CLOCK,
    ),
    Case(
        defect="heartbeat_waits_for_each",
        caught_by="test_liveness.py::test_heartbeat_beside_others[silent]",
        finding="pinged_at_period",
        sentinels=(
            HEARTBEAT,
            ESTABLISHMENT,
        ),
    ),
    Case(
        defect="idle_warning_too_late",
        caught_by="test_liveness.py::test_idle_clients[calm]",
        finding="warned_before_close",
        sentinels=(
            HEARTBEAT,
            CLEANUP,
        ),
    ),
    Case(
        defect="idle_loop_dies_of_an_error",
        caught_by="test_liveness.py::test_idle_clients_beside_others[client-reset]",
        finding="closed_when_idle",
        sentinels=(
            HEARTBEAT,
            CLEANUP,
        ),
    ),
    Case(
        defect="cut_torn_frames",
        caught_by="test_liveness.py::test_slow_peer_stays[sliced]",
        finding="undisturbed",
        sentinels=(
            "test_liveness.py::test_slow_peer_stays[latency]",
            CLEANUP,
        ),
    ),
    Case(
        defect="heartbeat_dies_of_an_error",
        caught_by="test_liveness.py::test_heartbeat_beside_others[client-reset]",
        finding="pinged_at_period",
        sentinels=(HEARTBEAT, ESTABLISHMENT),
        elsewhere={"pressure": "whom a client that has gone has left without pings is without them there as well"},
        also={
            "test_liveness.py::test_heartbeat_beside_others[fin-without-close]": "pinged_at_period",
        },
    ),
    Case(
        defect="heartbeat_waits_for_room",
        caught_by="test_liveness.py::test_heartbeat_beside_others[stalled-reader]",
        finding="pinged_at_period",
        sentinels=(HEARTBEAT, "test_liveness.py::test_heartbeat_beside_others[silent]"),
    ),
    Case(
        defect="idle_clients_closed_in_turn",
        caught_by="test_liveness.py::test_idle_clients_beside_others[vanished]",
        finding="closed_when_idle",
        sentinels=(
            "test_liveness.py::test_idle_clients[calm]",
            "test_liveness.py::test_idle_clients_beside_others[client-reset]",
        ),
    ),
    Case(
        defect="any_pong_answers_every_ping",
        caught_by="test_liveness.py::test_peer_that_answers_too_late_is_dead[late-pongs]",
        finding="released_within",
        sentinels=("test_cleanup.py::test_dead_peers_are_released[silent]", CLEANUP, HEARTBEAT),
    ),
)
