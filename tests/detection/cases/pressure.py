"""Defects that break a promise of tests/scenarios/test_pressure.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, ESTABLISHMENT, HEARTBEAT

__all__ = ["CASES"]

WITHOUT_CPU = "test_pressure.py::test_heartbeat_without_cpu[cpu-quota]"
WITHOUT_MEMORY = "test_pressure.py::test_full_house_without_memory[memory-limit]"

CASES = (
    Case(
        defect="stops_accepting_after_shortage",
        caught_by="test_pressure.py::test_after_files_were_short[fd-limit]",
        finding="recovered_within",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="heartbeat_opens_its_log",
        caught_by="test_pressure.py::test_heartbeat_without_files[fd-limit]",
        finding="pinged_at_period",
        sentinels=("test_pressure.py::test_after_files_were_short[fd-limit]", HEARTBEAT),
    ),
    Case(
        defect="dies_of_a_full_disk",
        caught_by="test_pressure.py::test_newcomers_without_disk[disk-full]",
        finding="server_survived",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="waits_for_room_on_the_disk",
        caught_by="test_pressure.py::test_heartbeat_without_disk[disk-full]",
        finding="pinged_at_period",
        sentinels=(HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="accept_loop_spins",
        caught_by="test_pressure.py::test_heartbeat_without_files[fd-limit]",
        finding="does_not_spin",
        sentinels=("test_pressure.py::test_after_files_were_short[fd-limit]", HEARTBEAT, CLEANUP),
    ),
    Case(
        defect="a_traceback_for_each_place",
        caught_by="test_pressure.py::test_heartbeat_without_files[fd-limit]",
        finding="logs_little",
        sentinels=("test_pressure.py::test_after_files_were_short[fd-limit]", HEARTBEAT, CLEANUP),
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
        defect="the_dead_are_noted_first",
        caught_by="test_pressure.py::test_dead_peers_without_files[fd-limit]",
        finding="released_within",
        sentinels=(HEARTBEAT, CLEANUP, "test_pressure.py::test_heartbeat_without_files[fd-limit]"),
    ),
    Case(
        defect="a_dump_of_each_dead_peer",
        caught_by="test_pressure.py::test_dead_peers_without_memory[memory-limit]",
        finding="server_survived",
        sentinels=(HEARTBEAT, CLEANUP, WITHOUT_MEMORY),
    ),
)
