"""A master and its workers, which share its listener: `python pre_forked_server.py PORT`; echoes WebSockets.

WORKERS says how many there are, else two. SIGUSR1 to the master: from then on it replaces a worker that has died. What
a worker does at SIGTERM is said by AT_SIGTERM: "die" (else), "drain", which takes nobody any more and serves those who
are there, or "nothing". It prints "listening" once all have been started.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from types import FrameType

from websockets.asyncio.server import ServerConnection, serve

WORKERS = int(os.environ.get("WORKERS", "2"))
AT_SIGTERM = os.environ.get("AT_SIGTERM", "die")


async def _echo(peer: ServerConnection) -> None:
    async for message in peer:
        await peer.send(message)


async def _work(listener: socket.socket) -> None:
    async with serve(_echo, sock=listener, compression=None, ping_interval=None) as server:
        if AT_SIGTERM == "drain":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: server.close(close_connections=False))
        elif AT_SIGTERM == "nothing":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("working", flush=True)
        await asyncio.get_running_loop().create_future()


def _fork(listener: socket.socket) -> None:
    if not os.fork():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        asyncio.run(_work(listener))


def main(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=100)
    replaces = False

    def replace(number: int, frame: FrameType | None) -> None:
        nonlocal replaces
        replaces = True

    signal.signal(signal.SIGUSR1, replace)
    for _ in range(WORKERS):
        _fork(listener)
    print("listening", flush=True)
    there = WORKERS
    while True:
        if there:
            os.wait()
            there -= 1
        else:
            signal.pause()
        if replaces:
            _fork(listener)
            there += 1


if __name__ == "__main__":
    main(int(sys.argv[1]))
