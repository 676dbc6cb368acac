"""Upstream answers, failures and mistakes, over real HTTP on loopback; and the cached fallback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from reference_server.breaker import Breaker, BreakerPolicy, State
from reference_server.guard import DependencyFailed
from reference_server.source import Answer, Source, Unavailable
from reference_server.upstream import Upstream, UpstreamBusy, UpstreamRefused

from .fakes import FakeTime

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n[1,2]"
TEXT = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
ERROR = b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"
REDIRECT = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
HUGE = b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + b"x" * 3_000_000
TORN = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n[1"
GARBAGE = b"\x00\x01\x02\r\n\r\n"
TIMEOUT = 0.1


class Script:
    """A server that gives one answer, or none, to everybody; counts the requests."""

    def __init__(self) -> None:
        self.answer: bytes | None = OK
        self.requests = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (await reader.readuntil(b"\r\n\r\n")) and self.answer is not None:
                self.requests += 1
                writer.write(self.answer)
                await writer.drain()
                if self.answer in (TORN, GARBAGE, HUGE):
                    return
            self.requests += 1
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    script = Script()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield script
    finally:
        server.close()


@asynccontextmanager
async def upstream_of(script: Script, *, max_connections: int = 4) -> AsyncIterator[Upstream]:
    upstream = Upstream(script.url, timeout=TIMEOUT, max_connections=max_connections)
    upstream.open()
    try:
        yield upstream
    finally:
        await upstream.close()


@pytest.mark.parametrize(("answer", "value"), [(OK, [1, 2]), (TEXT, "hello")])
async def test_answers_are_decoded(answer: bytes, value: object) -> None:
    async with scripted() as script, upstream_of(script) as upstream:
        script.answer = answer
        assert await upstream.get("/data") == value


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (ERROR, "error"),
        (REDIRECT, "error"),
        (None, "timeout"),
        (HUGE, "too_large"),
        (TORN, "broken"),
        (GARBAGE, "broken"),
    ],
)
async def test_failures_have_their_kind(answer: bytes | None, kind: str) -> None:
    async with scripted() as script, upstream_of(script) as upstream:
        script.answer = answer
        with pytest.raises(DependencyFailed) as failure:
            await upstream.get("/data")
        assert failure.value.kind == kind


async def test_unreachable() -> None:
    upstream = Upstream("http://127.0.0.1:1", timeout=TIMEOUT, max_connections=1)
    upstream.open()
    with pytest.raises(DependencyFailed, match=r"^unreachable: "):
        await upstream.get("/data")
    await upstream.close()


async def test_refusal_is_no_failure() -> None:
    async with scripted() as script, upstream_of(script) as upstream:
        script.answer = REFUSED
        with pytest.raises(UpstreamRefused, match=r"^status 403$"):
            await upstream.get("/data")


async def test_our_own_limit_is_no_failure() -> None:
    async with scripted() as script, upstream_of(script, max_connections=1) as upstream:
        script.answer = None
        results = await asyncio.gather(upstream.get("/"), upstream.get("/"), return_exceptions=True)
        assert {type(result) for result in results} == {DependencyFailed, UpstreamBusy}


def source_of(upstream: Upstream, *, clock: FakeTime) -> tuple[Source, Breaker]:
    breaker = Breaker(BreakerPolicy(failure_threshold=3, recovery_timeout=10), monotonic=clock)
    return Source(upstream, breaker=breaker, timeout=TIMEOUT, retry_after=5, monotonic=clock), breaker


async def test_the_five_cases_of_the_hub() -> None:
    clock = FakeTime()
    async with scripted() as script, upstream_of(script) as upstream:
        source, breaker = source_of(upstream, clock=clock)
        # 1. one failure: quick recovery, no transition
        assert await source.get() == Answer([1, 2], "live", 0.0)
        script.answer = ERROR
        assert (await source.get()).source == "cached"
        script.answer = OK
        assert (await source.get()).source == "live"
        # 2. failures in a row open the circuit
        script.answer = ERROR
        for _ in range(3):
            assert (await source.get()).source == "cached"
        assert breaker.state is State.OPEN
        # 3. open: cached data, the upstream is left alone
        requests = script.requests
        clock.advance(7)
        assert await source.get() == Answer([1, 2], "cached", 7.0)
        assert script.requests == requests
        # 4. after the recovery timeout: one trial
        clock.advance(3)
        assert (await source.get()).source == "cached"
        assert (await source.get()).source == "cached"
        assert script.requests == requests + 1
        # 5. the upstream is back: the circuit closes by itself
        script.answer = OK
        clock.advance(20)
        assert (await source.get()).source == "live"
        assert breaker.get_statistics()["state"] == "closed"


async def test_without_a_cache_it_says_when_to_ask_again() -> None:
    clock = FakeTime()
    async with scripted() as script, upstream_of(script) as upstream:
        source, _ = source_of(upstream, clock=clock)
        script.answer = ERROR
        for expected in (5, 5, 10, 10):
            with pytest.raises(Unavailable) as nothing:
                await source.get()
            assert nothing.value.retry_after == expected


async def test_refusals_never_open_the_breaker() -> None:
    async with scripted() as script, upstream_of(script) as upstream:
        source, breaker = source_of(upstream, clock=FakeTime())
        script.answer = REFUSED
        for _ in range(10):
            with pytest.raises(Unavailable):
                await source.get()
        assert breaker.state is State.CLOSED


async def test_no_upstream_configured() -> None:
    source, breaker = source_of(Upstream("", timeout=1, max_connections=1), clock=FakeTime())
    with pytest.raises(Unavailable, match=r"^nothing to answer with; ask again in 5 s$"):
        await source.get()
    assert breaker.tally.rejected == 0
