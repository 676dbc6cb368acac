"""What finds the endpoint for a path: Starlette, FastAPI above it, or nothing but ASGI.

Whoever serves WebSockets has one of them, and a suite that fits one by luck goes red on the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

Socket = Callable[[WebSocket], Awaitable[None]]
Page = Callable[[Request], Awaitable[Response]]
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def assemble(
    framework: str, *, lifespan: Lifespan, sockets: Mapping[str, Socket], pages: Mapping[str, Page], nowhere: Socket
) -> ASGIApp:
    """The application: paths to what is there, and `nowhere` for a WebSocket on any other."""
    if framework == "asgi":
        return Bare(lifespan=lifespan, sockets=sockets, pages=pages, nowhere=nowhere)
    routes: list[BaseRoute] = [WebSocketRoute(path, socket) for path, socket in sockets.items()]
    routes += [Route(path, page) for path, page in pages.items()]
    routes.append(WebSocketRoute("/{path:path}", nowhere))
    if framework == "starlette":
        return Starlette(lifespan=lifespan, routes=routes)
    from fastapi import FastAPI  # who has not asked for it need not have it

    return FastAPI(lifespan=lifespan, routes=routes, openapi_url=None)


class Bare:
    """ASGI, and no framework above it."""

    def __init__(
        self, *, lifespan: Lifespan, sockets: Mapping[str, Socket], pages: Mapping[str, Page], nowhere: Socket
    ) -> None:
        self._lifespan = lifespan
        self._sockets = sockets
        self._pages = pages
        self._nowhere = nowhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                socket = self._sockets.get(scope["path"], self._nowhere)
                await socket(WebSocket(scope, receive=receive, send=send))
            case _:
                response = await self._answer(Request(scope, receive))
                await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        page = self._pages.get(request.url.path)
        if page is None:
            return PlainTextResponse("Not Found", status_code=404)
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("Method Not Allowed", status_code=405, headers={"Allow": "GET, HEAD"})
        return await page(request)

    async def _live(self, receive: Receive, send: Send) -> None:
        """https://asgi.readthedocs.io/en/latest/specs/lifespan.html"""
        await receive()
        begun = False
        try:
            async with self._lifespan(self):
                begun = True
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            failed: Message = {"type": f"lifespan.{'shutdown' if begun else 'startup'}.failed", "message": str(error)}
            await send(failed)
            raise
        await send({"type": "lifespan.shutdown.complete"})
