"""A deployment as a conductor is told of it, and a conductor that is called as a scenario does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from chaos.address import Address
from chaos.conductor.service import Conductor
from chaos.conductor.setup import ConductorSetup, ProxySetup, UpstreamSetup
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.rpc import RpcClient
from chaos.runtime.ports import free_ports
from chaos.server_view import ServerView
from chaos.target import Data, Echo, Endpoints, Start, Statistics, Target
from tests.unit.faults.stage import PATIENCE
from tests.unit.faults.upstreams import ScriptedUpstream

__all__ = ["CELL", "Stage", "make_plan", "make_setup", "open_cell", "refused", "small_target"]

CELL: dict[str, Any] = {"run": "run", "cell": "cell", "sampling": 0.02, "read_along": False}
"""How these tests open a cell; 50 samples a second."""


def small_target(*, data: Data | None = None, statistics: Statistics | None = None) -> Target:
    """A target that promises nothing."""
    return Target(
        name="small",
        start=Start(command=("serve",)),
        endpoints=Endpoints(echo=Echo(path="/"), data=data),
        statistics=statistics,
    )


def make_setup(
    server: Address,
    directory: Path,
    *,
    proxy: Address | None = None,
    upstream: ScriptedUpstream | None = None,
    agent_socket: Path | None = None,
    target: Target | None = None,
) -> ConductorSetup:
    return ConductorSetup(
        target=target or small_target(),
        server=ServerView(address=server, port=server.port, root_pids=()),
        proxy=None if proxy is None else ProxySetup(api=proxy, listen_host=HOST, reach_host=HOST, server=server),
        upstream=None
        if upstream is None
        else UpstreamSetup(control=upstream.control._address, address=upstream.address, link_port=free_ports(1)[0]),
        agent_socket=agent_socket,
        socket_directory=directory,
    )


HOST = "127.0.0.1"


def make_plan(address: Address, **changes: Any) -> ClientPlan:
    """Clients that are answered before they count as open."""
    timeouts = PhaseTimeouts(tcp=PATIENCE, handshake=PATIENCE, first_message=PATIENCE)
    plan: dict[str, Any] = {"send": "{n}", "expect": "{n}", "first_message": True, **changes}
    return ClientPlan(address=address, timeouts=timeouts, **plan)


class Stage:
    """A conductor that listens, and any number of scenarios that call it one after the other."""

    def __init__(self, socket: Path) -> None:
        self.conductor = Conductor()
        self._socket = socket

    async def scenario(self, setup: ConductorSetup) -> RpcClient:
        rpc = await RpcClient.connect(self._socket, name="the conductor")
        try:
            await rpc.call("prepare", setup)
        except BaseException:
            await rpc.close()
            raise
        return rpc

    async def close(self) -> None:
        await self.conductor.close_cell()
        if self.conductor._agent is not None:
            await self.conductor._agent.close()


async def open_cell(rpc: RpcClient, directory: Path) -> Address:
    found: Address = await rpc.call("open_cell", directory, **CELL)
    return found


async def refused(address: Address) -> bool:
    """Whether nobody listens there any more."""
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False
