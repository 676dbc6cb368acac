"""Takes a trial that was called off for one that went well, since it raised no error that counts.

Breaks "callers who go close no circuit": the trial's callers leave while the upstream hangs, the circuit closes, and
everybody is let through to an upstream that is still down.
"""

from __future__ import annotations

import asyncio

from reference_server.breaker import Permit
from reference_server.parts import Parts

DESCRIPTION = "a trial whose caller has gone counts as a success, and closes the circuit"


def install(parts: Parts) -> None:
    """A trial's permit that is given back by a task that is being cancelled was a success."""
    cancel_as_before = Permit.cancel

    def cancel(self: Permit) -> None:
        task = asyncio.current_task()
        if self.probe and task is not None and task.cancelling():
            self.success()
        else:
            cancel_as_before(self)

    Permit.cancel = cancel  # type: ignore[method-assign]  # a defect replaces a method
