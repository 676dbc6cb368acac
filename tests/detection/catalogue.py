"""Which scenario catches which defect, with which finding, and which scenarios must stay green beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CASES", "Case"]

ESTABLISHMENT = "test_establishment.py::test_simultaneous[calm]"
REJECTION = "test_rejection.py::test_burst_beyond_the_limit[burst]"
CLEANUP = "test_cleanup.py::test_ended_connections_are_released[client-reset]"
HEARTBEAT = "test_liveness.py::test_heartbeat[calm]"
LATENCY = "test_latency.py::test_round_trips[calm]"
DELIVERY = "test_delivery.py::test_slow_consumer_hurts_only_itself[calm]"
STOPPED_CONSUMER = "test_delivery.py::test_stopped_consumer_is_removed[stalled-reader]"
CLOSING = "test_closing.py::test_graceful_shutdown[calm]"
BROKEN_FRAMES = "test_survival.py::test_broken_frames[hostile-frames]"
ALLOWED_FRAMES = "test_survival.py::test_allowed_frames[hostile-frames]"
MESSAGE_SIZES = "test_survival.py::test_message_sizes[hostile-frames]"
WHOLE = "test_delivery.py::test_messages_arrive_whole[calm]"
BROADCASTS = "test_delivery.py::test_broadcasts_arrive_whole[calm]"
RECONNECT = "test_delivery.py::test_nothing_is_lost_through_a_reconnect[client-reset]"
LIVELY = "test_fairness.py::test_a_lively_client_stays"
TRIAL = "test_breaker.py::test_tries_again[upstream-errors]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A defect of the reference server, by its file name in targets/reference/defects."""

    defect: str
    caught_by: str
    """File, test and fault of the scenario that goes red, below tests/scenarios."""
    finding: str
    """The expectation that is violated."""
    sentinels: tuple[str, ...]
    """Scenarios of other promises that it should not touch."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Other promises that break with it, as they have to, each with the reason: not excused are the sentinels."""
    not_in: Mapping[str, str] = field(default_factory=dict)
    """Runtimes that cannot ask for what it breaks, each with the reason."""

    options: tuple[str, ...] = ()
    """What pytest has to be told besides, for the defect to show: how long a soak lasts."""
    target: str = ""
    """The target file, where the defect shows on another one than the reference's own; then only the cell that catches
    it and its sentinels run: the others need not be there."""
    takes: float = 0.0
    """Seconds that it takes beyond what its form allows."""

    @property
    def promise(self) -> str:
        """The promise it breaks, by the file of the scenario that catches it."""
        return self.caught_by.partition(".py")[0].removeprefix("test_")


SOAK = ("--chaos-soak=1m",)
SOAKED = 120.0
"""Seconds of a minute's soak, and of reading what it recorded."""

TLS = "targets/reference/tls.toml"
NO_TLS = {"containers": "a certificate is issued in the processes runtime only"}

NO_SETTINGS = {"containers": "a container keeps the environment that it was made with"}

OPENS = "test_breaker.py::test_opens_at_threshold[upstream-errors]"
TURNED_AWAY = "test_accept_breaker.py::test_turns_away_while_open[upstream-errors]"

WITHOUT_CPU = "test_pressure.py::test_heartbeat_without_cpu[cpu-quota]"
WITHOUT_MEMORY = "test_pressure.py::test_full_house_without_memory[memory-limit]"

