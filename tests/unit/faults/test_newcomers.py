"""Newcomers that come and go: only a 101 counts as service, and only a whole answer as one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import socketserver
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.errors import FaultError
from chaos.faults.evidence import poll_until
from chaos.faults.newcomers import Newcomers, newcomers
from tests.unit.faults.stage import PATIENCE, make_scene

_REQUEST_ENDS = b"\r\n\r\n"
_WANTED = 3
"""Who come before it is looked who they were: more than one turn of a place."""


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Address]:
    """A server in threads that answers every request with these bytes, and ends the connection.

    asyncio's leaves a connection unclosed that it accepts in the turn before its own end; newcomers come until then.
    """

    def converse(connection: socket.socket, _where: object, _server: object) -> None:
        heard = b""
        with contextlib.suppress(OSError):
            while _REQUEST_ENDS not in heard and (data := connection.recv(4096)):
                heard += data
            connection.sendall(answer)

    handler: Any = converse  # called as the class of a handler would be
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield Address(*server.socket.getsockname())
    finally:
        # Beside the loop, in which the last newcomers' connections end meanwhile.
        await asyncio.to_thread(server.shutdown)
        await asyncio.to_thread(server.server_close)
        serving.join()


def counts(came: Newcomers) -> tuple[int, int, int]:
    return came.served, came.refused, came.failed


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 0, id="upgraded"),
        pytest.param(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 1, id="refused"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n101", 1, id="served a page"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade:", 2, id="half an answer"),
        pytest.param(b"101 welcome\r\n\r\n", 2, id="no HTTP"),
        pytest.param(b"HTTP/1.1\r\n\r\n", 2, id="no status"),
        pytest.param(b"", 2, id="cut off"),
    ],
)
async def test_only_a_101_is_service(agent: AsyncAgent, answer: bytes, kind: int) -> None:
    async with answering(answer) as address, newcomers(make_scene(address, agent=agent), 1) as came:

        async def look() -> tuple[int, int, int]:
            return counts(came)

        found = await poll_until(look, lambda now: sum(now) >= _WANTED, within=20 * PATIENCE)
    assert sum(found) == found[kind] >= _WANTED


async def test_a_place_that_nobody_takes_any_more_is_told(agent: AsyncAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer newcomers are less work than the server is meant to have."""
    visits = 0

    async def visit(*_: object) -> int:
        nonlocal visits
        visits += 1
        if visits == 2:
            raise ZeroDivisionError("a bug")
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    monkeypatch.setattr("chaos.faults.newcomers._visit", visit)

    async def look() -> int:
        return visits

    with pytest.raises(FaultError, match=r"^1 of 3 newcomers stopped coming: ZeroDivisionError\('a bug'\)$"):
        async with answering(b"") as address, newcomers(make_scene(address, agent=agent), 3):
            await poll_until(look, lambda found: found == 3, within=20 * PATIENCE)
