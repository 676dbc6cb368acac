"""The application: one endpoint that answers what it is asked, its health and its metrics."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, PlainTextResponse

from exhaustion.connection import NUMBERS, Connection
from exhaustion.manager import WebSocketResourceManager
from exhaustion.unmanaged import ConnectionList

TRY_AGAIN_AFTER = "5"
"""Seconds, for whoever is rejected. The owners name none: ours."""

Manager = WebSocketResourceManager | ConnectionList


def build_app(manager: Manager) -> FastAPI:
    """The service around a manager, or around what there was before."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        managing = asyncio.create_task(manager.run())
        try:
            yield
        finally:
            managing.cancel()
            await asyncio.gather(managing, return_exceptions=True)

    app = FastAPI(title="exhaustion", lifespan=lifespan, openapi_url=None)

    @app.get("/health")
    async def health() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/metrics")
    async def metrics() -> JSONResponse:
        return JSONResponse({**manager.statistics(), "tasks": len(asyncio.all_tasks())})

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        number, came_at = next(NUMBERS), time.perf_counter()
        lacking = manager.admit(number)
        if lacking is not None:
            await websocket.send_denial_response(
                PlainTextResponse(f"too little left of: {lacking}\n", 503, {"Retry-After": TRY_AGAIN_AFTER})
            )
            return
        try:
            await websocket.accept()
        except BaseException as error:
            manager.gave_up(number)
            if isinstance(error, WebSocketDisconnect):
                return
            raise
        connection = Connection(websocket, number=number, came_at=came_at)
        manager.joined(connection)
        try:
            while await _serve_one(manager, connection):
                pass
        except WebSocketDisconnect:
            pass
        finally:
            manager.left(connection)

    return app


async def _serve_one(manager: Manager, connection: Connection) -> bool:
    """Answer the next message; False when there are no more.

    A function of its own, so that nobody refers to a message any more while the next one is waited for: 100 clients
    with one of 4 MB each were 400 MB.
    """
    message = await connection.websocket.receive()
    if message["type"] != "websocket.receive":
        return False
    manager.heard(connection)
    await connection.websocket.send_text(_answer(message.get("text") or message.get("bytes") or ""))
    return True


def _answer(message: str | bytes) -> str:
    try:
        request = json.loads(message)
    except (ValueError, RecursionError):
        return json.dumps({"type": "error", "message": "not JSON"})
    if not isinstance(request, dict) or request.get("type") != "echo":
        return json.dumps({"type": "error", "message": "type is echo"})
    return json.dumps({"type": "echo", "id": request.get("id")})
