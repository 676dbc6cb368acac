"""A process tree for tests: `python tree.py FILE`; writes the pids of its stubborn members to FILE.

Each member ignores SIGTERM and SIGHUP. One is a child, one a grandchild whose parent has ended and that has a session
of its own: a daemon in the classical manner.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def own_pid() -> int:
    return int(os.readlink("/proc/self"))


def stay(told: int) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.write(told, f"{own_pid()}\n".encode())
    while True:
        signal.pause()


def main(file: Path) -> None:
    heard, told = os.pipe()
    if os.fork() == 0:
        stay(told)
    child = os.read(heard, 100)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            stay(told)
        os._exit(0)
    daemon = os.read(heard, 100)
    os.wait()  # for the daemon's parent: only then has the daemon another
    unfinished = file.with_suffix(".part")
    unfinished.write_bytes(child + daemon + f"{own_pid()}\n".encode())
    unfinished.rename(file)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
