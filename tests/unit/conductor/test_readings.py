"""What a scenario can ask the conductor about: conditions, statistics, messages heard, calls and hits."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from chaos.address import Address
from chaos.conditions import Condition, CrowdGone, EverythingRead, Pinged, View
from chaos.conductor.service import LOOKING, Conductor
from chaos.conductor.setup import ConductorSetup
from chaos.conductor.witness import EVERY
from chaos.errors import ChaosError
from chaos.journal import Call, FeedFetched, Frame, Hit, LeftBehind, Sample, Source, Statistics, read_journal
from chaos.rpc import RpcClient
from chaos.server_view import ServerView
from chaos.target import Data
from chaos.target import Statistics as Where
from tests.unit.conductor.deployment import CELL, Stage, make_plan, make_setup, open_cell, small_target
from tests.unit.crowd.making import WITHIN, until
from tests.unit.crowd.servers import echo, websocket_server
from tests.unit.faults.stage import IMPATIENCE
from tests.unit.faults.upstreams import ScriptedUpstream, asked

DATA = Data(path="/", send="live {n}", live=r"^live \d+")
STATS = Where(path="/stats", connections="/connections", upstream_breaker="/breaker")


@contextlib.asynccontextmanager
async def telling(document: dict[str, Any], *, status: HTTPStatus = HTTPStatus.OK) -> AsyncIterator[Address]:
    """A server that echoes, and tells statistics that a test can change."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/stats":
            return None
        body = json.dumps(document).encode()
        headers = Headers({"content-length": str(len(body)), "connection": "close"})
        return Response(status.value, status.phrase, headers, body)

    async with serve(echo, "127.0.0.1", 0, process_request=answer, compression=None) as server:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1])


@contextlib.asynccontextmanager
async def under_way(stage: Stage, setup: ConductorSetup, directory: Path) -> AsyncIterator[RpcClient]:
    """A scenario with its cell open."""
    async with await stage.scenario(setup) as rpc:
        await rpc.call("open_cell", directory, **CELL)
        yield rpc
        await rpc.call("close_cell")


# -- conditions ---------------------------------------------------------------------------------------------------


async def test_a_condition_that_is_met_ends_the_wait(stage: Stage, bare: ConductorSetup, tmp_path: Path) -> None:
    async with under_way(stage, bare, tmp_path) as rpc:
        await rpc.call("create_crowd", "crowd", make_plan(bare.server.address), 2, False)
        await rpc.call("crowd_call", "crowd", "connect", (), {})
        waiting = asyncio.create_task(rpc.call("wait_until", CrowdGone("crowd"), 10.0))
        await asyncio.wait([waiting], timeout=IMPATIENCE)
        assert not waiting.done()
        await rpc.call("crowd_call", "crowd", "close", (), {})
        assert await waiting is True


async def test_a_condition_that_is_not_met_is_asked_until_the_time_is_over(
    stage: Stage, bare: ConductorSetup, tmp_path: Path
) -> None:
    async with under_way(stage, bare, tmp_path) as rpc:
        await rpc.call("create_crowd", "crowd", make_plan(bare.server.address), 2, False)
        await rpc.call("crowd_call", "crowd", "connect", (), {})
        began = time.monotonic()
        assert await rpc.call("wait_until", CrowdGone("crowd"), IMPATIENCE) is False
        assert time.monotonic() - began >= IMPATIENCE
        assert await rpc.call("wait_until", CrowdGone("crowd", left=2), 0.0) is True


