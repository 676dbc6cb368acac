"""The FastAPI application: paths to handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from pipeline_status import broadcasting, waiting
from pipeline_status.parts import Parts

FEED = "/ws/monitoring/pipeline-status"
POLL = "/api/v1/monitoring/pipeline-status"
HEALTH = "/api/v1/public/health"


def build_app(parts: Parts) -> FastAPI:
    """The application with these parts."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with parts.sessions.ready():
            tasks = [asyncio.create_task(one) for one in _background(parts)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(title="pipeline status", lifespan=lifespan, openapi_url=None)

    @app.get(HEALTH)
    async def health() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/stats")
    async def stats() -> Response:
        return JSONResponse(await parts.statistics())

    @app.get(POLL)
    async def poll() -> Response:
        try:
            return Response(await parts.present(), media_type="application/json")
        except SQLAlchemyError as error:
            return PlainTextResponse(f"{type(error).__name__}\n", status_code=503)

    handler = waiting if parts.settings.handler == "waiting" else broadcasting
    handler.add_handler(app, parts, FEED)
    return app


def _background(parts: Parts) -> list[Coroutine[Any, Any, None]]:
    if parts.settings.handler == "waiting":
        return []
    told = [broadcasting.sweep(parts)] if parts.settings.ageing == "told" else []
    return [broadcasting.broadcast(parts), *told]
