"""Defects that show when something is short: files, CPU, memory or room on the disk."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from ..defect_checks.bench import LITTLE, LONG, Bench, Check


async def pinged_without_a_file(bench: Bench) -> bool:
    _, wire = bench.client()
    no_file_left = OSError(errno.EMFILE, "Too many open files")
    with mock.patch.object(Path, "open", side_effect=no_file_left), contextlib.suppress(OSError):
        bench.parts.heartbeat.beat()
    return len(wire.pings) == 1


async def dead_peer_is_cut_without_a_file(bench: Bench) -> bool:
    connection, _ = bench.client()
    no_file_left = OSError(errno.EMFILE, "Too many open files")
    with mock.patch.object(Path, "open", side_effect=no_file_left), contextlib.suppress(OSError):
        connection.cut("peer is dead")
    return connection.ended


async def sweep_takes_little(bench: Bench) -> bool:
    for _ in range(10):
        bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)
    tracemalloc.start()
    try:
        bench.parts.sweep.run()
        return tracemalloc.get_traced_memory()[1] < 10 * LITTLE
    finally:
        tracemalloc.stop()


async def newcomers_get_in_after_a_pause(bench: Bench) -> bool:
    with mock.patch.object(time, "monotonic", return_value=time.monotonic() + LONG):
        bench.parts.clock.tick()
        return bench.parts.admission.try_enter() is None


def _late_ticks(bench: Bench) -> None:
    """The clock ticks ten times, each after half as long again as it should."""
    clock, now = bench.parts.clock, time.monotonic()
    for number in range(10):
        with mock.patch.object(time, "monotonic", return_value=now + 1.5 * number * clock.tick_interval):
            clock.tick()


async def pinged_while_late(bench: Bench) -> bool:
    _, wire = bench.client()
    _late_ticks(bench)
    bench.parts.heartbeat.beat()
    return len(wire.pings) == 1


async def swept_while_late(bench: Bench) -> bool:
    _late_ticks(bench)
    before = bench.parts.counters.sweeps
    bench.parts.sweep.run()
    return bench.parts.counters.sweeps == before + 1


async def newcomers_get_in_once_it_is_on_time(bench: Bench) -> bool:
    admission, clock = bench.parts.admission, bench.parts.clock
    _late_ticks(bench)
    if admission.try_enter() is None:
        admission.leave()
    for _ in range(10):
        clock.tick()
    return admission.try_enter() is None


async def ticks_take_no_time(bench: Bench) -> bool:
    began = time.thread_time()
    for _ in range(4):
        bench.parts.clock.tick()
    return time.thread_time() - began < 0.05


SMALL = 100_000
"""Bytes: ten times what a client of the bench takes."""


async def client_takes_little(bench: Bench) -> bool:
    return _taken_by(lambda: bench.parts.registry.add(bench.client()[0])) < SMALL


async def messages_take_nothing(bench: Bench) -> bool:
    connection, _ = bench.client()
    return _taken_by(connection.heard) < SMALL


def _taken_by(act: Callable[[], object]) -> int:
    """Bytes that are kept when it is done."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


class _Ended(BaseException):
    """The process would have."""


class _Waited(BaseException):
    """The loop would have."""


async def full_disk_costs_nobody_anything(bench: Bench) -> bool:
    record = bench.parts.record
    record.file = Path("/dev/full/statistics.json")  # nothing can be written beneath it, as on a full disk
    with (
        mock.patch.object(os, "_exit", side_effect=_Ended),
        mock.patch.object(time, "sleep", side_effect=_Waited),
    ):
        try:
            record.write({"connections": 1})
        except (_Ended, _Waited):
            return False
    return True


async def full_disk_is_told(bench: Bench) -> bool:
    return await full_disk_costs_nobody_anything(bench) and "record_not_written" in bench.parts.alerts.update()


CHECKS: dict[str, Check] = {
    "a_dump_of_each_dead_peer": sweep_takes_little,
    "the_dead_are_noted_first": dead_peer_is_cut_without_a_file,
    "buffers_the_largest_message": client_takes_little,
    "dies_of_a_full_disk": full_disk_costs_nobody_anything,
    "full_disk_is_nobodys_news": full_disk_is_told,
    "heartbeat_opens_its_log": pinged_without_a_file,
    "keeps_what_was_said": messages_take_nothing,
    "late_beats_are_left_out": pinged_while_late,
    "overload_outlasts_its_cause": newcomers_get_in_once_it_is_on_time,
    "report_is_always_due": ticks_take_no_time,
    "sheds_load_after_a_pause": newcomers_get_in_after_a_pause,
    "sweep_waits_for_calm": swept_while_late,
    "waits_for_room_on_the_disk": full_disk_costs_nobody_anything,
}