CASES = (
    Case(
        defect="serve_one_at_a_time",
        caught_by=ESTABLISHMENT,
        finding="established",
        sentinels=("test_establishment.py::test_sequential[calm]",),
    ),
    Case(
        defect="accept_beyond_limit",
        caught_by=REJECTION,
        finding="rejected_gracefully",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="places_not_given_back",
        caught_by="test_rejection.py::test_places_are_given_again[burst]",
        finding="established",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="no_backpressure_warning",
        caught_by="test_rejection.py::test_warned_when_nearly_full",
        finding="warned",
        sentinels=(REJECTION, HEARTBEAT),
    ),
    Case(
        defect="warned_at_half_of_it",
        caught_by="test_rejection.py::test_warned_when_nearly_full",
        finding="not_warned_early",
        sentinels=(REJECTION, HEARTBEAT),
    ),
    Case(
        defect="keep_dead_connections",
        caught_by="test_cleanup.py::test_dead_peers_are_released[vanished]",
        finding="released_within",
        sentinels=(CLEANUP, HEARTBEAT, REJECTION),
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
    ),
    Case(
        defect="torn_frame_kept",
        caught_by="test_cleanup.py::test_ended_connections_are_released[crash-mid-frame]",
        finding="statistics_agree",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="partial_message_kept",
        caught_by="test_cleanup.py::test_ended_connections_are_released[crash-mid-message]",
        finding="statistics_agree",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="ping_every_other_time",
        caught_by=HEARTBEAT,
        finding="pinged_at_period",
        sentinels=(ESTABLISHMENT, CLEANUP),
    ),
    Case(
        defect="cut_slow_peers",
        caught_by="test_liveness.py::test_slow_peer_stays[calm]",
        finding="undisturbed",
        sentinels=(ESTABLISHMENT, CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="cut_unacknowledged",
        caught_by="test_liveness.py::test_peer_on_a_bad_network_stays[partition-to-client]",
        finding="undisturbed",
        sentinels=(ESTABLISHMENT, CLEANUP, HEARTBEAT, "test_liveness.py::test_slow_peer_stays[calm]"),
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
    ),
    Case(
        defect="idle_timer_not_reset",
        caught_by="test_liveness.py::test_warned_client_that_answers_stays",
        finding="undisturbed",
        sentinels=(CLEANUP, ESTABLISHMENT),
    ),
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
    ),
    Case(
        defect="keep_session_per_connection",
        caught_by="test_leak_free.py::test_nothing_kept[client-reset]",
        finding="sessions_not_kept",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="keep_task_per_connection",
        caught_by="test_leak_free.py::test_nothing_kept[client-reset]",
        finding="tasks_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="breaker_opens_late",
        caught_by="test_breaker.py::test_opens_at_threshold[upstream-errors]",
        finding="opened_after",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="breaker_calls_while_open",
        caught_by="test_breaker.py::test_spares_the_upstream[upstream-errors]",
        finding="upstream_left_alone",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="breaker_never_half_opens",
        caught_by="test_breaker.py::test_closes_again[upstream-errors]",
        finding="calls_answered",
        sentinels=("test_breaker.py::test_opens_at_threshold[upstream-errors]", HEARTBEAT),
    ),
    Case(
        defect="breaker_opens_on_first_failure",
        caught_by="test_breaker.py::test_one_failure_changes_nothing[upstream-errors]",
        finding="calls_answered",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="accept_breaker_never_opens",
        caught_by="test_accept_breaker.py::test_turns_away_while_open[upstream-errors]",
        finding="turned_away_while_open",
        sentinels=(HEARTBEAT, "test_breaker.py::test_opens_at_threshold[upstream-errors]"),
    ),
    Case(
        defect="block_loop_on_connect",
        caught_by="test_latency.py::test_while_others_misbehave[burst]",
        finding="round_trips_within",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="slow_to_start_serving",
        caught_by="test_recovery.py::test_after_a_crash[server-killed]",
        finding="recovered_within",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="stops_accepting_after_shortage",
        caught_by="test_pressure.py::test_after_files_were_short[fd-limit]",
        finding="recovered_within",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="broadcast_waits_for_slowest",
        caught_by="test_delivery.py::test_slow_consumer_hurts_only_itself[stalled-reader]",
        finding="delivered_in_sequence",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
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
        defect="age_starts_anew",
        caught_by="test_liveness.py::test_no_connection_gets_too_old[calm]",
        finding="closed_by_age",
        sentinels=(
            HEARTBEAT,
            CLEANUP,
        ),
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
        defect="dies_of_a_reset",
        caught_by=CLEANUP,
        finding="server_survived",
        sentinels=(
            HEARTBEAT,
            ESTABLISHMENT,
        ),
    ),
    Case(
        defect="places_reserved_for_the_dead",
        caught_by="test_rejection.py::test_places_of_the_dead_are_given_again[vanished]",
        finding="established",
        sentinels=(
            "test_rejection.py::test_places_are_given_again[burst]",
            CLEANUP,
        ),
    ),
    Case(
        defect="leak_fd_per_dead_peer",
        caught_by="test_leak_free.py::test_nothing_kept_of_dead_peers[vanished]",
        finding="fds_not_kept",
        sentinels=(
            HEARTBEAT,
            "test_leak_free.py::test_nothing_kept[client-reset]",
        ),
    ),
    Case(
        defect="upstream_asked_three_times",
        caught_by="test_breaker.py::test_gives_a_hanging_call_up[upstream-hangs]",
        finding="given_up_within",
        sentinels=(
            TRIAL,
            HEARTBEAT,
        ),
    ),
    Case(
        defect="breaker_waits_while_open",
        caught_by="test_breaker.py::test_spares_the_upstream[upstream-errors]",
        finding="answered_while_open",
        sentinels=(
            "test_breaker.py::test_one_failure_changes_nothing[upstream-errors]",
            HEARTBEAT,
        ),
    ),
    Case(
        defect="breaker_stampede_of_trials",
        caught_by="test_breaker.py::test_trials_are_no_stampede[upstream-errors]",
        finding="upstream_called",
        sentinels=(
            TRIAL,
            "test_breaker.py::test_spares_the_upstream[upstream-errors]",
        ),
    ),
    Case(
        defect="breaker_tries_too_early",
        caught_by=TRIAL,
        finding="follows_the_breaker_model",
        sentinels=(
            "test_breaker.py::test_spares_the_upstream[upstream-errors]",
            "test_breaker.py::test_opens_at_threshold[upstream-errors]",
        ),
    ),
    Case(
        defect="block_loop_on_cleanup",
        caught_by="test_latency.py::test_while_others_misbehave[vanished]",
        finding="round_trips_within",
        sentinels=(
            LATENCY,
            "test_latency.py::test_while_others_misbehave[client-reset]",
        ),
    ),
    Case(
        defect="keep_slow_consumers",
        caught_by=STOPPED_CONSUMER,
        finding="released_within",
        sentinels=(
            DELIVERY,
            CLEANUP,
        ),
    ),
    Case(
        defect="cut_listeners_who_are_behind",
        caught_by="test_delivery.py::test_slow_but_steady_consumer_stays",
        finding="undisturbed",
        sentinels=(
            DELIVERY,
            # Not the consumer that stops: it is cut before its window is shut, so nobody has seen that it had stopped.
            HEARTBEAT,
        ),
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
        defect="accepts_unmasked_frames",
        caught_by=BROKEN_FRAMES,
        finding="answered_as_allowed",
        sentinels=(ALLOWED_FRAMES, MESSAGE_SIZES, HEARTBEAT),
    ),
    Case(
        defect="dies_of_bad_utf8",
        caught_by=BROKEN_FRAMES,
        finding="server_survived",
        sentinels=(ALLOWED_FRAMES, CLEANUP),
    ),
    Case(
        defect="no_header_deadline",
        caught_by="test_survival.py::test_unfinished_requests[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", BROKEN_FRAMES),
    ),
    Case(
        defect="half_made_requests_take_places",
        caught_by="test_survival.py::test_honest_beside_a_slow_crowd[slow-loris]",
        finding="established",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", HEARTBEAT),
    ),
    Case(
        defect="no_message_size_limit",
        caught_by=MESSAGE_SIZES,
        finding="answered_as_allowed",
        sentinels=(ALLOWED_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="oversize_closed_with_wrong_code",
        caught_by=MESSAGE_SIZES,
        finding="answered_as_allowed",
        sentinels=(ALLOWED_FRAMES, HEARTBEAT),
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
        defect="keep_half_frames",
        caught_by="test_cleanup.py::test_ended_connections_are_released[truncated]",
        finding="statistics_agree",
        sentinels=(
            "test_cleanup.py::test_ended_connections_are_released[proxy-down]",
            CLEANUP,
        ),
    ),
    Case(
        defect="ban_after_a_storm",
        caught_by="test_recovery.py::test_after_flapping[flapping]",
        finding="recovered_within",
        sentinels=(
            "test_recovery.py::test_after_the_network[proxy-down]",
            CLEANUP,
        ),
    ),
    Case(
        defect="breaker_counts_no_timeouts",
        caught_by="test_breaker.py::test_opens_at_threshold[upstream-hangs]",
        finding="opened_after",
        sentinels=(OPENS, HEARTBEAT),
    ),
    Case(
        defect="breaker_retries_at_once_after_a_trial",
        caught_by=TRIAL,
        finding="upstream_called",
        sentinels=(OPENS, HEARTBEAT),
    ),
    Case(
        defect="breaker_rejections_count_as_failures",
        caught_by=TRIAL,
        finding="upstream_called",
        sentinels=(OPENS, HEARTBEAT),
    ),
    Case(
        defect="breaker_success_keeps_the_count",
        caught_by="test_breaker.py::test_success_clears_the_count[upstream-errors]",
        finding="calls_answered",
        sentinels=(OPENS, "test_breaker.py::test_one_failure_changes_nothing[upstream-errors]"),
    ),
    Case(
        defect="accept_breaker_counts_no_timeouts",
        caught_by="test_accept_breaker.py::test_turns_away_while_open[upstream-hangs]",
        finding="turned_away_while_open",
        sentinels=(TURNED_AWAY, HEARTBEAT),
    ),
    Case(
        defect="accept_breaker_stays_open",
        caught_by="test_accept_breaker.py::test_lets_clients_in_again[upstream-errors]",
        finding="established",
        sentinels=(TURNED_AWAY, TRIAL),
    ),
    Case(
        defect="accept_breaker_opens_late",
        caught_by=TURNED_AWAY,
        finding="turned_away_while_open",
        sentinels=(OPENS, HEARTBEAT),
    ),
    Case(
        defect="replies_wait_for_the_log",
        caught_by=LATENCY,
        finding="round_trips_within",
        sentinels=(HEARTBEAT, CLEANUP),
        elsewhere={"fairness": "of a hundred answers that a lively client awaits every tenth waits for the log"},
    ),
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
    Case(
        defect="place_given_back_twice",
        caught_by="test_rejection.py::test_the_limit_after_a_churn[churn]",
        finding="rejected_gracefully",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="leavers_counted_in_batches",
        caught_by="test_cleanup.py::test_nothing_is_left_of_a_churn[churn]",
        finding="statistics_agree",
        sentinels=(HEARTBEAT, LATENCY),
    ),
    Case(
        defect="places_given_back_by_a_timer",
        caught_by="test_recovery.py::test_after_a_reconnect_storm[reconnect-storm]",
        finding="recovered_within",
        sentinels=("test_recovery.py::test_after_a_mass_death[client-killed]", CLEANUP),
        elsewhere={"rejection": "who comes after others have left finds their places taken"},
    ),
    Case(
        defect="broadcast_loses_every_fourth",
        caught_by=DELIVERY,
        finding="delivered_in_sequence",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="polls_answer_from_a_cache",
        caught_by="test_delivery.py::test_who_is_cut_off_goes_on_by_polling[client-reset]",
        finding="polled_in_time",
        sentinels=(DELIVERY, HEARTBEAT),
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
    ),
    Case(
        defect="shutdown_says_goodbye_for_good",
        caught_by=CLOSING,
        finding="closed_with",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="alert_compares_with_a_percentage",
        caught_by="test_observability.py::test_alert_when_nearly_full[calm]",
        finding="alert_raised",
        sentinels=(REJECTION, "test_rejection.py::test_warned_when_nearly_full"),
    ),
    Case(
        defect="alerts_are_never_taken_back",
        caught_by="test_observability.py::test_alert_when_full[burst]",
        finding="alert_gone",
        sentinels=(REJECTION, HEARTBEAT),
    ),
    Case(
        defect="alert_at_the_first_failure",
        caught_by="test_observability.py::test_alert_while_the_upstream_fails[upstream-errors]",
        finding="alert_not_raised",
        sentinels=(OPENS, HEARTBEAT),
    ),
    Case(
        defect="alert_watches_the_other_breaker",
        caught_by="test_observability.py::test_alert_while_nobody_can_be_let_in[upstream-errors]",
        finding="alert_raised",
        sentinels=(TURNED_AWAY, HEARTBEAT),
    ),
    Case(
        defect="accepted_counted_twice",
        caught_by="test_observability.py::test_clients_are_counted[burst]",
        finding="counter_agrees",
        sentinels=(REJECTION, CLEANUP),
    ),
    Case(
        defect="resets_counted_as_dead",
        caught_by="test_observability.py::test_ends_are_counted[client-reset]",
        finding="counter_agrees",
        sentinels=(CLEANUP, "test_observability.py::test_ends_are_counted[fin-without-close]"),
    ),
    Case(
        defect="fragments_counted_as_messages",
        caught_by="test_observability.py::test_messages_are_counted[crash-mid-message]",
        finding="counter_agrees",
        sentinels=(CLEANUP, "test_observability.py::test_messages_are_counted[calm]"),
    ),
    Case(
        defect="count_is_two_seconds_old",
        caught_by="test_observability.py::test_ends_are_counted[fin-without-close]",
        finding="witnesses_agree",
        sentinels=(HEARTBEAT, "test_observability.py::test_clients_are_counted[burst]"),
        elsewhere={
            "cleanup": "the same count is asked for when everything has settled",
            "recovery": "the same count is asked for after a link that flapped",
            "leak_free": "the same count says how many sessions are kept",
        },
    ),
    Case(
        defect="unreadable_setting_becomes_the_default",
        caught_by="test_settings.py::test_bad_ones_stop_the_start",
        finding="refused_at_start",
        sentinels=("test_settings.py::test_the_limit_is_what_is_set[burst]", HEARTBEAT),
        not_in=NO_SETTINGS,
    ),
    Case(
        defect="limit_is_a_constant",
        caught_by="test_settings.py::test_the_limit_is_what_is_set[burst]",
        finding="rejected_gracefully",
        sentinels=(REJECTION, HEARTBEAT),
        not_in=NO_SETTINGS,
    ),
    Case(
        defect="idle_timeout_is_a_constant",
        caught_by="test_settings.py::test_the_idle_timeout_is_what_is_set",
        finding="closed_when_idle",
        sentinels=("test_liveness.py::test_idle_clients[calm]", CLEANUP),
        not_in=NO_SETTINGS,
    ),
    Case(
        defect="accept_breaker_counts_the_turned_away",
        caught_by="test_accept_breaker.py::test_keeps_users_failures_apart",
        finding="established",
        sentinels=(TURNED_AWAY, "test_survival.py::test_no_right_to_come_in"),
    ),
    Case(
        defect="accept_breaker_keeps_its_threshold",
        caught_by="test_settings.py::test_the_accept_breaker_is_off_where_it_is_set_so[upstream-errors]",
        finding="not_turned_away",
        sentinels=(TURNED_AWAY, OPENS),
        not_in=NO_SETTINGS,
    ),
    Case(
        defect="looks_up_names_of_newcomers",
        caught_by="test_establishment.py::test_sequential[calm]",
        finding="established",
        sentinels=(HEARTBEAT, CLEANUP),
        elsewhere={"accept_breaker": "who comes when the dependency is back waits for the name as well"},
    ),
    Case(
        defect="slows_down_torn_frames",
        caught_by="test_latency.py::test_round_trips[sliced]",
        finding="round_trips_within",
        sentinels=(LATENCY, HEARTBEAT, "test_liveness.py::test_slow_peer_stays[sliced]"),
    ),
    Case(
        defect="block_loop_on_disconnect",
        caught_by="test_latency.py::test_while_others_misbehave[client-reset]",
        finding="round_trips_within",
        sentinels=(LATENCY, HEARTBEAT),
    ),
    Case(
        defect="block_loop_on_flush",
        caught_by="test_latency.py::test_while_others_misbehave[stalled-reader]",
        finding="round_trips_within",
        sentinels=(LATENCY, "test_latency.py::test_while_others_misbehave[client-reset]"),
    ),
    Case(
        defect="heartbeat_dies_of_an_error",
        caught_by="test_liveness.py::test_heartbeat_beside_others[client-reset]",
        finding="pinged_at_period",
        sentinels=(HEARTBEAT, ESTABLISHMENT),
        elsewhere={"pressure": "whom a client that has gone has left without pings is without them there as well"},
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
        defect="acknowledged_is_alive",
        caught_by="test_cleanup.py::test_dead_peers_are_released[silent]",
        finding="released_within",
        sentinels=("test_cleanup.py::test_dead_peers_are_released[vanished]", CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="unacknowledged_is_slow",
        caught_by="test_cleanup.py::test_dead_peers_are_released[partition-to-client]",
        finding="released_within",
        sentinels=("test_cleanup.py::test_dead_peers_are_released[silent]", CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="broadcast_dies_of_an_error",
        caught_by="test_delivery.py::test_slow_consumer_hurts_only_itself[client-reset]",
        finding="delivered_in_sequence",
        sentinels=(DELIVERY, HEARTBEAT),
    ),
    Case(
        defect="dead_counted_by_their_error",
        caught_by="test_observability.py::test_the_dead_are_counted[vanished]",
        finding="counter_agrees",
        sentinels=("test_observability.py::test_ends_are_counted[client-reset]", CLEANUP),
    ),
    Case(
        defect="messages_counted_in_two_places",
        caught_by="test_observability.py::test_messages_are_counted[calm]",
        finding="counter_agrees",
        sentinels=("test_observability.py::test_ends_are_counted[client-reset]", LATENCY),
    ),
    Case(
        defect="alert_hears_of_errors_only",
        caught_by="test_observability.py::test_alert_while_the_upstream_fails[upstream-hangs]",
        finding="alert_raised",
        sentinels=("test_observability.py::test_alert_while_the_upstream_fails[upstream-errors]", OPENS),
    ),
    Case(
        defect="gauge_misses_resets",
        caught_by="test_observability.py::test_alert_when_nearly_full[client-reset]",
        finding="alert_gone",
        sentinels=("test_observability.py::test_alert_when_nearly_full[calm]", REJECTION),
    ),
    Case(
        defect="heartbeat_opens_its_log",
        caught_by="test_pressure.py::test_heartbeat_without_files[fd-limit]",
        finding="pinged_at_period",
        sentinels=("test_pressure.py::test_after_files_were_short[fd-limit]", HEARTBEAT),
    ),
    Case(
        defect="sheds_load_after_a_pause",
        caught_by="test_recovery.py::test_after_a_pause[server-stopped]",
        finding="recovered_within",
        # Not the other scenario that pauses it: whoever came next would be turned away.
        sentinels=(LATENCY, HEARTBEAT),
    ),
    Case(
        defect="hang_ups_trip_a_guard",
        caught_by="test_recovery.py::test_after_a_mass_death[client-killed]",
        finding="recovered_within",
        sentinels=(CLEANUP, HEARTBEAT),
        elsewhere={"rejection": "who comes after many have hung up is turned away as well"},
    ),
    Case(
        defect="newcomers_queue_behind_the_dead",
        caught_by="test_recovery.py::test_after_a_mass_death[vanished]",
        finding="recovered_within",
        sentinels=("test_recovery.py::test_after_a_mass_death[client-killed]", CLEANUP),
        elsewhere={"rejection": "who comes after many have died waits as well"},
    ),
    Case(
        defect="refuses_private_close_codes",
        caught_by=ALLOWED_FRAMES,
        finding="answered_as_allowed",
        sentinels=(BROKEN_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="each_ping_is_written_down",
        caught_by="test_survival.py::test_floods[hostile-frames]",
        finding="undisturbed",
        sentinels=(ALLOWED_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="inflates_without_a_limit",
        caught_by="test_survival.py::test_compression_bomb[hostile-frames]",
        finding="answered_as_allowed",
        sentinels=(MESSAGE_SIZES, HEARTBEAT),
    ),
    Case(
        defect="takes_any_version",
        caught_by="test_survival.py::test_broken_handshakes[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=("test_survival.py::test_allowed_handshakes[hostile-handshakes]", BROKEN_FRAMES),
    ),
    Case(
        defect="refuses_unknown_extensions",
        caught_by="test_survival.py::test_allowed_handshakes[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=(
            "test_survival.py::test_broken_handshakes[hostile-handshakes]",
            "test_survival.py::test_compression_bomb[hostile-frames]",
        ),
    ),
    Case(
        defect="cache_goes_with_the_connection",
        caught_by="test_breaker.py::test_spares_the_upstream[upstream-down]",
        finding="calls_answered",
        sentinels=("test_breaker.py::test_spares_the_upstream[upstream-errors]", OPENS),
    ),
    Case(
        defect="accept_breaker_counts_no_refusals",
        caught_by="test_accept_breaker.py::test_turns_away_while_open[upstream-down]",
        finding="turned_away_while_open",
        sentinels=(TURNED_AWAY, HEARTBEAT),
    ),
    Case(
        defect="upstream_down_for_good",
        caught_by="test_breaker.py::test_closes_again[upstream-down]",
        finding="calls_answered",
        sentinels=("test_breaker.py::test_closes_again[upstream-errors]", OPENS),
        elsewhere={"accept_breaker": "whoever needs the same upstream to get in is kept out as well"},
    ),
    Case(
        defect="hung_calls_are_made_again",
        caught_by="test_breaker.py::test_spares_the_upstream[upstream-hangs]",
        finding="upstream_left_alone",
        sentinels=("test_breaker.py::test_spares_the_upstream[upstream-errors]", OPENS),
    ),
    Case(
        defect="goodbyes_kept_for_resumption",
        caught_by="test_leak_free.py::test_nothing_kept[calm]",
        finding="memory_not_kept",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="unacknowledged_is_overload",
        caught_by="test_recovery.py::test_after_the_network[partition]",
        finding="recovered_within",
        sentinels=("test_recovery.py::test_after_a_mass_death[client-killed]", CLEANUP),
        elsewhere={"rejection": "who comes after many have gone out of reach is turned away as well"},
    ),
    Case(
        defect="leavers_wait_in_a_short_queue",
        caught_by="test_rejection.py::test_places_of_the_dead_are_given_again[client-reset]",
        finding="established",
        sentinels=(CLEANUP, HEARTBEAT),
        elsewhere={"recovery": "a crowd that comes back at once finds the places of its own dead taken"},
    ),
    Case(
        defect="nobody_dies_on_a_slow_network",
        caught_by="test_cleanup.py::test_dead_peers_among_slow_ones[latency+vanished]",
        finding="released_within",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="newcomers_wait_for_each_others_first_word",
        caught_by="test_rejection.py::test_burst_beyond_the_limit[latency+burst]",
        finding="rejected_gracefully",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="trials_go_with_their_callers",
        caught_by="test_breaker.py::test_callers_who_go_take_no_trial_along[upstream-hangs+client-reset]",
        finding="calls_answered",
        sentinels=("test_breaker.py::test_closes_again[upstream-hangs]", OPENS),
    ),
    Case(
        defect="any_pong_answers_every_ping",
        caught_by="test_liveness.py::test_peer_that_answers_too_late_is_dead[late-pongs]",
        finding="released_within",
        sentinels=("test_cleanup.py::test_dead_peers_are_released[silent]", CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="half_requests_keep_their_file",
        caught_by="test_survival.py::test_crashes_around_the_upgrade[crash-mid-handshake]",
        finding="files_given_back",
        sentinels=("test_survival.py::test_unfinished_requests[hostile-handshakes]", CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="breaker_waits_from_the_call",
        caught_by="test_breaker.py::test_tries_again[upstream-hangs]",
        finding="follows_the_breaker_model",
        sentinels=(TRIAL, OPENS),
    ),
    Case(
        defect="quiet_newcomers_are_cut_off",
        caught_by="test_establishment.py::test_still_there_after_the_101[calm]",
        finding="stayed_after_upgrade",
        sentinels=(ESTABLISHMENT, HEARTBEAT),
    ),
    Case(
        defect="origins_compared_by_their_beginning",
        caught_by="test_survival.py::test_no_right_to_come_in",
        finding="refused_at_the_door",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", HEARTBEAT),
    ),
    Case(
        defect="report_is_always_due",
        caught_by="test_pressure.py::test_answers_without_cpu[cpu-quota]",
        finding="round_trips_within",
        sentinels=(ESTABLISHMENT, CLEANUP),
    ),
    Case(
        defect="late_beats_are_left_out",
        caught_by=WITHOUT_CPU,
        finding="pinged_at_period",
        sentinels=(ESTABLISHMENT, CLEANUP),
    ),
    Case(
        defect="sweep_waits_for_calm",
        caught_by="test_pressure.py::test_dead_peers_without_cpu[cpu-quota]",
        finding="released_within",
        sentinels=(ESTABLISHMENT, CLEANUP, WITHOUT_CPU),
    ),
    Case(
        defect="overload_outlasts_its_cause",
        caught_by="test_pressure.py::test_after_cpu_was_short[cpu-quota]",
        finding="recovered_within",
        sentinels=(HEARTBEAT, CLEANUP, WITHOUT_CPU),
    ),
    Case(
        defect="buffers_the_largest_message",
        caught_by=WITHOUT_MEMORY,
        finding="server_survived",
        sentinels=(ESTABLISHMENT, CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="keeps_what_was_said",
        caught_by=WITHOUT_MEMORY,
        finding="server_survived",
        sentinels=(ESTABLISHMENT, CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="resume_repeats_the_last",
        caught_by=RECONNECT,
        finding="intact_through_reconnects",
        sentinels=(WHOLE, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="resume_skips_the_first",
        caught_by=RECONNECT,
        finding="intact_through_reconnects",
        sentinels=(WHOLE, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="live_events_before_kept_ones",
        caught_by=RECONNECT,
        finding="intact_through_reconnects",
        sentinels=(WHOLE, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="resumes_somebody_elses_session",
        caught_by=RECONNECT,
        finding="intact_through_reconnects",
        sentinels=(WHOLE, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="applies_again_what_is_sent_again",
        caught_by=RECONNECT,
        finding="intact_through_reconnects",
        sentinels=(WHOLE, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="acknowledges_before_it_applies",
        caught_by=RECONNECT,
        finding="intact_through_reconnects",
        sentinels=(WHOLE, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="sent_is_taken_for_received",
        caught_by="test_delivery.py::test_nothing_is_lost_through_a_reconnect[vanished]",
        finding="intact_through_reconnects",
        sentinels=(RECONNECT, WHOLE, HEARTBEAT),
    ),
    Case(
        defect="resumes_with_what_is_left",
        caught_by="test_delivery.py::test_a_session_that_is_over_is_said_to_be[client-reset]",
        finding="plainly_over",
        sentinels=(RECONNECT, HEARTBEAT),
    ),
    Case(
        defect="sessions_are_never_forgotten",
        caught_by="test_delivery.py::test_sessions_are_forgotten[client-reset]",
        finding="sessions_forgotten",
        sentinels=(RECONNECT, HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="newcomers_make_it_send_again",
        caught_by=BROADCASTS,
        finding="intact",
        sentinels=(WHOLE, STOPPED_CONSUMER, HEARTBEAT),
    ),
    Case(
        defect="fragments_joined_in_the_wrong_order",
        caught_by=WHOLE,
        finding="intact",
        sentinels=(BROADCASTS, HEARTBEAT, CLEANUP),
        elsewhere={"survival": "a message in many fragments is one of the odd things that have to be taken"},
    ),
    Case(
        defect="long_answers_are_overtaken",
        caught_by=WHOLE,
        finding="intact",
        sentinels=(BROADCASTS, HEARTBEAT, LATENCY),
    ),
    Case(
        defect="waiting_answers_are_replaced",
        caught_by=WHOLE,
        finding="intact",
        sentinels=(BROADCASTS, HEARTBEAT),
    ),
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
    Case(
        defect="history_for_each_client",
        caught_by="test_bounded_memory.py::test_cost_of_a_connection",
        finding="costs_at_most",
        sentinels=("test_leak_free.py::test_nothing_kept[calm]", HEARTBEAT),
    ),
    Case(
        defect="replies_pile_up",
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
        takes=90.0,
    ),
    Case(
        defect="no_deadline_before_tls",
        caught_by="test_survival.py::test_honest_beside_a_slow_crowd[tls-stall]",
        finding="answered_as_allowed",
        sentinels=(HEARTBEAT, CLEANUP),
        target=TLS,
        not_in=NO_TLS,
    ),
    Case(
        defect="truncated_tls_is_no_end",
        caught_by="test_cleanup.py::test_ended_connections_are_released[tls-truncated]",
        finding="statistics_agree",
        sentinels=(CLEANUP, HEARTBEAT),
        target=TLS,
        not_in=NO_TLS,
    ),
)
