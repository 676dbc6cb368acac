"""How a client is let in, and how it is turned away.

Starlette's `close()` before `accept()` is an HTTP 403 on the wire, whatever code it is given: a code reaches only who
was accepted before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.breaker import Breaker
from gateway.phases import PhaseFailed, TimeoutManager
from gateway.sessions import Sessions
from gateway.settings import Settings

INTERNAL_ERROR, TRY_AGAIN_LATER, POLICY_VIOLATION = 1011, 1013, 1008
LONGEST_REASON = 123
"""Bytes that RFC 6455 leaves for the reason of a close frame."""


class NotAllowed(Exception):
    """The client has no good token: its own affair."""


class TurnedAway(Exception):
    """Where whoever does not get in is left to uvicorn."""


class Door:
    """What establishes connections, and what it tells of that."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sessions = Sessions(settings.upstream)
        self._breaker = self._new_breaker()
        self._bookkeeping = 0.0
        """Seconds inside the breaker."""
        self._operations = 0
        """Clients that asked it: those who were turned away as well."""

    async def establish(self, websocket: WebSocket) -> bool:
        """Accept the client with a session, or turn it away: whether it is in. Raises WebSocketDisconnect."""
        breaker = self._breaker if self._settings.breaker_scope == "dependency" else self._new_breaker()
        began = time.perf_counter()
        permit = breaker.acquire()
        self._bookkeeping += time.perf_counter() - began
        self._operations += 1
        if permit is None:
            await self._turn_away(websocket, TRY_AGAIN_LATER, "Service temporarily unavailable")
            return False
        return await self._through(websocket, breaker, permit)

    def get_statistics(self) -> dict[str, object]:
        """The breaker's, and what it costs for each client that asks it."""
        return {
            **self._breaker.get_statistics(),
            "overhead_us": self._bookkeeping / max(1, self._operations) * 1e6,
        }

    async def _through(self, websocket: WebSocket, breaker: Breaker, permit: int) -> bool:
        offered = bool(websocket.scope.get("subprotocols"))
        kind = f"websocket_accept_{'with' if offered else 'no'}_protocol"
        failed = partial(breaker.failure, permit, kind)
        not_its_doing = failed if self._settings.breaker_counts == "everything" else partial(breaker.cancel, permit)
        try:
            self._check(websocket)
            await self._open_session()
            await websocket.accept()
        except PhaseFailed as failure:
            self._tell(failed)
            await self._turn_away(websocket, INTERNAL_ERROR, str(failure))
            return False
        except NotAllowed as refused:
            self._tell(not_its_doing)
            await self._turn_away(websocket, POLICY_VIOLATION, str(refused))
            return False
        except BaseException:
            self._tell(not_its_doing)
            raise
        self._tell(partial(breaker.success, permit))
        return True

    def _check(self, websocket: WebSocket) -> None:
        token = websocket.headers.get("authorization", "").removeprefix("Bearer ")
        if self._settings.tokens and token not in self._settings.tokens:
            raise NotAllowed("unknown token")

    async def _open_session(self) -> None:
        try:
            async with asyncio.timeout(self._settings.connection_timeout):
                await TimeoutManager(self._settings).run(self._sessions.open)
        except TimeoutError:
            raise PhaseFailed(f"no session within {self._settings.connection_timeout:g} s") from None

    async def _turn_away(self, websocket: WebSocket, code: int, reason: str) -> None:
        match self._settings.turn_away:
            case "raise":
                raise TurnedAway(reason)
            case "http-503" if code == TRY_AGAIN_LATER:
                await websocket.send_denial_response(Response(reason, 503))
            case "close":
                await websocket.close(code, reason)
            case _:
                with suppress(WebSocketDisconnect):  # it left by itself
                    await websocket.accept()
                    await websocket.close(code, reason[:LONGEST_REASON])

    def _tell(self, how_it_ended: Callable[[], None]) -> None:
        began = time.perf_counter()
        how_it_ended()
        self._bookkeeping += time.perf_counter() - began

    def _new_breaker(self) -> Breaker:
        return Breaker(threshold=self._settings.failure_threshold, recovery_timeout=self._settings.recovery_timeout)
