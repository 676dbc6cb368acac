"""Which of the server's processes serves whom, by the kernel: a client's port to a socket to who holds it."""

from __future__ import annotations

import time

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults.evidence import wires_of
from chaos.journal import Holders

__all__ = ["holders_of"]


async def holders_of(crowd: CrowdHandle, agent: AsyncAgent, port: int) -> Holders:
    """Read it for a crowd; only meaningful on a TCP-true path. Whose socket several processes hold counts for none."""
    wires = await wires_of(crowd, agent, port)
    serving = await agent.serving(port)
    held = {str(wire.client): pids[0] for wire in wires if len(pids := serving.held.get(wire.peer, ())) == 1}
    return Holders(at=time.monotonic(), crowd=crowd.name, serving=serving.pids, held=held)
