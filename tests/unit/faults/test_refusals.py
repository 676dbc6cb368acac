"""A fault that lacks what it acts on or through says so, and has touched nothing by then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaos.address import Address
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.errors import FaultError
from chaos.faults import (
    ClientKilled,
    ClientReset,
    ConnectionBurst,
    Fault,
    FdLimit,
    FinWithoutClose,
    InjectedReset,
    PacketLoss,
    Partition,
    QueueKilled,
    ServerKilled,
    ServerStopped,
    SilentClient,
    SocketKilled,
    StalledReader,
    UpstreamDown,
    UpstreamErrors,
    UpstreamFlapping,
    UpstreamGivesOut,
    UpstreamHangs,
    UpstreamSlow,
    Vanished,
    WorkerKilled,
    WorkerTerminated,
)
from chaos.upstream.client import UpstreamControl
from tests.unit.faults.stage import make_scene, run_fault

NOWHERE = Address("127.0.0.1", 1)

SCRIPTED = (UpstreamErrors(), UpstreamFlapping(), UpstreamGivesOut(), UpstreamHangs(), UpstreamSlow())


class Untouchable:
    """A crowd worker that nobody may call."""

    async def call(self, method: str, /, *args: Any, within: float, **kwargs: Any) -> Any:
        raise AssertionError(f"{method} was called")

    async def kill(self) -> int:
        raise AssertionError("it was killed")


async def _refusal(fault: Fault, directory: Path, **parts: Any) -> str:
    with pytest.raises(FaultError) as caught:
        await run_fault(fault, make_scene(NOWHERE, pids=(1,), **parts), directory)
    return str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        ClientReset(),
        FinWithoutClose(),
        ClientKilled(),
        SilentClient(),
        StalledReader(),
        Vanished(),
        PacketLoss(),
        Partition(),
        InjectedReset(),
        SocketKilled(),
        ConnectionBurst(),
    ],
    ids=lambda fault: fault.name,
)
async def test_without_victims(fault: Fault, tmp_path: Path) -> None:
    assert await _refusal(fault, tmp_path) == "this fault acts on clients: inject it with a crowd"


@pytest.mark.parametrize(
    "fault",
    [
        ClientReset(),
        FinWithoutClose(),
        ClientKilled(),
        SilentClient(),
        Vanished(),
        PacketLoss(),
        Partition(),
        InjectedReset(),
        SocketKilled(),
        ServerStopped(),
        ServerKilled(),
        WorkerKilled(),
        WorkerTerminated(),
        QueueKilled(),
        FdLimit(),
    ],
    ids=lambda fault: fault.name,
)
async def test_without_an_agent(fault: Fault, tmp_path: Path) -> None:
    plan = ClientPlan(address=NOWHERE, timeouts=PhaseTimeouts(tcp=1, handshake=1, first_message=1))
    victims = CrowdHandle("victims", plan, 3, Untouchable())
    assert await _refusal(fault, tmp_path, victims=victims) == (
        "this fault acts through the agent, and this deployment has none"
    )


@pytest.mark.parametrize("fault", SCRIPTED, ids=lambda fault: fault.name)
async def test_without_an_upstream(fault: Fault, tmp_path: Path) -> None:
    assert await _refusal(fault, tmp_path) == "this fault acts on the upstream, and this deployment has none"


@pytest.mark.parametrize("fault", [*SCRIPTED, UpstreamDown()], ids=lambda fault: fault.name)
async def test_without_the_upstreams_link(fault: Fault, tmp_path: Path) -> None:
    assert await _refusal(fault, tmp_path, upstream=UpstreamControl(NOWHERE)) == (
        "this fault acts on the upstream's link, and this deployment has no upstream"
    )
