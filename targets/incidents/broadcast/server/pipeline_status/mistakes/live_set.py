"""`live-set`: the broadcast walks the set of listeners itself, and waits for something in between.

Where somebody comes or goes meanwhile, Python ends the walk: who had not had its turn misses that update. Where as many
come as go it does not notice, and one may have two turns.
"""

from __future__ import annotations

import asyncio
import logging

from pipeline_status.members import Members

logger = logging.getLogger(__name__)

EACH = 0.01
"""Seconds for each listener, as for a question about it to the database. With none, one of five cells was red in one
run: a dozen turns of the event loop are seldom hit."""


async def tell(members: Members, update: str) -> None:
    """Offer an update to everybody, one after the other, in the set as it is at that moment."""
    try:
        for member in members.inside:
            members.offer(member, update)
            await asyncio.sleep(EACH)
    except RuntimeError as error:
        logger.warning("a broadcast broke off: %s", error)
