"""Defects that break a promise of tests/scenarios/test_delivery.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, DELIVERY, HEARTBEAT, LATENCY

__all__ = ["CASES"]

STOPPED_CONSUMER = "test_delivery.py::test_stopped_consumer_is_removed[stalled-reader]"
WHOLE = "test_delivery.py::test_messages_arrive_whole[calm]"
BROADCASTS = "test_delivery.py::test_broadcasts_arrive_whole[calm]"
RECONNECT = "test_delivery.py::test_nothing_is_lost_through_a_reconnect[client-reset]"

CASES = (
    Case(
        defect="broadcast_waits_for_slowest",
        caught_by="test_delivery.py::test_slow_consumer_hurts_only_itself[stalled-reader]",
        finding="delivered_in_sequence",
        takes=20.0,
        sentinels=(HEARTBEAT, CLEANUP),
        also={
            "test_delivery.py::test_slow_consumer_hurts_only_itself[bandwidth]": "delivered_in_sequence",
            "test_delivery.py::test_slow_consumer_hurts_only_itself[latency]": "delivered_in_sequence",
            "test_delivery.py::test_slow_consumer_hurts_only_itself[silent]": "delivered_in_sequence",
            "test_delivery.py::test_slow_consumer_hurts_only_itself[vanished]": "delivered_in_sequence",
        },
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
        defect="broadcast_loses_every_fourth",
        caught_by=DELIVERY,
        finding="delivered_in_sequence",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="polls_answer_from_a_cache",
        caught_by="test_delivery.py::test_who_is_cut_off_goes_on_by_polling[client-reset]",
        finding="fetched_in_time",
        sentinels=(DELIVERY, HEARTBEAT),
        also={"test_delivery.py::test_who_is_cut_off_goes_on_by_polling[vanished]": "fetched_in_time"},
    ),
    Case(
        defect="broadcast_dies_of_an_error",
        caught_by="test_delivery.py::test_slow_consumer_hurts_only_itself[client-reset]",
        finding="delivered_in_sequence",
        sentinels=(DELIVERY, HEARTBEAT),
        also={
            "test_delivery.py::test_slow_consumer_hurts_only_itself[fin-without-close]": "delivered_in_sequence",
        },
    ),
    Case(
        defect="resume_repeats_the_last",
        caught_by=RECONNECT,
        finding="intact_through_reconnects",
        sentinels=(WHOLE, HEARTBEAT, CLEANUP),
        also={
            f"test_delivery.py::test_nothing_is_lost_through_a_reconnect[{end}]": "intact_through_reconnects"
            for end in ("fin-without-close", "half-open", "proxy-down", "reset", "socket-killed", "truncated")
        },
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
        also={
            f"test_delivery.py::test_broadcasts_arrive_whole[{fault}]": "intact"
            for fault in ("latency", "jitter", "bandwidth", "reset")
        },
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
        also={
            f"test_delivery.py::test_messages_arrive_whole[{fault}]": "intact"
            for fault in (
                "latency",
                "jitter",
                "bandwidth",
                "sliced",
                "packet-loss",
                "latency+lossy-link",
                "bottleneck",
                "partition",
                "reset",
                "truncated",
                "injected-reset",
                "client-reset",
            )
        },
        takes=40.0,
    ),
    Case(
        defect="waiting_answers_are_replaced",
        caught_by=WHOLE,
        finding="intact",
        sentinels=(BROADCASTS, HEARTBEAT),
    ),
    Case(
        defect="hangs_up_after_five_long_messages",
        caught_by=WHOLE,
        finding="undisturbed",
        sentinels=(BROADCASTS, HEARTBEAT, LATENCY),
    ),
)
