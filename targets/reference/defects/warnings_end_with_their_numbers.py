"""Numbers its idle warnings, in the table of a client library that holds so many; the next one raises.

Breaks the idle timeout over hours: the timer of whoever should be warned dies with the error, so from then on nobody
is warned or closed any more. A server that was started this morning passes every test.
"""

from __future__ import annotations

from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "after some dozens of idle clients the warnings end, and nobody is closed for idling any more"

NUMBERS = 40


def install(parts: Parts) -> None:
    """Run out of numbers."""
    free = list(range(NUMBERS))
    warn_as_before = IdleTimer.warn

    def warn(self: IdleTimer) -> None:
        free.pop()
        warn_as_before(self)

    IdleTimer.warn = warn  # type: ignore[method-assign]  # a defect replaces a method
