"""The application: one endpoint that answers what it is asked, its health and its metrics."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, PlainTextResponse

from exhaustion.connection import Connection
from exhaustion.manager import WebSocketResourceManager
from exhaustion.unmanaged import ConnectionList

TRY_AGAIN_AFTER = "5"
"""Seconds, for whoever is rejected."""


def build_app(manager: WebSocketResourceManager | ConnectionList) -> FastAPI:
    """The service around a manager, or around what there was before."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        managing = asyncio.create_task(manager.run())
        yield
        managing.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/metrics")
    async def metrics() -> JSONResponse:
        return JSONResponse({**manager.statistics(), "tasks": len(asyncio.all_tasks())})

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        lacking = manager.admit()
        if lacking is not None:
            await websocket.send_denial_response(
                PlainTextResponse(f"too little left of: {lacking}\n", 503, {"Retry-After": TRY_AGAIN_AFTER})
            )
            return
        try:
            await websocket.accept()
        except BaseException as error:
            manager.gave_up()
            if isinstance(error, WebSocketDisconnect):
                return
            raise
        connection = Connection(websocket)
        manager.joined(connection)
        try:
            while (message := await websocket.receive())["type"] == "websocket.receive":
                manager.heard(connection)
                await websocket.send_text(_answer(message.get("text") or message.get("bytes") or ""))
        except WebSocketDisconnect:
            pass
        finally:
            manager.left(connection)

    return app


def _answer(message: str | bytes) -> str:
    try:
        request = json.loads(message)
    except (ValueError, RecursionError):
        return json.dumps({"type": "error", "message": "not JSON"})
    if not isinstance(request, dict) or request.get("type") != "echo":
        return json.dumps({"type": "error", "message": "type is echo"})
    return json.dumps({"type": "echo", "id": request.get("id")})
