"""Takes a page for one of ours where its address begins like one: `https://app.example.test.elsewhere.test`.

Breaks survival: whoever can register a name gets in, with the cookies of a user of ours. The comparison was meant to
allow for a path behind the name, which an Origin never has.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.rejection import Rejection
from starlette.websockets import WebSocket

DESCRIPTION = "a page of another site is let in where its name begins like ours"


def install(parts: Parts) -> None:
    """Forgive an origin that begins rightly."""
    stranger_as_before, allowed = parts.gate.stranger, tuple(parts.settings.websocket_allowed_origins)

    def stranger(websocket: WebSocket) -> Rejection | None:
        rejection = stranger_as_before(websocket)
        begins_like_ours = bool(allowed) and websocket.headers.get("origin", "").startswith(allowed)
        return None if rejection is not None and rejection.reason == "origin" and begins_like_ours else rejection

    parts.gate.stranger = stranger  # type: ignore[method-assign]  # a defect replaces a method
