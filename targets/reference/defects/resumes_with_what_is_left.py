"""Lets go of the events of a session that nobody has come back to, and of the session itself never.

Breaks the end of sessions: whoever comes back late is told that its session goes on, and what it has missed is missing.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "a client that comes back too late is told that its session goes on, with a gap in it"


def install(parts: Parts) -> None:
    """Empty the sessions that are due, and resume them after what is left."""
    sessions = parts.sessions

    def empty_expired() -> None:
        due = sessions._now() - sessions.window
        for session in sessions._by_token.values():
            if session.lost_at is not None and session.lost_at < due:
                session._events.clear()
                session._bytes = 0

    parts.sweep._chores = [chore for chore in parts.sweep._chores if chore != sessions.forget_expired]
    sessions.forget_expired = empty_expired  # type: ignore[method-assign]  # a defect replaces a method
    attach = sessions.attach

    def resume(token: str, last: int) -> KeptSession | None:
        empty_expired()
        session = sessions._by_token.get(token)
        return session if session is not None and last <= session.number else None

    def after_the_gap(session: KeptSession, connection: object, *, last: int) -> None:
        first_kept = session.number - len(session._events)
        attach(session, connection, last=max(last, first_kept))  # type: ignore[arg-type]  # passed on as it is

    sessions.resume = resume  # type: ignore[method-assign]  # a defect replaces a method
    sessions.attach = after_the_gap  # type: ignore[method-assign]  # a defect replaces a method
