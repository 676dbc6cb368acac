"""Keeps the session of every client that ever was there.

Breaks the end of sessions: their number grows with everybody who goes away for good.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the session of a client that does not come back is kept for good"


def install(parts: Parts) -> None:
    """Forget nothing, at a sweep or otherwise."""
    parts.sweep._chores = [chore for chore in parts.sweep._chores if chore != parts.sessions.forget_expired]
    parts.sessions.forget_expired = lambda: None  # type: ignore[method-assign]  # a defect replaces a method
