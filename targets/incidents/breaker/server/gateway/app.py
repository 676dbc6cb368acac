"""The application: `/ws` echoes to whoever is established, `/session` greets before that; the rest is plain HTTP."""

from __future__ import annotations

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from gateway.door import Door
from gateway.settings import Settings


def create_app(settings: Settings, limits: dict[str, str]) -> FastAPI:
    """The gateway with these settings; `limits` is what became of those of the process."""
    app = FastAPI(openapi_url=None)
    door = Door(settings)
    connected: set[WebSocket] = set()

    @app.get("/health")
    async def health() -> str:
        return "ok"

    @app.get("/stats")
    async def stats() -> dict[str, object]:
        return {
            "connections": len(connected),
            "profile": settings.profile,
            "on_cloud": settings.on_cloud,
            "limits": limits,
            "accept_breaker": door.get_statistics(),
        }

    @app.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await converse(websocket, greeting=None)

    @app.websocket("/session")
    async def session(websocket: WebSocket) -> None:
        await converse(websocket, greeting="welcome")

    async def converse(websocket: WebSocket, *, greeting: str | None) -> None:
        try:
            if not await door.establish(websocket):
                return
            connected.add(websocket)
            if greeting is not None:
                await websocket.send_text(greeting)
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect:
            pass
        except KeyError:
            await websocket.close(1003, "text is needed")
        finally:
            connected.discard(websocket)

    return app
