"""Tries to accept again at once where it has no file for it.

Breaks pressure: the connection that waits makes the listener ready all the time, so the loop goes round as fast as it
can, and writes a line each time. Those inside are served, and pay for it: a core, and a log that fills the disk.
asyncio waits a second for this reason, and Go's net/http up to one; many a loop written by hand does not.
"""

from __future__ import annotations

from asyncio import constants

from reference_server.parts import Parts

DESCRIPTION = "while it has no file it tries to accept as fast as it can"


def install(parts: Parts) -> None:
    """No pause."""
    constants.ACCEPT_RETRY_DELAY = 0  # type: ignore[misc]  # a defect replaces what is final
