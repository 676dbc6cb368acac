"""Workers each of which has a listener of its own on the same port, by SO_REUSEPORT, and a master that has none:

`python reuse_port_server.py PORT`; echoes WebSockets. WORKERS says how many there are, else two. It prints "listening"
once all of them do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

from websockets.asyncio.server import ServerConnection, serve

WORKERS = int(os.environ.get("WORKERS", "2"))


async def _echo(peer: ServerConnection) -> None:
    async for message in peer:
        await peer.send(message)


async def _work(port: int, told: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", port))
        async with serve(_echo, sock=listener, compression=None, ping_interval=None):
            os.write(told, b".")
            await asyncio.get_running_loop().create_future()


def main(port: int) -> None:
    heard, told = os.pipe()
    for _ in range(WORKERS):
        if not os.fork():
            asyncio.run(_work(port, told))
        os.read(heard, 1)
    print("listening", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]))
