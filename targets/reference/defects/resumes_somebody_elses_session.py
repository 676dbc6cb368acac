"""Takes a client that comes back for the one that went away last, whatever its token says.

Breaks sessions: behind one proxy everybody has the same address, and whoever comes first gets the session of another,
with what the other sent.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "a client that comes back gets the session of whoever went away last, and not its own"


def install(parts: Parts) -> None:
    """Look for a session by who is away, and by the token only where nobody is."""
    sessions = parts.sessions
    by_token = sessions.resume

    def resume(token: str, last: int) -> KeptSession | None:
        away = [session for session in sessions._by_token.values() if session.lost_at is not None]
        if not away:
            return by_token(token, last)
        latest = max(away, key=lambda session: session.lost_at or 0.0)
        return by_token(latest.token, min(last, latest.number))

    sessions.resume = resume  # type: ignore[method-assign]  # a defect replaces a method
