"""The hub: `python -m hub --host H --port P`. Ends with 2 for a setting that cannot be used, naming it."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from hub import pumps_joined, pumps_raced
from hub.breaker import Breaker
from hub.gate import refusal
from hub.registry import Client, Registry
from hub.settings import Settings, read_settings
from hub.source import Source

PUMPS = {"raced": pumps_raced.handle_connection, "joined": pumps_joined.handle_connection}


class Hub:
    """What the connections of one process share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = Registry()
        self.breaker = Breaker(threshold=settings.failure_threshold, reset_timeout=settings.reset_timeout)
        self.rejected = 0
        self._source = Source(settings.upstream, breaker=self.breaker, timeout=settings.upstream_timeout)

    async def handle(self, connection: ServerConnection) -> None:
        """One client."""
        await PUMPS[self.settings.pumps](Client(connection, self.settings, self._source), self.registry)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """An answer to a plain request or to a client that may not come in; None: upgrade."""
        path = request.path.partition("?")[0]
        if path == "/health":
            return connection.respond(HTTPStatus.OK, "ok\n")
        if path == "/stats":
            return connection.respond(HTTPStatus.OK, json.dumps(self._statistics()))
        if path != "/ws":
            return connection.respond(HTTPStatus.NOT_FOUND, "the hub is at /ws\n")
        problem = refusal(request, self.settings)
        if problem is None:
            return None
        self.rejected += 1
        return connection.respond(problem[0], f"{problem[1]}\n")

    def _statistics(self) -> dict[str, object]:
        return {
            "connections": len(self.registry.clients),
            "accepted": self.registry.accepted,
            "ended": self.registry.ended,
            "rejected": self.rejected,
            "tasks": len(asyncio.all_tasks()),
            "breaker": {"state": self.breaker.state, "transitions": self.breaker.transitions},
        }


async def main(host: str, port: int, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; every client is told with 1001."""
    hub = Hub(settings)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    registering = asyncio.create_task(hub.registry.run())
    async with serve(
        hub.handle,
        host,
        port,
        process_request=hub.answer,
        compression=None,
        open_timeout=settings.handshake_timeout,
        close_timeout=settings.close_timeout,
        ping_interval=None,  # the write pump's
        max_size=settings.message_limit,
    ):
        await stopped.wait()
    registering.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m hub")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12080)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # each broken handshake would be a traceback
    try:
        chosen = read_settings()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    asyncio.run(main(arguments.host, arguments.port, chosen))
