"""Newcomers that come and go: only a 101 counts as service, and only a whole answer as one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.errors import FaultError
from chaos.faults.evidence import poll_until
from chaos.faults.newcomers import Newcomers, newcomers
from tests.unit.faults.stage import PATIENCE, make_scene

_REQUEST_ENDS = b"\r\n\r\n"
_TURNS = 5
"""Turns of the loop until asyncio has called `serve` for whom it accepted last: a task, `connection_made`, a task."""
_WANTED = 3
"""Who come before it is looked who they were: more than one turn of a place."""


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Address]:
    """A server that answers every request with these bytes, and ends the connection."""

    visits = list[asyncio.Task[None] | None]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await reader.readuntil(_REQUEST_ENDS)
            writer.write(answer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield Address(host, port)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    # A connection that outlives the loop is told of in the middle of another test.
    await asyncio.gather(*filter(None, visits))


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
