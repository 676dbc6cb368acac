"""Nobody outlives who has started it: for the server's Redis, for gunicorn's master and for its workers."""

from __future__ import annotations

import ctypes
import signal
import sys

_SET_PDEATHSIG = 1
"""prctl(2)."""


def die_with_parent() -> None:
    """Have the kernel kill this process as soon as its parent has ended, also of SIGKILL; on Linux, else it is nothing.

    A child calls it between fork and its program, as `preexec_fn`: the kernel keeps it over the exec. A worker of
    gunicorn's, which is forked and has no program of its own, calls it when it loads the application.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PDEATHSIG, signal.SIGKILL)
