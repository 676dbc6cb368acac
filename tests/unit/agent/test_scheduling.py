"""Who waited for a core: read of a process that had to share one, and of one that had it to itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from chaos.agent.scheduling import CORES, machine_busy, waited

BUSY = "while True: pass"


@contextmanager
def spinning(count: int, core: int) -> Iterator[list[int]]:
    """Processes that want one core and nothing else."""
    with ExitStack() as ended:
        processes = [subprocess.Popen([sys.executable, "-I", "-S", "-c", BUSY]) for _ in range(count)]
        for process in processes:
            ended.callback(process.wait)
            ended.callback(process.kill)
            os.sched_setaffinity(process.pid, {core})
        yield [process.pid for process in processes]


def test_two_that_share_a_core_wait_for_it_as_long_as_they_have_it() -> None:
    with spinning(2, min(os.sched_getaffinity(0))) as pids:
        before, began = [waited(pid) for pid in pids], time.monotonic()
        while time.monotonic() - began < 0.4:
            time.sleep(0.01)
        # In this order: what passes in between only makes it more.
        passed = time.monotonic() - began
        grown = sum(waited(pid) for pid in pids) - sum(before)
    # One of the two waits at any moment; others on the machine can only make it more.
    assert grown >= 0.8 * passed


def test_who_sleeps_waits_for_nothing() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            before = waited(process.pid)
            for _ in range(3):
                before, earlier = waited(process.pid), before
            assert before == earlier
        finally:
            process.kill()


def test_the_machine_is_busy_for_as_long_as_somebody_works() -> None:
    began = time.monotonic()
    before, worked = machine_busy(), time.process_time()
    while time.process_time() - worked < 0.3:
        pass
    # What others do meanwhile is work as well; the kernel counts in hundredths.
    assert 0.25 <= machine_busy() - before <= CORES * (time.monotonic() - began) + 0.05


def test_of_nobody_nothing_is_known() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert waited(ended.pid) == 0.0
