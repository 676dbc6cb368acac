"""The sessions on the database: SQLAlchemy's engine with its pool, what they ask, and two counts of those in use."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from pipeline_status.database import postgresql
from pipeline_status.settings import Settings

TABLES = (
    "CREATE TABLE pipelines (name TEXT PRIMARY KEY, status TEXT NOT NULL, last_run TEXT NOT NULL)",
    "CREATE TABLE sources (name TEXT PRIMARY KEY, status TEXT NOT NULL)",
    "CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT NOT NULL, what TEXT NOT NULL)",
    "INSERT INTO pipelines VALUES ('nightly', 'running', '2026-01-01T00:00:00Z')",
    "INSERT INTO sources VALUES ('orders', 'ok'), ('stock', 'ok'), ('prices', 'late')",
    "INSERT INTO events VALUES (1, '2026-01-01T00:00:00Z', 'started'), (2, '2026-01-01T00:04:10Z', 'orders loaded')",
)
IN_USE = (
    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'status' AND state <> 'idle' AND pid <> pg_backend_pid()"
)
"""Sessions that PostgreSQL itself says are in a transaction or a query, the asker's left out."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The database's URL while it runs. Raises postgresql.Missing."""
    with ExitStack() as stack:
        url = None
        if settings.database != "sqlite":
            try:
                url = stack.enter_context(postgresql.running())
            except postgresql.Missing as missing:
                if settings.database == "postgresql":
                    raise
                print(f"warning: SQLite instead of PostgreSQL: {missing}", file=sys.stderr)
        if url is None:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sqlite-", ignore_cleanup_errors=True))
            url = f"sqlite+aiosqlite:///{Path(directory) / 'status.db'}"
        yield url


class Sessions:
    """The pool, and beside it one connection of its own for the database's own count."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.kind = url.partition("+")[0]
        self._engine = create_async_engine(
            url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=settings.pool_size,
            max_overflow=settings.pool_overflow,
            pool_timeout=settings.pool_timeout,
        )
        self._make = async_sessionmaker(self._engine)
        self._witness: AsyncEngine = create_async_engine(url, poolclass=NullPool)
        self._watching: AsyncConnection | None = None

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[None]:
        """Make the tables; at the end give up every connection."""
        async with self._engine.begin() as connection:
            for statement in TABLES:
                await connection.execute(text(statement))
        if self.kind == "postgresql":
            self._watching = await (await self._witness.connect()).execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield
        finally:
            if self._watching is not None:
                await self._watching.close()
            await self._engine.dispose()

    def session(self) -> AsyncSession:
        """A session; its connection is taken from the pool by its first question and given back when it is closed.

        A pool that is empty lets it wait, and raises sqlalchemy.exc.TimeoutError in the end.
        """
        return self._make()

    def pooled(self) -> int:
        """Sessions in use by the pool's own count."""
        return int(self._engine.pool.checkedout())  # type: ignore[attr-defined]  # a QueuePool's

    async def in_use(self) -> int:
        """Sessions in use by the database's own count; SQLite has none, so there it is the pool's."""
        if self._watching is None:
            return self.pooled()
        return int(await self._watching.scalar(text(IN_USE)) or 0)


async def read_status(session: AsyncSession) -> dict[str, Any]:
    """What a monitor shows of the pipeline."""
    pipeline = (await session.execute(text("SELECT status, last_run FROM pipelines"))).one()
    sources = (await session.execute(text("SELECT name, status FROM sources ORDER BY name"))).all()
    events = (await session.execute(text("SELECT at, what FROM events ORDER BY id DESC LIMIT 5"))).all()
    return {
        "status": pipeline.status,
        "last_run": pipeline.last_run,
        "sources": {source.name: source.status for source in sources},
        "events": [{"at": at, "what": what} for at, what in events],
    }
