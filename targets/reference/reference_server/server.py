"""uvicorn's server, going down the way its clients deserve: told with 1001, in bounded time, exit code 0."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Generator
from types import FrameType

import uvicorn

from reference_server import closes
from reference_server.config import ReferenceConfig
from reference_server.http_protocol import HttpProtocol
from reference_server.listener import ExhaustionHandler
from reference_server.parts import Parts
from reference_server.tls_protocol import TlsProtocol
from reference_server.websocket_protocol import WebSocketProtocol

logger = logging.getLogger(__name__)

FORCED_EXIT_POLL = 0.05
"""Seconds between looks for a second signal while the drain waits."""


class Server(uvicorn.Server):
    """Drains instead of dropping."""

    config: ReferenceConfig

    def __init__(self, parts: Parts) -> None:
        http = TlsProtocol if parts.settings.websocket_tls_certificate else HttpProtocol
        super().__init__(ReferenceConfig(parts, http=http, ws=WebSocketProtocol))
        self.parts = parts

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then lengthen the kernel's queue (see `listener.py`)."""
        asyncio.get_running_loop().set_exception_handler(ExhaustionHandler(self.parts.counters))
        await super().startup(sockets=sockets)
        # What was loaded stays for good. Without this the collector goes through all of it now and then, which takes a
        # second and a half on a twentieth of a core.
        gc.collect()
        gc.freeze()
        for listener in sockets or []:
            listener.listen(self.parts.settings.listen_backlog)
            host, port = listener.getsockname()[:2]
            print(f"reference_server: listening on {host}:{port} (pid {os.getpid()})", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell everybody, wait for them in bounded time, then stop listening and end.

        While it drains the server still listens: health checks get their 503 and new clients a graceful no, instead of
        a refused connection that says nothing.
        """
        loop = asyncio.get_running_loop()
        settings = self.parts.settings
        deadline = loop.time() + settings.shutdown_timeout - settings.websocket_close_timeout
        self.parts.drain.begin()
        inside = self.parts.registry.all()
        logger.warning("draining %d connections", len(inside))
        for connection in inside:
            connection.close(closes.coded(closes.SHUTDOWN, settings.shutdown_code))
        self._refuse_the_unestablished()
        await self._wait_for({connection.wire.lost for connection in inside}, deadline)

        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await self._end_the_rest(deadline + settings.websocket_close_timeout)
        await self.lifespan.shutdown()
        logger.warning("drained")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains; a second one does not wait for anybody."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take SIGTERM and SIGINT as requests to drain.

        uvicorn raises them again at the end, and would die of the signal it has handled; done is done: exit code 0.
        """
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _refuse_the_unestablished(self) -> None:
        for protocol in list(self.server_state.connections):
            protocol.shutdown()

    async def _wait_for(self, ends: set[asyncio.Future[None]], deadline: float) -> None:
        loop = asyncio.get_running_loop()
        while not self.force_exit and loop.time() < deadline and any(not end.done() for end in ends):
            await asyncio.wait(ends, timeout=min(FORCED_EXIT_POLL, deadline - loop.time()))

    async def _end_the_rest(self, deadline: float) -> None:
        """Requests under way, clients just refused, and whoever is still here at the deadline."""
        loop = asyncio.get_running_loop()
        self._refuse_the_unestablished()
        while self.server_state.connections and not self.force_exit and loop.time() < deadline:  # noqa: ASYNC110  # uvicorn offers no event
            await asyncio.sleep(min(FORCED_EXIT_POLL, max(0.0, deadline - loop.time())))
        for protocol in list(self.server_state.connections):
            protocol.transport.abort()
        for task in self.server_state.tasks:
            task.cancel()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=max(FORCED_EXIT_POLL, deadline - loop.time()))
