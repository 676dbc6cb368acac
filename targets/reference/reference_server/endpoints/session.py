"""`/session`: a connection that needs the upstream before it can be established.

The upstream is asked through the *accept breaker*: when it is down, each client would otherwise hang for a phase's
limit and fail, and the upstream would get one request per reconnecting client. The breaker belongs to the dependency,
which all clients share; only the dependency's failures count. A client that leaves, or is refused by the upstream
(4xx), says nothing about it, so one user's failures never lock out another.
"""

from __future__ import annotations

from typing import ClassVar

from reference_server.breaker import Breaker
from reference_server.endpoints.live import Live
from reference_server.establishment import Establishment
from reference_server.gate import Gate
from reference_server.guard import BreakerOpen, DependencyFailed, call
from reference_server.phases import EstablishmentFailed, Phases
from reference_server.rejection import Rejected
from reference_server.settings import Settings
from reference_server.upstream import Upstream, UpstreamBusy, UpstreamRefused

PATH = "/session"


class Session(Live):
    """Greets with `{"type": "session", …}`, then echoes JSON as `/live` does."""

    name: ClassVar[str] = "session"

    def __init__(self, settings: Settings, *, upstream: Upstream, breaker: Breaker, gate: Gate) -> None:
        self._settings = settings
        self._upstream = upstream
        self._breaker = breaker
        self._gate = gate

    async def establish(self, establishment: Establishment) -> None:
        """Phase by phase. Raises EstablishmentFailed (names the phase) or Rejected."""
        phases = Phases(self._settings.websocket_connect_phases, total=self._settings.websocket_connect_timeout)
        await phases.run("authenticate", establishment.authenticate())
        granted = await self._ask(phases) if self._upstream.configured else None
        await phases.run("accept", establishment.accept())
        await phases.run("register", establishment.register())
        greeting = {"type": "session", "id": establishment.connection.id, "upstream": granted}
        await phases.run("greet", establishment.greet(greeting))

    async def _ask(self, phases: Phases) -> object:
        # The guard's own time limit is the phase's: a phase that ended it from outside would cancel the call, and
        # cancellation says nothing about the dependency, so a hanging upstream would never open the breaker.
        limit = phases.limit("upstream")
        try:
            return await call(self._breaker, self._grant, timeout=limit)
        except BreakerOpen:
            raise Rejected(self._gate.unavailable(self._breaker)) from None
        except (UpstreamRefused, UpstreamBusy, DependencyFailed) as failure:
            raise EstablishmentFailed("upstream", str(failure)) from failure

    async def _grant(self) -> object:
        return await self._upstream.get(PATH)
