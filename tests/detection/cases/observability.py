"""Defects that break a promise of tests/scenarios/test_observability.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, HEARTBEAT, LATENCY, OPENS, REJECTION, TURNED_AWAY

__all__ = ["CASES"]

CASES = (
    Case(
        defect="alert_compares_with_a_percentage",
        caught_by="test_observability.py::test_alert_when_nearly_full[calm]",
        finding="alert_raised",
        sentinels=(REJECTION, "test_rejection.py::test_warned_when_nearly_full"),
    ),
    Case(
        defect="critical_comes_with_high",
        caught_by="test_observability.py::test_alert_when_very_full",
        finding="alert_not_raised",
        sentinels=("test_observability.py::test_alert_when_nearly_full[calm]", REJECTION),
    ),
    Case(
        defect="alerts_are_never_taken_back",
        caught_by="test_observability.py::test_alert_when_full[burst]",
        finding="alert_gone",
        sentinels=(REJECTION, HEARTBEAT),
    ),
    Case(
        defect="full_disk_is_nobodys_news",
        caught_by="test_observability.py::test_alert_when_the_disk_is_full[disk-full]",
        finding="alert_raised",
        sentinels=(HEARTBEAT, CLEANUP, "test_pressure.py::test_heartbeat_without_disk[disk-full]"),
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
        defect="dead_counted_by_their_error",
        caught_by="test_observability.py::test_the_dead_are_counted[vanished]",
        finding="counter_agrees",
        sentinels=("test_observability.py::test_ends_are_counted[client-reset]", CLEANUP),
        also={
            "test_observability.py::test_the_dead_are_counted[silent]": "counter_agrees",
        },
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
)