class Laborious(Condition):
    """Never met, and long to ask."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def met(self, view: View) -> bool:
        self.asked.append(time.monotonic())
        await asyncio.sleep(IMPATIENCE / 4)
        return False


async def test_what_takes_long_to_ask_is_asked_less_often() -> None:
    """A conductor that does nothing else keeps those from a core whom it measures."""
    condition = Laborious()
    assert await Conductor().wait_until(condition, 5 * IMPATIENCE) is False
    between = [later - earlier for earlier, later in itertools.pairwise(condition.asked)]
    assert min(between[:-1]) >= IMPATIENCE / 4 / LOOKING


async def test_a_server_that_was_started_again_is_sampled_from_then_on(
    stage: Stage, setup: ConductorSetup, tmp_path: Path
) -> None:
    async with websocket_server() as again, await stage.scenario(setup) as rpc:
        await open_cell(rpc, tmp_path)
        view = ServerView(address=again, port=again.port, root_pids=())
        await rpc.call("create_crowd", "crowd", make_plan(again), 4, False)
        await rpc.call("crowd_call", "crowd", "connect", (), {})
        assert (await rpc.call("sample")).connections < 4
        await rpc.call("server_changed", view)
        assert (await rpc.call("sample")).connections == 4
        await until(lambda: any(sample.connections == 4 for sample in read_journal(tmp_path).of(Sample)))


async def _becomes(rpc: RpcClient, call: str, *arguments: str, least: int, most: int) -> None:
    """Wait until a call counts so many bytes."""
    async with asyncio.timeout(WITHIN):
        while not least <= await rpc.call(call, *arguments) <= most:
            pass


async def test_what_a_server_has_not_read_is_seen_in_both_kernels(
    stage: Stage, private: Path, tmp_path: Path, agent_socket: Path
) -> None:
    deaf: asyncio.Queue[ServerConnection] = asyncio.Queue()
    over = asyncio.Event()

    async def serve_some(connection: ServerConnection) -> None:
        if connection.request is None or connection.request.path != "/deaf":
            await echo(connection)
            return
        connection.transport.pause_reading()
        deaf.put_nowait(connection)
        await over.wait()

    async with websocket_server(serve_some) as address, contextlib.AsyncExitStack() as stack:
        stack.callback(over.set)
        setup = make_setup(address, private, agent_socket=agent_socket)
        async with await stage.scenario(setup) as rpc:
            await open_cell(rpc, tmp_path)
            plan = make_plan(address, first_message=False, path="/deaf")
            await rpc.call("create_crowd", "crowd", plan, 1, False)
            await rpc.call("crowd_call", "crowd", "connect", (), {})
            connection = await deaf.get()
            assert await rpc.call("unread", "crowd") == 0
            await rpc.call("crowd_call", "crowd", "send", ("five!",), {})
            # Two bytes of header, four of the mask; both kernels have them until the server's has acknowledged.
            await _becomes(rpc, "unread", "crowd", least=11, most=11)
            assert await rpc.call("wait_until", EverythingRead("crowd"), 0.0) is False
            connection.transport.resume_reading()
            assert await rpc.call("wait_until", EverythingRead("crowd"), WITHIN) is True


async def test_what_a_server_cannot_get_rid_of_is_seen_in_its_kernel(
    stage: Stage, private: Path, tmp_path: Path, agent_socket: Path
) -> None:
    said = 400_000
    async with websocket_server() as address:
        setup = make_setup(address, private, agent_socket=agent_socket)
        async with await stage.scenario(setup) as rpc:
            await open_cell(rpc, tmp_path)
            await rpc.call("create_crowd", "crowd", make_plan(address, receive_buffer=1024), 1, False)
            await rpc.call("crowd_call", "crowd", "connect", (), {})
            await _becomes(rpc, "unsent", least=0, most=0)
            await rpc.call("crowd_call", "crowd", "stall", (), {})
            await rpc.call("crowd_call", "crowd", "send", ("x" * said,), {})
            # Its answer lies with its kernel, but for what fits in the client's.
            await _becomes(rpc, "unsent", least=said // 2, most=2 * said)


async def test_what_serves_where_a_server_was_is_written_down(
    stage: Stage, private: Path, tmp_path: Path, agent_socket: Path
) -> None:
    async with websocket_server() as address:
        setup = make_setup(address, private, agent_socket=agent_socket)
        async with await stage.scenario(setup) as rpc:
            await open_cell(rpc, tmp_path)
            found = await rpc.call("note_left_behind")
            gone = ServerView(address=Address("127.0.0.1", 9), port=9, root_pids=())
            await rpc.call("server_changed", gone)
            nothing = await rpc.call("note_left_behind")
            await rpc.call("flush")
    assert (found.pids, nothing.pids) == ((os.getpid(),), ())
    assert [event.pids for event in read_journal(tmp_path).of(LeftBehind)] == [found.pids, nothing.pids]


async def test_without_an_agent_nobody_sees_what_is_unread_or_left(
    stage: Stage, bare: ConductorSetup, tmp_path: Path
) -> None:
    async with under_way(stage, bare, tmp_path) as rpc:
        for call, need in (
            (("unread", "crowd"), "SOCKET_PROBE"),
            (("unsent",), "SOCKET_PROBE"),
            (("note_left_behind",), "PROCESS_PROBE"),
        ):
            with pytest.raises(ChaosError, match=need):
                await rpc.call(*call)


# -- statistics ---------------------------------------------------------------------------------------------------


async def test_statistics_are_read_and_written_down(stage: Stage, private: Path, tmp_path: Path) -> None:
    async with telling({"connections": 7, "breaker": "closed"}) as address:
        setup = make_setup(address, private, target=small_target(statistics=STATS))
        async with under_way(stage, setup, tmp_path) as rpc:
            assert await rpc.call("statistics") == {"connections": 7.0, "upstream_breaker": "closed"}
    (event,) = read_journal(tmp_path).of(Statistics)
    assert (event.values, event.error) == ({"connections": 7.0, "upstream_breaker": "closed"}, "")


async def test_a_feed_fetched_is_written_down_as_it_was_answered(stage: Stage, private: Path, tmp_path: Path) -> None:
    async with telling({"sequence": 3}) as address, under_way(stage, make_setup(address, private), tmp_path) as rpc:
        await rpc.call("fetch_feed", "/stats")
        await rpc.call("fetch_feed", "/nothing")
    told, refused = read_journal(tmp_path).of(FeedFetched)
    assert (told.status, told.text) == (200, '{"sequence": 3}')
    assert told.began < told.at
    assert refused.status == HTTPStatus.UPGRADE_REQUIRED


async def test_a_feed_fetched_that_nobody_answers_has_no_status(stage: Stage, private: Path, tmp_path: Path) -> None:
    async with telling({}) as address:
        setup = make_setup(address, private)
    async with under_way(stage, setup, tmp_path) as rpc:
        await rpc.call("fetch_feed", "/stats")
    (fetched,) = read_journal(tmp_path).of(FeedFetched)
    assert fetched.status == 0
    assert fetched.text.startswith("ConnectionRefusedError: ")


async def test_statistics_are_read_along_until_the_server_is_left_alone(
    stage: Stage, private: Path, tmp_path: Path, agent_socket: Path
) -> None:
    def steady() -> list[Statistics]:
        return [event for event in read_journal(tmp_path).of(Statistics) if event.steady]

    async with telling({"connections": 7, "breaker": "closed"}) as address:
        setup = make_setup(address, private, target=small_target(statistics=STATS), agent_socket=agent_socket)
        async with await stage.scenario(setup) as rpc:
            await rpc.call("open_cell", tmp_path, **(CELL | {"read_along": True}))
            await until(lambda: len(steady()) >= 3)
            await rpc.call("leave_alone")
            await rpc.call("flush")
            count = len(steady())
            await asyncio.sleep(2 * EVERY)
            assert await rpc.call("statistics") == {"connections": 7.0, "upstream_breaker": "closed"}
            await rpc.call("flush")
            assert len(steady()) == count
            await rpc.call("server_changed", setup.server)
            await until(lambda: len(steady()) > count)
            await rpc.call("close_cell")
    assert {event.values["connections"] for event in steady()} == {7.0}
    # Besides the canary's there is no connection in any count.
    assert max(sample.connections for sample in read_journal(tmp_path).of(Sample)) == 1


async def test_statistics_that_cannot_be_read_are_empty_and_say_why(
    stage: Stage, private: Path, tmp_path: Path
) -> None:
    async with telling({}, status=HTTPStatus.SERVICE_UNAVAILABLE) as address:
        setup = make_setup(address, private, target=small_target(statistics=STATS))
        async with under_way(stage, setup, tmp_path) as rpc:
            assert await rpc.call("statistics") == {}
    (event,) = read_journal(tmp_path).of(Statistics)
    assert event.error == "GET /stats: status 503 where 200 was expected"


async def test_without_statistics_there_are_none(stage: Stage, bare: ConductorSetup, tmp_path: Path) -> None:
    async with under_way(stage, bare, tmp_path) as rpc:
        assert await rpc.call("statistics") == {}
        assert await rpc.call("calm") is True
        await rpc.call("leave_alone")
    assert read_journal(tmp_path).of(Statistics) == []


@pytest.mark.parametrize(
    ("document", "calm"),
    [
        ({"connections": 0, "breaker": "closed"}, True),
        ({"connections": 0, "breaker": "CLOSED"}, True),
        ({"connections": 0, "breaker": "open"}, False),
        ({"connections": 0, "breaker": "half-open"}, False),
        ({"connections": 0}, False),  # not told is not closed
    ],
)
async def test_calm_is_a_closed_breaker(
    document: dict[str, Any], calm: bool, stage: Stage, private: Path, tmp_path: Path
) -> None:
    async with telling(document) as address:
        setup = make_setup(address, private, target=small_target(statistics=STATS))
        async with under_way(stage, setup, tmp_path) as rpc:
            assert await rpc.call("calm") is calm


# -- messages -----------------------------------------------------------------------------------------------------


async def test_everyone_has_heard_when_each_open_client_has(stage: Stage, private: Path, tmp_path: Path) -> None:
    connections: list[ServerConnection] = []

    async def greet(connection: ServerConnection) -> None:
        connections.append(connection)
        await echo(connection)

    async with websocket_server(greet) as address, under_way(stage, make_setup(address, private), tmp_path) as rpc:
        plan = make_plan(address, send=None, expect=None, first_message=False, trace=True)
        await rpc.call("create_crowd", "crowd", plan, 2, False)
        assert not await rpc.call("everyone_heard", "crowd", "news", 0.0, "text")  # nobody is nobody
        await rpc.call("crowd_call", "crowd", "connect", (), {})
        crowd = connections[-2:]  # after the canary
        await crowd[0].send("news at ten")
        await until_heard(rpc, tmp_path, 1)
        assert not await rpc.call("everyone_heard", "crowd", "news", 0.0, "text")
        await crowd[1].send("weather")
        await until_heard(rpc, tmp_path, 2)
        assert not await rpc.call("everyone_heard", "crowd", "news", 0.0, "text")
        await crowd[1].send("news")
        await until_heard(rpc, tmp_path, 3)
        assert await rpc.call("everyone_heard", "crowd", "^news", 0.0, "text")
        last = max(frame.at for frame in read_journal(tmp_path).of(Frame))
        assert not await rpc.call("everyone_heard", "crowd", "^news", last, "text")
        assert not await rpc.call("everyone_heard", "crowd", "", 0.0, "ping")
        for connection in crowd:
            await connection.ping()
        assert await rpc.call("wait_until", Pinged(crowd="crowd", since=0.0), 10.0)


async def test_who_heard_and_left_does_not_stand_in_for_who_has_not(
    stage: Stage, private: Path, tmp_path: Path
) -> None:
    connections: list[ServerConnection] = []

    async def greet(connection: ServerConnection) -> None:
        connections.append(connection)
        await echo(connection)

    async with websocket_server(greet) as address, under_way(stage, make_setup(address, private), tmp_path) as rpc:
        plan = make_plan(address, send=None, expect=None, first_message=False, trace=True)
        await rpc.call("create_crowd", "crowd", plan, 2, False)
        await rpc.call("crowd_call", "crowd", "connect", (), {})
        await connections[-1].send("news")
        await until_heard(rpc, tmp_path, 1)
        await connections[-1].close()
        assert await rpc.call("wait_until", CrowdGone("crowd", left=1), 10.0)
        assert not await rpc.call("everyone_heard", "crowd", "news", 0.0, "text")


async def until_heard(rpc: RpcClient, directory: Path, count: int) -> None:
    """Wait until so many messages have reached the journal."""
    async with asyncio.timeout(10.0):
        while True:
            await rpc.call("flush")
            if len(read_journal(directory).of(Frame)) >= count:
                return


# -- the upstream -------------------------------------------------------------------------------------------------


async def test_calls_are_written_down_one_by_one(stage: Stage, bare: ConductorSetup, tmp_path: Path) -> None:
    async with under_way(stage, replace(bare, target=small_target(data=DATA)), tmp_path) as rpc:
        calls = await rpc.call("call_upstream", 3, IMPATIENCE / 10)
        assert [call.source for call in calls] == [Source.LIVE] * 3
        assert all(later.began - earlier.at >= IMPATIENCE / 10 for earlier, later in itertools.pairwise(calls))
        await rpc.call("flush")
        assert len(read_journal(tmp_path).of(Call)) == 3


async def test_without_an_endpoint_there_is_nobody_to_call(stage: Stage, bare: ConductorSetup, tmp_path: Path) -> None:
    async with under_way(stage, bare, tmp_path) as rpc:
        with pytest.raises(ChaosError) as caught:
            await rpc.call("call_upstream", 1, 0.0)
    assert str(caught.value) == "the target declares no endpoints.data, so there is nobody to ask"


async def test_hits_are_written_down_once(
    stage: Stage, setup: ConductorSetup, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    await asked(upstream.address)  # before the cell is open: not its own
    async with under_way(stage, setup, tmp_path) as rpc:
        await asked(upstream.address)
        _, hit = await rpc.call("hits", 0.0)
        for _ in range(2):
            await rpc.call("flush")
        await asked(upstream.address)
        await rpc.call("flush")
        assert len(read_journal(tmp_path).of(Hit)) == 2
        assert [found.path for found in await rpc.call("hits", hit.at)] == ["/value"]


async def test_without_an_upstream_there_are_no_hits(stage: Stage, bare: ConductorSetup, tmp_path: Path) -> None:
    async with under_way(stage, bare, tmp_path) as rpc:
        assert await rpc.call("hits", 0.0) == []
