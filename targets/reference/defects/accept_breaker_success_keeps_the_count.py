"""Counts failed establishments, and takes nothing back for one that succeeded.

Breaks "failures in a row": where every other establishment fails, the front door shuts after the fifth failure, also
for those who would have got in.
"""

from __future__ import annotations

from reference_server.parts import Parts

from defects._kept_count import keep_the_count

DESCRIPTION = "a client that gets in does not clear the count: the fifth failure since the start shuts the door"


def install(parts: Parts) -> None:
    """Put the count back after each success, unless it closed the circuit."""
    keep_the_count(parts.accept_breaker)
