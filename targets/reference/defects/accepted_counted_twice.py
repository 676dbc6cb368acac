"""Counts a connection when it is accepted, and once more when it is registered.

Breaks the counter of connections let in: it rises by two for each. The number of those that are there is right, and so
is everything that clients see.
"""

from __future__ import annotations

from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "each connection that is let in is counted twice, at the upgrade and when it is registered"


def install(parts: Parts) -> None:
    """The second place that counts."""
    register = Establishment.register

    async def count(self: Establishment) -> None:
        self.parts.counters.accepted += 1
        await register(self)

    Establishment.register = count  # type: ignore[method-assign]  # a defect replaces a method
