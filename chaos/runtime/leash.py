"""Become another program that the kernel kills when its starter dies: `leash.py PARENT PROGRAM [ARGUMENT...]`.

A file of its own, run under `python -I -S` (14 ms), instead of code between fork and exec: a starter that has threads
must not run Python there. It keeps its pid through exec, so the pid the starter sees is the program's.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

COMMAND_NOT_FOUND = 127
"""The exit code of shells for a program that cannot be executed."""


def main() -> None:
    parent, program, *arguments = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the process that started this one has died already")
    # What is ignored stays ignored through exec: Python ignores the first two, a shell the next two for what it runs in
    # the background, nohup the last.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(program, [program, *arguments])  # noqa: S606  becoming the program is the point; no shell wanted
    except OSError as error:
        print(f"{program}: {error.strerror}", file=sys.stderr, flush=True)
        sys.exit(COMMAND_NOT_FOUND)


main()
