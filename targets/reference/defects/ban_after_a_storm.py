"""Takes clients that come back after an outage for an attack: after fifty ends within three seconds nobody gets in.

Breaks recovery: one outage of a small crowd is survived, a link that goes down three times in a row is not. A guard
against floods that counts by address does the same behind a proxy, where everybody has one address.
"""

from __future__ import annotations

from collections import deque

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "after fifty connections have ended within three seconds, newcomers are turned away"

MOST = 50
WITHIN = 3.0
"""Seconds; longer than `fast` promises to recover within."""


def install(parts: Parts) -> None:
    """Count those who leave, and look at the count before anybody is let in."""
    lost: deque[float] = deque(maxlen=MOST)
    remove_from, enter = parts.registry.remove, parts.admission.try_enter

    def remove(connection: Connection) -> None:
        lost.append(parts.clock.now())
        remove_from(connection)

    def try_enter() -> str | None:
        if len(lost) == MOST and parts.clock.now() - lost[0] < WITHIN:
            return "flood"
        return enter()

    parts.registry.remove = remove  # type: ignore[method-assign]  # a defect replaces a method
    parts.admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
