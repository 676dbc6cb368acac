"""Defects that break a promise of tests/scenarios/test_recovery.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.forms import FAMILY_SENTINELS
from tests.detection.scenarios import CLEANUP, HEARTBEAT, LATENCY

__all__ = ["CASES"]

CASES = (
    Case(
        defect="slow_to_start_serving",
        caught_by="test_recovery.py::test_after_a_crash[server-killed]",
        finding="recovered_within",
        sentinels=(HEARTBEAT, CLEANUP),
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
        defect="places_given_back_by_a_timer",
        caught_by="test_recovery.py::test_after_a_reconnect_storm[reconnect-storm]",
        finding="recovered_within",
        sentinels=("test_recovery.py::test_after_a_mass_death[client-killed]", CLEANUP),
        also={"test_recovery.py::test_after_a_reconnect_storm[latency+reconnect-storm]": "recovered_within"},
        elsewhere={"rejection": "who comes after others have left finds their places taken"},
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
        also={
            "test_recovery.py::test_after_a_mass_death[packet-loss+fin-without-close]": "recovered_within",
            "test_recovery.py::test_after_the_network[proxy-down]": "recovered_within",
        },
    ),
    Case(
        defect="newcomers_queue_behind_the_dead",
        caught_by="test_recovery.py::test_after_a_mass_death[vanished]",
        finding="recovered_within",
        sentinels=("test_recovery.py::test_after_a_mass_death[client-killed]", CLEANUP),
        elsewhere={"rejection": "who comes after many have died waits as well"},
        also={
            "test_recovery.py::test_after_the_network[half-open]": "recovered_within",
        },
    ),
    Case(
        defect="resets_trip_a_guard",
        caught_by="test_recovery.py::test_after_the_network[reset]",
        finding="recovered_within",
        sentinels=(HEARTBEAT, CLEANUP),
        elsewhere=dict.fromkeys(
            FAMILY_SENTINELS,
            "every scenario ends its clients by a reset: who comes right after many is turned away too",
        ),
    ),
    Case(
        defect="unacknowledged_is_overload",
        caught_by="test_recovery.py::test_after_the_network[partition]",
        finding="recovered_within",
        sentinels=("test_recovery.py::test_after_a_mass_death[client-killed]", CLEANUP),
        elsewhere={"rejection": "who comes after many have gone out of reach is turned away as well"},
    ),
    Case(
        defect="reads_on_at_the_end",
        caught_by="test_recovery.py::test_as_calm_as_before[client-reset]",
        finding="as_busy_as_before",
        sentinels=(HEARTBEAT, LATENCY),
        also={
            f"test_recovery.py::test_as_calm_as_before[{fault}]": "as_busy_as_before"
            for fault in ("half-close", "vanished")
        },
    ),
    Case(
        defect="writes_again_at_once",
        caught_by="test_recovery.py::test_as_calm_as_before[full-buffers]",
        finding="as_busy_as_before",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="catches_up_for_ever",
        caught_by="test_recovery.py::test_as_calm_as_before[server-stopped]",
        finding="as_busy_as_before",
        sentinels=(CLEANUP, HEARTBEAT),
    ),
)
