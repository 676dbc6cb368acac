"""Closes with 1000, "normal closure", at shutdown.

Breaks the closing code: to a client that goes by it the conversation has ended as it should, so it does not come back
to the instance that takes over. 1001, "going away", would have told it to.
"""

from __future__ import annotations

from reference_server.outbox import Close, Outbox
from reference_server.parts import Parts

DESCRIPTION = "at shutdown clients are closed with 1000 and not with 1001"


def install(parts: Parts) -> None:
    """Whatever says that the server goes away says that all is done."""
    finish = Outbox.finish

    def normal(self: Outbox, close: Close) -> None:
        finish(self, Close(code=1000, reason=close.reason) if close.code == 1001 else close)

    Outbox.finish = normal  # type: ignore[method-assign]  # a defect replaces a method
