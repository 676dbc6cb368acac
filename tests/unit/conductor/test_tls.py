"""A target that speaks TLS: canary, caller, statistics, crowds, and the proofs of faults speak it too."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from chaos.address import Address
from chaos.conductor.setup import ConductorSetup
from chaos.crowd.plan import PhaseTimeouts
from chaos.faults import Latency
from chaos.faults.passing import passes_again
from chaos.journal import Beat, Bite, HealingState, Outcome, Source, Statistics, read_journal
from chaos.target import Data, Tls
from chaos.target import Statistics as Where
from tests.certificates import certificates
from tests.unit.conductor.deployment import CELL, Stage, make_plan, make_setup, small_target
from tests.unit.crowd.servers import echo
from tests.unit.faults.stage import PATIENCE, DirectLink, make_scene

NAME = "server.test"
DATA = Data(path="/", send="live {n}", live=r"^live \d+")
STATS = Where(path="/stats", connections="/connections")


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(server_name=NAME, ca=str(certificates(tmp_path / "tls", NAME).ca))


@pytest.fixture
async def server(tls: Tls, tmp_path: Path) -> AsyncIterator[Address]:
    """A server that echoes over TLS, and tells statistics."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls" / "certificate.pem", tmp_path / "tls" / "key.pem")

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/stats":
            return None
        body = json.dumps({"connections": 7}).encode()
        headers = Headers({"content-length": str(len(body)), "connection": "close"})
        return Response(HTTPStatus.OK, "OK", headers, body)

    async with serve(echo, "127.0.0.1", 0, ssl=context, process_request=answer, compression=None) as made:
        yield Address("127.0.0.1", made.sockets[0].getsockname()[1])


@pytest.fixture
def secure(server: Address, tls: Tls, private: Path, proxy: Address, agent_socket: Path) -> ConductorSetup:
    target = small_target(data=DATA, statistics=STATS).model_copy(update={"tls": tls})
    return make_setup(server, private, proxy=proxy, agent_socket=agent_socket, target=target)


@pytest.mark.parametrize("agent", [True, False])
async def test_everybody_speaks_it(stage: Stage, secure: ConductorSetup, tmp_path: Path, agent: bool) -> None:
    setup = secure if agent else replace(secure, agent_socket=None)
    async with await stage.scenario(setup) as rpc:
        assert await rpc.call("first_exchange") == ""
        link = await rpc.call("open_cell", tmp_path / "cell", **{**CELL, "read_along": True})
        assert await rpc.call("statistics") == {"connections": 7.0}
        assert [call.source for call in await rpc.call("call_upstream", 2, 0.0)] == [Source.LIVE] * 2
        plan = replace(
            make_plan(link),
            tls=setup.target.tls,
            timeouts=PhaseTimeouts(tcp=PATIENCE, tls=PATIENCE, handshake=PATIENCE, first_message=PATIENCE),
        )
        await rpc.call("create_crowd", "crowd", plan, 3, False)
        attempts = await rpc.call("crowd_call", "crowd", "connect", (), {})
        assert [attempt.outcome for attempt in attempts] == [Outcome.OPEN] * 3
        await rpc.call("close_cell")
    found = read_journal(tmp_path / "cell")
    assert found.of(Beat)
    assert all(beat.ok for beat in found.of(Beat))
    steady = [said for said in found.of(Statistics) if said.steady]
    assert steady
    assert [said.error for said in found.of(Statistics) if said.error] == []


async def test_a_certificate_that_is_not_the_targets_is_told(
    stage: Stage, secure: ConductorSetup, tmp_path: Path
) -> None:
    stranger = Tls(server_name=NAME, ca=str(certificates(tmp_path / "other", NAME).ca))
    target = secure.target.model_copy(update={"tls": stranger})
    async with await stage.scenario(replace(secure, target=target)) as rpc:
        assert "certificate verify failed" in await rpc.call("first_exchange")


async def test_faults_are_proven_and_healed_over_it(stage: Stage, secure: ConductorSetup, tmp_path: Path) -> None:
    async with await stage.scenario(secure) as rpc:
        await rpc.call("open_cell", tmp_path / "cell", **CELL)
        number, receipt = await rpc.call("inject", Latency(delay=0.05), None)
        assert receipt.bite is Bite.BIT
        assert (await rpc.call("heal", number)).state is HealingState.HEALED
        await rpc.call("close_cell")


async def test_a_request_through_the_link_is_made_over_it(server: Address, tls: Tls) -> None:
    scene = make_scene(server, DirectLink(server), tls=tls)  # type: ignore[arg-type]  # an address is all it is asked
    passes, evidence = await passes_again(scene, [])
    assert (passes, evidence.during) == (True, "answered with 426")
