"""The machine as it is: system, cores, user, limits, clock."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from pathlib import Path

from chaos.agent.clock_library import clock_availability
from chaos.capability import Capability
from chaos.doctor.result import CheckResult, State
from chaos.units import format_duration, format_size

__all__ = ["cgroup", "clock", "cores", "open_files", "own_clock", "root", "system"]

ENOUGH_FILES = 4096
"""Open files that the scenarios of this suite stay below: 100 clients, the proxy's two ends, and the harness."""
ENOUGH_CORES = 2
PUNCTUAL = 0.005
"""Seconds. A sleep of 1 ms ends 0.06 ms late on an idle machine; at 5 ms figures of some milliseconds mean little."""
SLEEPS, SLEEP = 100, 0.001


def system() -> CheckResult:
    """Linux has everything; elsewhere the agent and kernel faults are missing."""
    found = f"{platform.system()} {platform.release()} on {platform.machine()}, Python {platform.python_version()}"
    if platform.system() == "Linux":
        return CheckResult(name="system", state=State.OK, found=found)
    return CheckResult(
        name="system",
        state=State.LIMITED,
        found=found,
        remedy="run it on Linux, in a virtual machine for instance",
        leaves_out="kernel faults and the agent's probes: they are Linux's",
    )


def cores() -> CheckResult:
    """Cores that this process may use, and memory."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = f"{count} {'core' if count == 1 else 'cores'}, {format_size(memory)} of memory"
    if count >= ENOUGH_CORES:
        return CheckResult(name="cores", state=State.OK, found=found)
    return CheckResult(
        name="cores",
        state=State.LIMITED,
        found=found,
        remedy=f"give it {ENOUGH_CORES} cores",
        leaves_out="server, crowd and conductor share one core: breaches smaller than its lateness are inconclusive",
    )


def root() -> CheckResult:
    """Whoever is not root needs unprivileged user namespaces; the next checks say whether they are there."""
    user = os.geteuid()
    found = "root" if user == 0 else f"user {user}"
    return CheckResult(name="user", state=State.OK, found=found)


def open_files() -> CheckResult:
    """The limit of open files; a process may raise its own soft limit up to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"at most {_limit(soft)} open files, up to {_limit(hard)} on request"
    if hard == resource.RLIM_INFINITY or hard >= ENOUGH_FILES:
        return CheckResult(name="open files", state=State.OK, found=found)
    return CheckResult(
        name="open files",
        state=State.LIMITED,
        found=found,
        remedy=f"raise the hard limit to {ENOUGH_FILES} (ulimit -Hn, or nofile in /etc/security/limits.conf)",
        leaves_out=f"crowds of more than about {hard // 4} clients",
    )


def clock() -> CheckResult:
    """How finely CLOCK_MONOTONIC counts and how late a short sleep ends: what every figure's precision hangs on."""
    resolution = time.clock_getres(time.CLOCK_MONOTONIC)
    lates = []
    for _ in range(SLEEPS):
        before = time.monotonic()
        time.sleep(SLEEP)
        lates.append(time.monotonic() - before - SLEEP)
    lates.sort()
    late = lates[round(0.99 * (SLEEPS - 1))]
    found = (
        f"counts {resolution * 1e9:.0f}ns; a sleep of {format_duration(SLEEP)} ends "
        f"{format_duration(statistics.median(lates))} late in the median, {format_duration(late)} at p99"
    )
    if late <= PUNCTUAL:
        return CheckResult(name="clock", state=State.OK, found=found)
    return CheckResult(
        name="clock",
        state=State.LIMITED,
        found=found,
        remedy="run it when less else is running, or on more cores",
        leaves_out="nothing, but breaches smaller than the lateness are inconclusive",
    )


def own_clock() -> CheckResult:
    """What gives a server a wall clock of its own, which jumps and nobody else's does."""
    found = clock_availability()
    if found.available:
        return CheckResult(name="libfaketime", state=State.OK, found="a server's wall clock can be set")
    return CheckResult(
        name="libfaketime", state=State.MISSING, found=found.reason, remedy=found.remedy, without=(Capability.CLOCK,)
    )


def cgroup() -> CheckResult:
    """Version and place of this process's control group."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        found = "version 2 (unified)"
    elif Path("/sys/fs/cgroup/memory").exists():
        found = "version 1 (a hierarchy for each controller)"
    else:
        return CheckResult(
            name="cgroup",
            state=State.MISSING,
            found="no control groups are mounted",
            remedy="mount them at /sys/fs/cgroup",
            leaves_out="limits of CPU and memory on a server that is already running",
        )
    return CheckResult(name="cgroup", state=State.OK, found=found)


def _limit(value: int) -> str:
    return "any number of" if value == resource.RLIM_INFINITY else str(value)
