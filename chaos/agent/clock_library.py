"""A wall clock of a server's own: libfaketime, loaded into it at its start, and a file that says how wrong it goes.

The kernel has no such thing: a time namespace moves the monotonic clocks and not CLOCK_REALTIME. Only what a server
reads through its C library is moved, and only the time of day: its monotonic clock and its timers stay true.
"""

from __future__ import annotations

import sys
from pathlib import Path

from chaos.capability import Availability

__all__ = ["CLOCK_FILE", "clock_availability", "clock_environment", "find_clock_library", "offset"]

CLOCK_FILE = "FAKETIME_TIMESTAMP_FILE"
"""The variable that names the file, in a server that has a clock of its own."""

_PLACES = ("usr/lib/*/faketime", "usr/lib/faketime", "usr/lib64/faketime", "usr/local/lib/faketime")
"""Of Debian and Ubuntu, of Arch, of Fedora, and of `make install`."""

_NAMES = ("libfaketimeMT.so.1", "libfaketime.so.1")
"""The first is the one for programs of several threads."""


def find_clock_library(root: Path = Path("/")) -> Path | None:
    """libfaketime, where a package of the machine has put it whose files begin at `root`."""
    found = (path for name in _NAMES for place in _PLACES for path in sorted(root.glob(f"{place}/{name}")))
    return next(found, None)


def clock_availability(root: Path = Path("/")) -> Availability:
    """Whether a server that is started as a process here can be given a clock of its own."""
    remedy = "apt-get install libfaketime (Debian, Ubuntu), or the package that has libfaketime.so.1"
    if sys.platform != "linux":
        return Availability.no("libfaketime is loaded as Linux loads it", remedy="run the suite on Linux")
    if find_clock_library(root) is None:
        return Availability.no("libfaketime is not installed", remedy=remedy)
    return Availability.yes()


def clock_environment(library: Path, file: Path) -> dict[str, str]:
    """The variables that a server has to be started with; `file` says the offset, see `offset`.

    A thread that sleeps until a time of the monotonic clock (`clock_nanosleep` with TIMER_ABSTIME, as Python's
    `time.sleep` does from 3.11 on) is refused it with EINVAL by 0.9.10, the version of Debian 12 (libfaketime's issue
    426): a server that does so breaks of that, whatever the time of day. asyncio's loop, conditions and queues do not.

    The file is read at each look at the clock, which then costs 27 microseconds in place of one (measured), and a jump
    is there at once: by itself the library looks into it every 10 s.
    """
    return {
        "LD_PRELOAD": str(library),
        CLOCK_FILE: str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # The times of files are no clock, and a file that was made tomorrow would be another fault.
        "NO_FAKE_STAT": "1",
    }


def offset(seconds: float) -> str:
    """What the file says, so that the clock is wrong by so many seconds; a positive number: it is ahead."""
    return f"{seconds:+.3f}\n"
