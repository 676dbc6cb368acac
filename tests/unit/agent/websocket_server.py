"""A WebSocket server for tests: `python websocket_server.py PORT`; answers every message with "echo: " before it."""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve


async def answer(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(f"echo: {message!s}")


async def main(port: int) -> None:
    async with serve(answer, "127.0.0.1", port, compression=None) as server:
        print("listening", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
