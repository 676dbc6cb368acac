"""Counts whoever the gate turns away for a foreign origin as a failed establishment of the session.

Breaks the accept breaker: a page that has no business here, or one user with a wrong setting, comes a few times and
shuts everybody else out, though what the session depends on is well.
"""

from __future__ import annotations

from reference_server.gate import Gate
from reference_server.parts import Parts
from reference_server.rejection import Rejection
from starlette.websockets import WebSocket

DESCRIPTION = "clients with a foreign origin are counted as failures of the accept breaker"


def install(parts: Parts) -> None:
    """One breaker for everybody, and for everything."""
    stranger_as_before = Gate.stranger

    def stranger(self: Gate, websocket: WebSocket) -> Rejection | None:
        rejection = stranger_as_before(self, websocket)
        permit = parts.accept_breaker.acquire() if rejection is not None and rejection.reason == "origin" else None
        if permit is not None:
            permit.failure("origin")
        return rejection

    Gate.stranger = stranger  # type: ignore[method-assign]  # a defect replaces a method
