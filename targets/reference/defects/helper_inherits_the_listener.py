"""Starts a helper process that inherits the listening socket, and forgets it when it ends.

Breaks restarts: the server has ended in time and with exit code 0, and its helper still listens. The kernel goes on
taking connections that nobody accepts, and the next server finds the port taken. Where the helper dies with its
server's control group, as in a container, nobody notices.
"""

from __future__ import annotations

import socket
import subprocess

from reference_server.parts import Parts
from reference_server.server import Server

DESCRIPTION = "a helper process outlives the server, and holds its listening socket"

OUTLIVES = 10
"""Seconds: longer than any supervisor takes to start the server again."""


def install(parts: Parts) -> None:
    """The helper is started with what is open."""
    start_as_before = Server.startup

    async def startup(self: Server, sockets: list[socket.socket] | None = None) -> None:
        await start_as_before(self, sockets)
        inherited = [listener.fileno() for listener in sockets or []]
        subprocess.Popen(["/bin/sleep", str(OUTLIVES)], pass_fds=inherited)  # noqa: ASYNC220  # a defect may block

    Server.startup = startup  # type: ignore[method-assign]  # a defect replaces a method
