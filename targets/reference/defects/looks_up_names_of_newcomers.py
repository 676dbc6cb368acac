"""Looks up the name of each newcomer's address, and waits for it; of ten look-ups one meets a dead resolver.

Breaks establishment: where the resolver answers nobody notices. One of several that is down costs whoever meets it the
whole time-out, in every order that clients come in. Seen in the wild: sshd with UseDNS, and MySQL
without skip_name_resolve.
"""

from __future__ import annotations

import asyncio
from itertools import count

from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "every tenth newcomer waits 1.4 s for the name of its address"

RESOLVERS = 10
"""Asked in turn; the last one is dead."""

TIMEOUT = 1.4
"""Seconds: more than `fast` promises for getting in, and within the limit of the phase."""


def install(parts: Parts) -> None:
    """Ask the next resolver before the token is looked at."""
    authenticate_as_before = Establishment.authenticate
    turns = count(1)

    async def authenticate(self: Establishment) -> None:
        if next(turns) % RESOLVERS == 0:
            await asyncio.sleep(TIMEOUT)
        await authenticate_as_before(self)

    Establishment.authenticate = authenticate  # type: ignore[method-assign]  # a defect replaces a method
