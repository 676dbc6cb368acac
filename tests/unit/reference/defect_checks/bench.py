"""All parts of a server on a clock that is set by hand: what the checks of the defects are asked of."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from reference_server.breaker import Breaker, Permit, State
from reference_server.connection import Connection
from reference_server.environment import load_settings
from reference_server.establishment import Establishment
from reference_server.guard import DependencyFailed
from reference_server.parts import Parts, build
from reference_server.source import Unavailable
from reference_server.tls_protocol import TlsProtocol
from uvicorn.server import ServerState

from ..fakes import AlwaysAttentive, FakeTime, FakeWire, make_connection, turns_until
from ..wired import RecordingTransport, configured

LONG = 60.0
"""Seconds, longer than any interval of the `fast` profile; it passes on clocks that are set by hand."""

OUR_PAGE = "https://app.example.test"

LITTLE = 100_000
"""Bytes."""

Check = Callable[["Bench"], Awaitable[bool]]


class FakeWebSocket:
    """Accepts, without a token, and knows no more."""

    headers: dict[str, str] = {}  # noqa: RUF012  # never written to
    query_params: dict[str, str] = {}  # noqa: RUF012  # never written to
    client = None

    async def accept(self, *, headers: object) -> None:
        """Nothing to wait for."""


class Bench:
    """All parts of a server, on a clock that is set by hand, with an upstream that fails."""

    def __init__(self) -> None:
        self.time = FakeTime()
        self.parts: Parts = build(
            load_settings(
                {
                    "UPSTREAM_URL": "http://127.0.0.1:9",
                    "WEBSOCKET_ALLOWED_ORIGINS": OUR_PAGE,
                    "BREAKER_FAILURE_RATE": "0.6",
                },
                profile="fast",
            )
        )
        self.parts.clock = self.parts.heartbeat._clock = AlwaysAttentive(self.time)
        self.parts.sessions._now = self.parts.clock.now
        for breaker in (self.parts.upstream_breaker, self.parts.accept_breaker):
            breaker._monotonic = self.time
            breaker._entered_at = self.time()
        self.hits = 0
        self.fails_with: str | None = "error"
        """How the upstream fails; None where it does not."""
        self.parts.upstream.get = self._fail  # type: ignore[method-assign]  # no network here

    async def _fail(self, path: str) -> object:
        self.hits += 1
        if self.fails_with is not None:
            raise DependencyFailed(self.fails_with, "as the test says")
        return "value"

    def client(self, endpoint: str = "live") -> tuple[Connection, FakeWire]:
        """An established client."""
        connection, wire = make_connection(self.parts.clock, endpoint=endpoint, counters=self.parts.counters)
        self.parts.heartbeat.watch(connection)
        self.parts.registry.add(connection)
        return connection, wire

    def newcomer(self) -> Establishment:
        """A client that is being let in."""
        connection, _ = make_connection(self.parts.clock, counters=self.parts.counters)
        return Establishment(FakeWebSocket(), connection, self.parts)  # type: ignore[arg-type]  # a stand-in


async def all_done_at_once(tasks: Sequence[asyncio.Task[Any]]) -> bool:
    """Whether a few turns of the loop are enough for all of them; those that wait are called off."""
    await turns_until(lambda: all(task.done() for task in tasks), fail=False)
    waiting = [task for task in tasks if not task.done()]
    for task in waiting:
        task.cancel()
    return not waiting


def tls_connection(bench: Bench) -> tuple[TlsProtocol, RecordingTransport]:
    """One on which nothing has been said yet."""
    config = configured(bench.parts)
    config.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    protocol, transport = TlsProtocol(config, ServerState(), {}), RecordingTransport()
    protocol.connection_made(transport)
    return protocol, transport


def opens(breaker: Breaker, *, kind: str) -> bool:
    """Whether as many failures as the threshold says open it."""
    for _ in range(breaker.policy.failure_threshold):
        permit(breaker).failure(kind)
    return breaker.state is State.OPEN


def permit(breaker: Breaker) -> Permit:
    permit = breaker.acquire()
    assert permit is not None
    return permit


def a_dead_peer(bench: Bench) -> None:
    """A client that has owed its pong for long."""
    bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)


async def call_upstream(bench: Bench) -> None:
    """One call of the data endpoint; the upstream fails, so there is nothing to answer with or a cached value."""
    with contextlib.suppress(Unavailable):
        await bench.parts.source.get()
