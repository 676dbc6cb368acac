"""The conductor's hand on the upstream."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator

import pytest

from chaos.address import Address
from chaos.errors import FaultError
from chaos.runtime.ports import free_ports
from chaos.upstream import client, server
from chaos.upstream.client import PROOF_PATH, UpstreamControl

from .conftest import Started


def get(upstream: Started, path: str) -> int:
    try:
        with urllib.request.urlopen(upstream.data.url("http", path), timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def test_it_sets_the_mode_and_reads_the_hits(upstream: Started) -> None:
    control = UpstreamControl(upstream.control)
    await control.mode("error", status=502)
    began = time.monotonic()
    assert await asyncio.to_thread(get, upstream, "/a") == 502
    await control.mode("ok")
    assert await asyncio.to_thread(get, upstream, "/b") == 200
    found = await control.hits(since=began)
    assert [(hit.path, hit.status) for hit in found] == [("/a", 502), ("/b", 200)]
    assert began < found[0].at < found[1].at < time.monotonic()
    assert await control.hits(since=found[0].at) == found[1:]


async def test_a_faults_own_proof_is_no_hit(upstream: Started) -> None:
    assert await asyncio.to_thread(get, upstream, PROOF_PATH) == 200
    assert await UpstreamControl(upstream.control).hits() == []


async def test_a_wrong_script_is_an_error_that_names_what_is_allowed(upstream: Started) -> None:
    with pytest.raises(FaultError) as caught:
        await UpstreamControl(upstream.control).mode("error", status=200)
    assert str(caught.value) == (
        "the upstream refused POST /_control: status is 200; allowed: a whole number from 400 to 599"
    )


async def test_nobody_there_is_an_error() -> None:
    (port,) = free_ports(1)
    with pytest.raises(FaultError) as caught:
        await UpstreamControl(Address("127.0.0.1", port)).hits()
    assert str(caught.value).startswith(f"the upstream's control at 127.0.0.1:{port} does not answer: ")


@contextlib.asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[Address]:
    """A control port that answers everything with `reply`, or never where it is empty."""
    ended: list[asyncio.Event] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.Event())
        await reader.readuntil(b"\r\n\r\n")
        if reply:
            writer.write(reply)
        else:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        ended[-1].set()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as listener:
        host, port = listener.sockets[0].getsockname()
        yield Address(host, port)
        for connection in ended:
            await connection.wait()


async def test_silence_is_an_error_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_WITHIN", 0.2)
    async with answering(b"") as address:
        with pytest.raises(FaultError) as caught:
            await UpstreamControl(address).mode("ok")
    assert str(caught.value) == f"the upstream's control at {address} did not answer within 0.2s"


async def test_another_machines_clock_is_translated_into_ours() -> None:
    ahead = 5000.0
    hit = {"at": time.monotonic() + ahead, "path": "/", "status": 200}
    body = json.dumps({"now": time.monotonic() + ahead, "hits": [hit], "dropped_until": None})
    async with answering(f"HTTP/1.1 200 OK\r\n\r\n{body}".encode()) as address:
        (found,) = await UpstreamControl(address).hits()
    # Exact to half the round trip of one call.
    assert found.at == pytest.approx(hit["at"] - ahead, abs=1.0)


async def test_forgotten_hits_are_an_error_not_a_low_count() -> None:
    now = time.monotonic()
    body = json.dumps({"now": now, "hits": [], "dropped_until": now})
    async with answering(f"HTTP/1.1 200 OK\r\n\r\n{body}".encode()) as address:
        with pytest.raises(FaultError) as caught:
            await UpstreamControl(address).hits()
    assert str(caught.value) == (
        f"the upstream at {address} was hit so often that the first hits are forgotten; "
        "ask more often or for a later time"
    )


async def test_the_memory_for_hits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HIT_LIMIT", 3)
    upstream = server.Upstream(host="127.0.0.1", port=0, control=0, health="/health")
    request = server.Request(method="GET", path="/", query="", body=b"", keep_alive=True)
    for _ in range(5):
        await upstream._answer(request)
    answer = upstream.hits(0.0)
    assert len(answer["hits"]) == 3
    assert answer["dropped_until"] is not None
    assert answer["dropped_until"] < answer["hits"][0]["at"]
