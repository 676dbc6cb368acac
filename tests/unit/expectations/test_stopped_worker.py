"""A worker that stands still for a moment, for real: its clients stamp late what came in time, and it says so."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from chaos.address import Address
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.crowd.process import WorkerProcess
from chaos.expectations import DeliveredInSequence, Record
from chaos.journal import read_journal
from chaos.verdict import Finding, Verdict

INTERVAL = 0.05
"""Seconds between two broadcasts."""

PAUSE = 1.0
"""Seconds that the worker stands still, or the server is silent. What else is late on two busy cores is 0.2 (seen)."""

GAP = 0.5
"""Seconds that the broadcasts are promised to be apart at most: half a pause, and ten broadcasts."""

WATCHED = 0.3
"""Seconds that are watched before and after: several broadcasts."""


@dataclass(slots=True)
class Station:
    """A server that broadcasts, and can be told to be silent."""

    silent: bool = False

    async def broadcast(self, listener: ServerConnection) -> None:
        while True:
            if not self.silent:
                await listener.send("news")
            await asyncio.sleep(INTERVAL)


@pytest.fixture
def private() -> Iterator[Path]:
    """A directory of mode 0700 with a path short enough for a unix socket."""
    path = Path(tempfile.mkdtemp(prefix="chaos-unit-"))
    yield path
    shutil.rmtree(path)


@dataclass(frozen=True, slots=True)
class Listening:
    """A crowd that listens to a station, from a process of its own."""

    station: Station
    worker: WorkerProcess
    directory: Path

    async def stand_still(self) -> None:
        """Stop the worker's process for a while: nothing in it runs, and its clock goes on."""
        os.kill(self.worker.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(PAUSE)
        finally:
            os.kill(self.worker.pid, signal.SIGCONT)

    async def be_silent(self) -> None:
        """The server's own fault."""
        self.station.silent = True
        await asyncio.sleep(PAUSE)
        self.station.silent = False

    async def judge(self, start: float) -> Finding:
        """Whether broadcasts came in time from then on, as the worker's own journal has it."""
        await asyncio.sleep(WATCHED)
        end = time.monotonic()
        await self.worker.flush()
        promise = DeliveredInSequence(crowd="listeners", gap=GAP, start=start, end=end, message="news", sequence=None)
        return promise.judge(Record(read_journal(self.directory)))


@pytest.fixture
async def listening(private: Path, tmp_path: Path) -> AsyncIterator[Listening]:
    station = Station()
    timeouts = PhaseTimeouts(tcp=10.0, handshake=10.0, first_message=10.0)
    async with (
        serve(station.broadcast, "127.0.0.1", 0, compression=None, ping_interval=None) as server,
        await WorkerProcess.start(private) as worker,
    ):
        host, port = next(iter(server.sockets)).getsockname()
        plan = ClientPlan(address=Address(host, port), timeouts=timeouts, trace=True)
        await worker.open_cell(tmp_path, run="run", cell="cell")
        crowd = await worker.create("listeners", plan, 3)
        await crowd.connect()
        await asyncio.sleep(WATCHED)
        yield Listening(station, worker, tmp_path)
        await crowd.reset()
        await worker.close_cell()


async def test_what_came_in_time_and_was_stamped_late_is_inconclusive(listening: Listening) -> None:
    start = time.monotonic()
    await listening.stand_still()
    finding = await listening.judge(start)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "a breach within the reading's own uncertainty of " in finding.observed
    assert ": the crowd worker of 'listeners' was up to " in finding.observed


async def test_a_server_that_is_silent_is_to_blame(listening: Listening) -> None:
    start = time.monotonic()
    await listening.be_silent()
    assert (await listening.judge(start)).verdict is Verdict.VIOLATED


async def test_a_worker_that_stood_still_before_excuses_nothing_now(listening: Listening) -> None:
    await listening.stand_still()
    await asyncio.sleep(WATCHED)
    start = time.monotonic()
    await listening.be_silent()
    assert (await listening.judge(start)).verdict is Verdict.VIOLATED
