"""Makes the breaker in front of the session's upstream anew for each request, so it forgets every failure.

Breaks the accept breaker: however long the upstream is down, each client waits for it and fails, and each costs it a
request. Such a breaker is made, with good intentions, to keep users from seeing each other's failures.
"""

from __future__ import annotations

from reference_server.breakers import build_breaker
from reference_server.endpoints.session import Session
from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "failed establishments are forgotten at once, so the accept breaker never opens"


def install(parts: Parts) -> None:
    """One breaker a request."""
    establish_as_before = Session.establish

    async def establish(self: Session, establishment: Establishment) -> None:
        self._breaker = build_breaker("accept", parts.settings)
        await establish_as_before(self, establishment)

    Session.establish = establish  # type: ignore[method-assign]  # a defect replaces a method
