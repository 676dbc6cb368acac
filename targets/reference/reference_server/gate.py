"""All that is checked before a client is let in, in the order of what it costs."""

from __future__ import annotations

import math

from starlette.websockets import WebSocket

from reference_server.admission import FULL, OUT_OF_MEMORY, Admission
from reference_server.auth import origin_allowed, token_of, token_problem
from reference_server.backpressure import Backpressure
from reference_server.breaker import Breaker
from reference_server.drain import Drain
from reference_server.rate import HandshakeRate
from reference_server.rejection import HTTP, Rejection
from reference_server.settings import Settings

CAPACITY_TEXTS = {FULL: "connection limit reached", OUT_OF_MEMORY: "memory limit reached"}


class Gate:
    """Says why a client may not come in."""

    def __init__(
        self,
        settings: Settings,
        *,
        admission: Admission,
        backpressure: Backpressure,
        handshake_rate: HandshakeRate,
        drain: Drain,
    ) -> None:
        self._settings = settings
        self._admission = admission
        self._backpressure = backpressure
        self._handshake_rate = handshake_rate
        self._drain = drain

    def stranger(self, websocket: WebSocket) -> Rejection | None:
        """Checks on the request alone: going down, foreign origin, too many handshakes."""
        if self._drain.active:
            return self._busy("draining", "server shutting down")
        if not origin_allowed(websocket.headers, allowed=self._settings.websocket_allowed_origins):
            return Rejection(reason="origin", text="origin not allowed", status=403)
        address = websocket.client.host if websocket.client else ""
        if not self._handshake_rate.allows(address):
            wait = max(1, math.ceil(1 / self._settings.websocket_handshake_rate))
            return Rejection(reason="rate", text="too many handshakes", status=429, retry_after=wait)
        return None

    def token(self, websocket: WebSocket) -> Rejection | None:
        """Check the token."""
        problem = token_problem(token_of(websocket), secret=self._settings.websocket_jwt_secret)
        return None if problem is None else Rejection(reason="token", text=problem, status=401)

    def enter(self) -> Rejection | None:
        """Take a place; None if there was one. Give it back with `leave`."""
        full = self._admission.try_enter()
        if full is not None:
            return self._busy(full, CAPACITY_TEXTS[full])
        self._backpressure.update()
        return None

    def leave(self) -> None:
        """Give the place back."""
        self._admission.leave()
        self._backpressure.update()

    def unavailable(self, breaker: Breaker) -> Rejection:
        """The breaker in front of what a session needs is open."""
        wait = breaker.open_for()
        return Rejection(
            reason="breaker",
            text="Service temporarily unavailable",
            style=self._settings.websocket_breaker_reject_with,
            retry_after=self._settings.websocket_retry_after if math.isinf(wait) else max(1, math.ceil(wait)),
        )

    def _busy(self, reason: str, text: str) -> Rejection:
        # A server going down upgrades nobody, whatever the style: there is no time for a close handshake.
        style = HTTP if self._drain.active else self._settings.websocket_reject_with
        return Rejection(reason=reason, text=text, style=style, retry_after=self._settings.websocket_retry_after)
