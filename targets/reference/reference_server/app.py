"""The FastAPI application: paths to endpoints, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.websockets import WebSocket

from reference_server.background import running
from reference_server.endpoints.base import Endpoint
from reference_server.endpoints.data import Data
from reference_server.endpoints.echo import Echo
from reference_server.endpoints.feed import Feed
from reference_server.endpoints.live import Live
from reference_server.endpoints.resumable import Resumable
from reference_server.endpoints.session import Session
from reference_server.observe import statistics
from reference_server.parts import Parts
from reference_server.serve import serve


def build_app(parts: Parts) -> FastAPI:
    """The application for these parts."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(parts):
            yield

    app = FastAPI(title="reference server", lifespan=lifespan, openapi_url=None)
    endpoints = (
        Echo(),
        Live(),
        Feed(),
        Data(parts.source),
        Resumable(parts.sessions),
        Session(parts.settings, upstream=parts.upstream, breaker=parts.accept_breaker, gate=parts.gate),
    )
    for endpoint in endpoints:
        _add_websocket(app, parts, endpoint)
    _add_http(app, parts)
    return app


def _add_websocket(app: FastAPI, parts: Parts, endpoint: Endpoint) -> None:
    @app.websocket(f"/{endpoint.name}")
    async def connect(websocket: WebSocket) -> None:
        await serve(websocket, parts, endpoint)


def _add_http(app: FastAPI, parts: Parts) -> None:
    @app.get("/health")
    async def health() -> JSONResponse:
        status = "draining" if parts.drain.active else "ok"
        body = {"status": status, "connections": parts.admission.inside, "alerts": parts.alerts.update()}
        return JSONResponse(body, status_code=503 if parts.drain.active else 200)

    @app.get("/stats")
    async def stats() -> JSONResponse:
        return JSONResponse(statistics(parts))

    @app.get("/metrics")
    async def metrics() -> Response:
        # Imported at the first scrape: a server nobody scrapes starts without it.
        from reference_server.metrics import CONTENT_TYPE_LATEST, exposition

        return Response(exposition(parts), headers={"content-type": CONTENT_TYPE_LATEST})

    @app.websocket("/{path:path}")
    async def nowhere(websocket: WebSocket, path: str) -> None:
        parts.counters.reject("path")
        await websocket.send_denial_response(PlainTextResponse(f"no WebSocket at /{path}\n", status_code=404))
