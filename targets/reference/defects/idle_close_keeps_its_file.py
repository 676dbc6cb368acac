"""Opens a file for a note on each client that it closes for idling, and never closes it.

Breaks leak-free for the one way to end that begins in a timer: what ends by its own doing is cleaned up by code that no
client's end ever runs.
"""

from __future__ import annotations

import os

from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "each client that is closed for idling leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor an idle close."""
    close_as_before = IdleTimer.close

    def close(self: IdleTimer) -> None:
        os.open(os.devnull, os.O_WRONLY)
        close_as_before(self)

    IdleTimer.close = close  # type: ignore[method-assign]  # a defect replaces a method
