"""Defects that break a promise of tests/scenarios/test_latency.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, HEARTBEAT, LATENCY

__all__ = ["CASES"]

CASES = (
    Case(
        defect="block_loop_on_connect",
        caught_by="test_latency.py::test_while_others_misbehave[burst]",
        finding="round_trips_within",
        sentinels=(HEARTBEAT, CLEANUP),
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
        defect="replies_wait_for_the_log",
        caught_by=LATENCY,
        finding="round_trips_within",
        sentinels=(HEARTBEAT, CLEANUP),
        also={
            "test_latency.py::test_round_trips[latency]": "round_trips_within",
            "test_latency.py::test_round_trips[jitter]": "round_trips_within",
        },
        elsewhere={"fairness": "of a hundred answers that a lively client awaits every twentieth waits for the log"},
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
        also={
            "test_latency.py::test_while_others_misbehave[fin-without-close]": "round_trips_within",
        },
    ),
    Case(
        defect="block_loop_on_flush",
        caught_by="test_latency.py::test_while_others_misbehave[stalled-reader]",
        finding="round_trips_within",
        sentinels=(LATENCY, "test_latency.py::test_while_others_misbehave[client-reset]"),
    ),
)
