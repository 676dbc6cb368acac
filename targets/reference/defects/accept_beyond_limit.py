"""Looks whether there is room, awaits something, and only then counts the client: a burst sees room as a whole."""

from __future__ import annotations

import asyncio

from reference_server.admission import FULL
from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "the connection limit is checked before an await and counted after it: a burst gets in as a whole"

LOOK_UP = 0.05
"""Seconds between looking and counting: what a look-up in a shared store takes."""


def install(parts: Parts) -> None:
    """Compare the limit with those who are established, and establish them a little later."""
    admission = parts.admission
    accept_at_once = Establishment.accept

    def try_enter() -> str | None:
        if len(parts.registry) >= admission.limit:
            return FULL
        admission.inside += 1
        return None

    async def accept(self: Establishment) -> None:
        await asyncio.sleep(LOOK_UP)
        await accept_at_once(self)

    admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
    Establishment.accept = accept  # type: ignore[method-assign]  # a defect replaces a method
