"""Acknowledges a message when it has come in, and applies it with the others of the same second.

Breaks acknowledgements: of a client whose connection ends in between, what was acknowledged is never applied, and not
sent again either.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "what was acknowledged and waits to be applied with others goes with its connection"

TOGETHER = 1.0
"""Seconds from a message to its being applied, with all that came after it."""


def install(parts: Parts) -> None:
    """Collect messages, and apply those of clients that are still there when the first of them is old enough."""
    sessions = parts.sessions
    tick, apply = sessions.tick, KeptSession.apply
    waiting: dict[KeptSession, tuple[float, list[tuple[int, str]]]] = {}

    def later(self: KeptSession, identity: int, text: str) -> None:
        waiting.setdefault(self, (sessions._now(), []))[1].append((identity, text))

    def apply_together() -> None:
        for session, (since, messages) in list(waiting.items()):
            if session.lost_at is not None:
                del waiting[session]
            elif since <= sessions._now() - TOGETHER:
                del waiting[session]
                for identity, text in messages:
                    apply(session, identity, text)
        tick()

    KeptSession.apply = later  # type: ignore[method-assign]  # a defect replaces a method
    sessions.tick = apply_together  # type: ignore[method-assign]  # a defect replaces a method
