"""An echo server that stops on SIGTERM, as the documentation of `websockets` writes it.

https://websockets.readthedocs.io/en/stable/howto/recipes.html (graceful shutdown)
"""

import argparse
import asyncio
import signal

from websockets.asyncio.server import ServerConnection, serve


async def echo(websocket: ServerConnection) -> None:
    async for message in websocket:
        await websocket.send(message)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    async with serve(echo, options.host, options.port) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
