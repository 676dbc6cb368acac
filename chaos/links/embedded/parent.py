"""Dying with the parent process (Linux)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from chaos.errors import Unsupported

__all__ = ["die_with_parent"]

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however that ends. Raises Unsupported.

    The kernel means the *thread* that started this process: start it from one that lives as long as it is needed.
    SIGKILL, because there is nothing to clean up that the kernel does not: it closes the sockets.
    """
    if sys.platform != "linux":
        raise Unsupported(f"--die-with-parent takes Linux, this is {sys.platform}: stop the proxy with SIGTERM instead")
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise Unsupported(f"--die-with-parent: prctl(PR_SET_PDEATHSIG) failed: {os.strerror(number)}")
    if os.getppid() != parent:
        # It ended while we asked.
        os.kill(os.getpid(), signal.SIGKILL)
