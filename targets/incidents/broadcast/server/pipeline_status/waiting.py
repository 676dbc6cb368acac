"""The handler before the fix: it waits for text of its client, sends nothing, and holds a session all the while."""

from __future__ import annotations

import asyncio

from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_status.parts import Parts


def add_handler(app: FastAPI, parts: Parts, path: str) -> None:
    """Wait for clients on a path."""
    session_while_handled = Depends(parts.session_while_handled)

    @app.websocket(path)
    async def pipeline_status(websocket: WebSocket, session: AsyncSession = session_while_handled) -> None:
        # Which pipeline it is about. The question opens a transaction, and nothing ends it before the handler does.
        await session.execute(text("SELECT name FROM pipelines"))
        member = parts.members.join(websocket)
        if member is None:
            await websocket.close(1013, "too many connections")
            return
        try:
            await websocket.accept()
            while True:
                try:
                    async with asyncio.timeout(parts.settings.connection_timeout):
                        await websocket.receive_text()
                except TimeoutError:
                    continue
        except WebSocketDisconnect:
            pass
        finally:
            parts.members.leave(member)
