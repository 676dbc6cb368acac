"""Counts a call that was called off, because its caller had gone, as one that failed.

Breaks "callers who go open no circuit": `except BaseException` around the call counts the cancellation as well. Five
readers who close a page that was slow to load open the circuit for everybody. Seen in purgatory (2024).
"""

from __future__ import annotations

import asyncio

from reference_server.breaker import Permit
from reference_server.parts import Parts

DESCRIPTION = "a call whose caller has gone counts as a failure of the upstream"


def install(parts: Parts) -> None:
    """A permit that is given back by a task that is being cancelled has failed."""
    cancel_as_before = Permit.cancel

    def cancel(self: Permit) -> None:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            self.failure("cancelled")
        else:
            cancel_as_before(self)

    Permit.cancel = cancel  # type: ignore[method-assign]  # a defect replaces a method
