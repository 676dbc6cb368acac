"""What the connections of one process share."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_status.database.sessions import Sessions, read_status
from pipeline_status.members import Members
from pipeline_status.settings import Settings

logger = logging.getLogger(__name__)


class Parts:
    """Settings, database, members and the last update."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self.settings = settings
        self.sessions = sessions
        self.members = Members(settings.max_connections)
        self.failures = 0
        """Updates that the database did not let be made."""
        self._sequence = 0

    async def session_while_handled(self) -> AsyncIterator[AsyncSession]:
        """A session for as long as a request or a WebSocket is handled, as a dependency of FastAPI's."""
        async with self.sessions.session() as session:
            yield session

    async def next_update(self) -> str | None:
        """The next broadcast; None where the database fails."""
        try:
            async with self.sessions.session() as session:
                data = await read_status(session)
        except SQLAlchemyError as error:
            self.failures += 1
            logger.warning("no update: %s", error)
            return None
        self._sequence += 1
        return self._update(data)

    async def present(self) -> str:
        """The status as it is now, with the number of the last broadcast. Raises SQLAlchemyError."""
        # Its number first: what is asked after it cannot be older than the broadcast of that number.
        sequence = self._sequence
        async with self.sessions.session() as session:
            return self._update(await read_status(session), sequence)

    async def statistics(self) -> dict[str, object]:
        """What /stats shows."""
        return {
            "connections": len(self.members),
            "accepted": self.members.accepted,
            "ended": self.members.ended,
            "rejected": self.members.rejected,
            "tasks": len(asyncio.all_tasks()),
            "database": {
                "kind": self.sessions.kind,
                "in_use": await self.sessions.in_use(),
                "pooled": self.sessions.pooled(),
                "failures": self.failures,
            },
        }

    def _update(self, data: dict[str, object], sequence: int | None = None) -> str:
        return json.dumps(
            {
                "type": "pipeline_status_update",
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "sequence": self._sequence if sequence is None else sequence,
                "data": data,
            }
        )
