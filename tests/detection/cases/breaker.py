"""Defects that break a promise of tests/scenarios/test_breaker.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import ESTABLISHMENT, HEARTBEAT, LATENCY, NO_CLOCK, OPENS, TRIAL

__all__ = ["CASES"]

CASES = (
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
        also={
            "test_breaker.py::test_closes_again[upstream-hangs]": "calls_answered",
        },
    ),
    Case(
        defect="breaker_opens_on_first_failure",
        caught_by="test_breaker.py::test_one_failure_changes_nothing[upstream-errors]",
        finding="calls_answered",
        sentinels=(HEARTBEAT, LATENCY),
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
        also={
            "test_breaker.py::test_trials_are_no_stampede[upstream-hangs]": "upstream_called",
        },
    ),
    Case(
        defect="breaker_by_the_wall_clock",
        caught_by="test_breaker.py::test_keeps_its_timeout_though_the_clock_is_set[clock-set-back]",
        finding="upstream_called",
        sentinels=(TRIAL, OPENS),
        also={
            "test_breaker.py::test_keeps_its_timeout_though_the_clock_is_set[clock-jump]": "follows_the_breaker_model"
        },
        not_in=NO_CLOCK,
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
        defect="cache_goes_with_the_connection",
        caught_by="test_breaker.py::test_spares_the_upstream[upstream-down]",
        finding="calls_answered",
        sentinels=("test_breaker.py::test_spares_the_upstream[upstream-errors]", OPENS),
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
        defect="trials_go_with_their_callers",
        caught_by="test_breaker.py::test_callers_who_go_take_no_trial_along[upstream-hangs+client-reset]",
        finding="calls_answered",
        sentinels=("test_breaker.py::test_closes_again[upstream-hangs]", OPENS),
    ),
    Case(
        defect="breaker_waits_from_the_call",
        caught_by="test_breaker.py::test_tries_again[upstream-hangs]",
        finding="follows_the_breaker_model",
        sentinels=(TRIAL, OPENS),
    ),
    Case(
        defect="late_answers_clear_the_count",
        caught_by="test_breaker.py::test_opens_at_threshold[upstream-slow]",
        finding="opened_after",
        sentinels=(OPENS, "test_breaker.py::test_opens_at_threshold[upstream-hangs]"),
    ),
    Case(
        defect="late_answers_close_the_circuit",
        caught_by="test_breaker.py::test_spares_the_upstream[upstream-slow]",
        finding="upstream_left_alone",
        sentinels=("test_breaker.py::test_spares_the_upstream[upstream-hangs]", OPENS),
    ),
    Case(
        defect="late_answers_pass_for_trials",
        caught_by="test_breaker.py::test_tries_again[upstream-slow]",
        finding="follows_the_breaker_model",
        sentinels=("test_breaker.py::test_tries_again[upstream-hangs]", OPENS),
    ),
    Case(
        defect="late_failures_open_the_circuit",
        caught_by="test_breaker.py::test_late_failures_open_no_circuit[upstream-errors]",
        finding="calls_answered",
        sentinels=(OPENS, "test_breaker.py::test_tries_again[upstream-slow]"),
        also={"test_breaker.py::test_late_failures_fail_no_trial[upstream-errors]": "calls_answered"},
    ),
    Case(
        defect="breaker_waits_from_the_last_failure",
        caught_by="test_breaker.py::test_calls_under_way_change_nothing[upstream-gives-out]",
        finding="follows_the_breaker_model",
        sentinels=(TRIAL, "test_breaker.py::test_waits_longer_each_time[upstream-errors]"),
    ),
    Case(
        defect="answers_of_before_close_the_circuit",
        caught_by="test_breaker.py::test_calls_under_way_change_nothing[upstream-gives-out-late]",
        finding="follows_the_breaker_model",
        sentinels=("test_breaker.py::test_spares_the_upstream[upstream-slow]", TRIAL),
    ),
    Case(
        defect="slow_answers_are_failures",
        caught_by="test_breaker.py::test_waits_for_a_slow_answer[upstream-slow]",
        finding="waited_for",
        # None of the breaker's: where a busy machine makes an answer slow it counts that as well, and rightly goes red.
        sentinels=(ESTABLISHMENT, HEARTBEAT),
    ),
    Case(
        defect="breaker_opens_at_a_rate",
        caught_by="test_breaker.py::test_stays_closed_where_failures_are_not_in_a_row[upstream-flapping]",
        finding="upstream_called",
        sentinels=(OPENS, "test_breaker.py::test_one_failure_changes_nothing[upstream-errors]"),
    ),
    Case(
        defect="breaker_keeps_the_successes_of_trials",
        caught_by="test_breaker.py::test_one_trial_that_fails_is_enough[upstream-flapping]",
        finding="follows_the_breaker_model",
        sentinels=(TRIAL, "test_breaker.py::test_closes_again[upstream-errors]"),
    ),
    Case(
        defect="breaker_closes_on_the_first_success",
        caught_by="test_breaker.py::test_one_trial_that_fails_is_enough[upstream-flapping]",
        finding="follows_the_breaker_model",
        # Not the closing after an outage: a look at its state between two trials finds it closed too soon there, too.
        sentinels=(OPENS, TRIAL),
    ),
    Case(
        defect="breaker_closes_when_a_trial_fails",
        caught_by="test_breaker.py::test_tries_again[upstream-errors]",
        finding="follows_the_breaker_model",
        sentinels=(OPENS, "test_breaker.py::test_closes_again[upstream-errors]"),
    ),
    Case(
        defect="rejections_are_swallowed",
        caught_by="test_breaker.py::test_spares_the_upstream[upstream-errors]",
        finding="answered_while_open",
        sentinels=(
            "test_breaker.py::test_one_failure_changes_nothing[upstream-errors]",
            "test_breaker.py::test_success_clears_the_count[upstream-errors]",
        ),
        also={OPENS: "calls_answered"},
    ),
    Case(
        defect="breaker_never_backs_off",
        caught_by="test_breaker.py::test_waits_longer_each_time[upstream-errors]",
        finding="follows_the_breaker_model",
        sentinels=(TRIAL, OPENS),
    ),
    Case(
        defect="breaker_backs_off_twice",
        caught_by="test_breaker.py::test_waits_longer_each_time[upstream-errors]",
        finding="follows_the_breaker_model",
        sentinels=(TRIAL, OPENS),
    ),
    Case(
        defect="breaker_keeps_its_back_off",
        caught_by="test_breaker.py::test_starts_over_once_closed[upstream-errors]",
        finding="follows_the_breaker_model",
        sentinels=(TRIAL, "test_breaker.py::test_closes_again[upstream-errors]"),
    ),
    Case(
        defect="breaker_keeps_its_count",
        caught_by="test_breaker.py::test_starts_over_once_closed[upstream-errors]",
        finding="opened_after",
        sentinels=(OPENS, "test_breaker.py::test_closes_again[upstream-errors]"),
    ),
    Case(
        defect="cancelled_calls_are_failures",
        caught_by="test_breaker.py::test_callers_who_go_open_no_circuit[upstream-slow+client-reset]",
        finding="calls_answered",
        sentinels=(OPENS, "test_breaker.py::test_callers_who_go_take_no_trial_along[upstream-hangs+client-reset]"),
    ),
    Case(
        defect="cancelled_trials_are_successes",
        caught_by="test_breaker.py::test_callers_who_go_close_no_circuit[upstream-hangs+client-reset]",
        finding="upstream_called",
        sentinels=(OPENS, "test_breaker.py::test_callers_who_go_open_no_circuit[upstream-slow+client-reset]"),
    ),
    Case(
        defect="client_errors_open_the_circuit",
        caught_by="test_breaker.py::test_ignores_its_callers_mistakes[upstream-errors]",
        finding="upstream_called",
        sentinels=(OPENS, "test_breaker.py::test_opens_at_its_rate[upstream-errors]"),
    ),
    Case(
        defect="breaker_window_never_expires",
        caught_by="test_breaker.py::test_forgets_what_its_window_has_left_behind[upstream-errors]",
        finding="upstream_called",
        sentinels=(OPENS, "test_breaker.py::test_opens_at_its_rate[upstream-errors]"),
    ),
    Case(
        defect="breaker_ignores_its_minimum",
        caught_by="test_breaker.py::test_opens_at_its_rate[upstream-errors]",
        finding="opened_at_rate",
        sentinels=("test_breaker.py::test_one_failure_changes_nothing[upstream-errors]", HEARTBEAT),
    ),
    Case(
        defect="breaker_knows_no_rate",
        caught_by="test_breaker.py::test_opens_at_its_rate[upstream-errors]",
        finding="opened_at_rate",
        sentinels=(OPENS, "test_breaker.py::test_forgets_what_its_window_has_left_behind[upstream-errors]"),
    ),
    Case(
        defect="breaker_awaits_before_it_takes_a_permit",
        caught_by="test_breaker.py::test_trials_are_no_stampede[upstream-errors]",
        finding="upstream_called",
        sentinels=(TRIAL, OPENS),
        also={
            "test_breaker.py::test_trials_are_no_stampede[upstream-hangs]": "upstream_called",
        },
    ),
    Case(
        defect="hung_trials_are_forgotten",
        caught_by="test_breaker.py::test_tries_again[upstream-hangs]",
        finding="follows_the_breaker_model",
        sentinels=(TRIAL, OPENS),
    ),
)
