"""Keeps the errors by which an open breaker turned clients away, for a report on the outage.

Breaks leak-free: each error has its traceback, that has the frames, and those have the connection with all that hangs
on it. In an outage everybody comes again every few seconds, and the server runs out of memory in front of a circuit
that is there to protect it.
"""

from __future__ import annotations

from reference_server.endpoints.session import Session
from reference_server.establishment import Establishment
from reference_server.parts import Parts
from reference_server.rejection import Rejected

DESCRIPTION = "the memory of each client that an open accept breaker turns away is never given back"


def install(parts: Parts) -> None:
    """The errors themselves, and not what they say."""
    establish_as_before = Session.establish
    of_this_outage: list[Rejected] = []

    async def establish(self: Session, establishment: Establishment) -> None:
        try:
            await establish_as_before(self, establishment)
        except Rejected as error:
            of_this_outage.append(error)
            raise

    Session.establish = establish  # type: ignore[method-assign]  # a defect replaces a method
