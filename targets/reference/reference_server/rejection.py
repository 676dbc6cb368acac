"""Turn a client away gracefully: it learns why, and when to come back."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

HTTP = "http-503"
CLOSE = "close-1013"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a client is not let in."""

    reason: str
    """One word, for the counters."""
    text: str
    """One sentence, for the client."""
    status: int = 503
    style: str = HTTP
    """HTTP: a status instead of the upgrade; CLOSE: upgraded, then closed with 1013."""
    retry_after: int | None = None
    """Whole seconds."""


class Rejected(Exception):
    """Raised where a connection is being established, to turn the client away."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.text)
        self.rejection = rejection


async def reject(websocket: WebSocket, rejection: Rejection) -> None:
    """Answer the client in the rejection's style. The connection is not accepted yet."""
    if rejection.style == CLOSE:
        # Closing before accepting would reach the client as a bare HTTP 403 without any close code.
        await websocket.accept()
        await websocket.close(code=1013, reason=rejection.text)
        return
    headers = {} if rejection.retry_after is None else {"Retry-After": str(rejection.retry_after)}
    await websocket.send_denial_response(
        PlainTextResponse(rejection.text + "\n", status_code=rejection.status, headers=headers)
    )
