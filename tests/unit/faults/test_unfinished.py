"""What has been read by the server is told from what only lies in its kernel."""

from __future__ import annotations

import asyncio

from chaos.agent.async_client import AsyncAgent
from chaos.faults.evidence import wires_of
from chaos.faults.unfinished import read_by_server
from tests.unit.crowd.servers import Peer, raw_server
from tests.unit.faults.stage import IMPATIENCE, Direct, InProcess


async def test_bytes_that_lie_in_the_kernel_are_not_read(worker: InProcess, agent: AsyncAgent) -> None:
    read = asyncio.Event()

    async def read_when_told(peer: Peer) -> None:
        await peer.upgrade()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of TCP can
        await read.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a transport of TCP can
        await peer.reader.read()

    async with raw_server(read_when_told) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(send=None, expect=None, first_message=False)
        wires = await wires_of(victims, agent, address.port)
        await victims.begin_message()
        assert await read_by_server(direct.scene(victims, patience=IMPATIENCE), wires) == frozenset()
        read.set()
        assert await read_by_server(direct.scene(victims), wires) == {0, 1, 2}
        await victims.reset()
