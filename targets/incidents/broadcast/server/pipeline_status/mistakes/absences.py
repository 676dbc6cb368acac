"""`absences`: whoever is lost leaves a transaction open, in which its return is to be noted.

It never returns, to the server: who comes back is somebody else.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_status.database.sessions import Sessions
from pipeline_status.members import Member


class Absences:
    """Those who are away, each with a session."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._open: dict[Member, AsyncSession] = {}

    async def begin(self, member: Member) -> None:
        """Note from which event on it misses all, in a session for as long as it is away. Raises SQLAlchemyError."""
        session = self._open[member] = self._sessions.session()
        await session.execute(text("SELECT max(id) FROM events"))
