"""The application: paths to endpoints, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from reference_server.background import running
from reference_server.endpoints.base import Endpoint
from reference_server.endpoints.data import Data
from reference_server.endpoints.echo import Echo
from reference_server.endpoints.feed import Feed
from reference_server.endpoints.live import Live
from reference_server.endpoints.resumable import Resumable
from reference_server.endpoints.session import Session
from reference_server.frameworks import Page, Socket, assemble
from reference_server.observe import statistics
from reference_server.parts import Parts
from reference_server.serve import serve


def build_app(parts: Parts) -> ASGIApp:
    """The application for these parts."""

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with running(parts):
            yield

    endpoints = (
        Echo(),
        Live(),
        Feed(),
        Data(parts.source),
        Resumable(parts.sessions),
        Session(parts.settings, upstream=parts.upstream, breaker=parts.accept_breaker, gate=parts.gate),
    )
    return assemble(
        parts.settings.server_framework,
        lifespan=lifespan,
        sockets={f"/{endpoint.name}": _socket(parts, endpoint) for endpoint in endpoints},
        pages=_pages(parts),
        nowhere=_nowhere(parts),
    )


def _socket(parts: Parts, endpoint: Endpoint) -> Socket:
    async def connect(websocket: WebSocket) -> None:
        await serve(websocket, parts, endpoint)

    return connect


def _pages(parts: Parts) -> Mapping[str, Page]:
    async def health(_request: Request) -> Response:
        status = "draining" if parts.drain.active else "ok"
        body = {"status": status, "connections": parts.admission.inside, "alerts": parts.alerts.update()}
        return JSONResponse(body, status_code=503 if parts.drain.active else 200)

    async def stats(_request: Request) -> Response:
        return JSONResponse(statistics(parts))

    async def latest(_request: Request) -> Response:
        return Response(parts.feed.present(), media_type="application/json")

    async def metrics(_request: Request) -> Response:
        # Imported at the first scrape: a server nobody scrapes starts without it.
        from reference_server.metrics import CONTENT_TYPE_LATEST, exposition

        return Response(exposition(parts), headers={"content-type": CONTENT_TYPE_LATEST})

    return {"/health": health, "/stats": stats, "/feed/latest": latest, "/metrics": metrics}


def _nowhere(parts: Parts) -> Socket:
    async def nowhere(websocket: WebSocket) -> None:
        parts.counters.reject("path")
        text = f"no WebSocket at {websocket.url.path}\n"
        await websocket.send_denial_response(PlainTextResponse(text, status_code=404))

    return nowhere
