"""An echo endpoint as aiohttp's documentation writes it (https://docs.aiohttp.org/en/stable/web_quickstart.html#websockets).

With the shutdown handler of https://docs.aiohttp.org/en/stable/web_advanced.html#graceful-shutdown.
"""

import argparse
import weakref

from aiohttp import WSCloseCode, WSMsgType, web

websockets = web.AppKey("websockets", weakref.WeakSet)


async def echo(request: web.Request) -> web.WebSocketResponse:
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    request.app[websockets].add(websocket)
    try:
        async for message in websocket:
            if message.type == WSMsgType.TEXT:
                await websocket.send_str(message.data)
    finally:
        request.app[websockets].discard(websocket)
    return websocket


async def on_shutdown(app: web.Application) -> None:
    for websocket in set(app[websockets]):
        await websocket.close(code=WSCloseCode.GOING_AWAY, message=b"Server shutdown")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    app = web.Application()
    app[websockets] = weakref.WeakSet()
    app.add_routes([web.get("/ws", echo)])
    app.on_shutdown.append(on_shutdown)
    web.run_app(app, host=options.host, port=options.port)
