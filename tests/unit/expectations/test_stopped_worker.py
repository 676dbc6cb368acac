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
from chaos.journal import Lateness, read_journal
from chaos.verdict import Finding, Verdict

INTERVAL = 0.05
"""Seconds between two broadcasts."""

GAP = 0.5
"""Seconds that broadcasts are promised to be apart at most beyond what this process, busy as it may be, was seen to
send them apart: ten broadcasts."""

WATCHED = 0.3
"""Seconds that are watched before and after: several broadcasts."""

PATIENCE = 30.0
"""Seconds until a wait is given up that ends as soon as a worker is on time again."""


@dataclass(slots=True)
class Station:
    """A server that broadcasts, and can be told to be silent."""

    silent: bool = False
    longest: float = 0.0
    """Seconds between two broadcasts to one listener, where it was not to be silent."""

    async def broadcast(self, listener: ServerConnection) -> None:
        last: float | None = None
        while True:
            if self.silent:
                last = None
            else:
                await listener.send("news")
                now = time.monotonic()
                self.longest = max(self.longest, now - (last or now))
                last = now
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

    @property
    def promised(self) -> float:
        """Seconds that broadcasts may be apart: what this process is late by is not the worker's."""
        return self.station.longest + GAP

    async def record(self) -> Record:
        """The worker's own journal until now."""
        await self.worker.flush()
        return Record(read_journal(self.directory))

    async def stand_still(self) -> None:
        """Stop the worker's process for twice as long as is promised: nothing in it runs, and its clock goes on."""
        os.kill(self.worker.pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            while time.monotonic() - began < 2 * self.promised:  # noqa: ASYNC110  # what is promised may grow
                await asyncio.sleep(INTERVAL)
        finally:
            os.kill(self.worker.pid, signal.SIGCONT)

    async def be_on_time_again(self) -> None:
        """Wait until the worker has told that it stood still, and of a time after that in which it did not."""
        async with asyncio.timeout(PATIENCE):
            while True:
                told = (await self.record()).journal.of(Lateness)
                late = [number for number, each in enumerate(told) if each.worst > GAP]
                if late and late[-1] + 1 < len(told):
                    return
                await asyncio.sleep(INTERVAL)

    async def be_silent(self, start: float) -> float:
        """The server's own fault: for twice as long as is promised and as the worker was late since then, however busy
        the machine is. Returns when it was seen to be: seconds monotonic."""
        self.station.silent = True
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    await asyncio.sleep(INTERVAL)
                    end = time.monotonic()
                    told = (await self.record()).journal.of(Lateness)
                    late = max(each.worst for each in told if each.at >= start)
                    if end - began > 2 * (self.promised + late):
                        return end
        finally:
            self.station.silent = False

    async def judge(self, start: float, end: float) -> Finding:
        """Whether broadcasts came in time in between, as the worker's own journal has it."""
        promise = DeliveredInSequence(
            crowd="listeners", gap=self.promised, start=start, end=end, message="news", sequence=None
        )
        return promise.judge(await self.record())


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
    await asyncio.sleep(WATCHED)
    finding = await listening.judge(start, time.monotonic())
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "a breach within the reading's own uncertainty of " in finding.observed
    assert ": the crowd worker of 'listeners' was up to " in finding.observed


async def test_a_server_that_is_silent_is_to_blame(listening: Listening) -> None:
    start = time.monotonic()
    end = await listening.be_silent(start)
    assert (await listening.judge(start, end)).verdict is Verdict.VIOLATED


async def test_a_worker_that_stood_still_before_excuses_nothing_now(listening: Listening) -> None:
    await listening.stand_still()
    await listening.be_on_time_again()
    start = time.monotonic()
    end = await listening.be_silent(start)
    assert (await listening.judge(start, end)).verdict is Verdict.VIOLATED
