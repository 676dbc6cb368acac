"""The worker's service, in the test's own process."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.crowd.clock import TICK
from chaos.crowd.plan import Mode
from chaos.crowd.traffic import PERIOD
from chaos.crowd.worker import Worker
from chaos.errors import CrowdError, ForeignAddress
from chaos.journal import Attempt, CrowdMade, Ended, Lateness, Outcome, Segment, Traffic, read_journal

from .making import SHORT, WITHIN, make_plan, until
from .servers import Peer, close_frame, raw_server, websocket_server

ASKING = {"send": "hello {n}", "expect": "hello {n}"}
HERE = Address("127.0.0.1", 1)


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    made = Worker(file_limit=1000)
    yield made
    made.connection_lost()


async def test_a_cell_gets_what_happened_in_it_and_nothing_else(worker: Worker, tmp_path: Path) -> None:
    async with websocket_server() as address:
        await worker.create("guests", make_plan(address, **ASKING), 2)
        await worker.on("guests", "connect", Mode.SIMULTANEOUS, clients=[0])
        await worker.on("guests", "exchange", 5)
        await worker.open_cell(tmp_path, run="run", cell="cell")
        await worker.on("guests", "connect", Mode.SIMULTANEOUS, clients=[1])
        await worker.on("guests", "exchange", 1)
        await worker.on("guests", "close")
        await worker.close_cell()
        await worker.on("guests", "connect", Mode.SIMULTANEOUS)
        await worker.remove("guests")
    journal = read_journal(tmp_path)
    segment = journal.first(Segment)
    assert segment is not None
    assert (segment.role, segment.run, segment.cell) == ("crowd", "run", "cell")
    assert [attempt.client for attempt in journal.of(Attempt)] == [1]
    assert sorted(ended.client for ended in journal.of(Ended)) == [0, 1]
    assert sum(traffic.answered for traffic in journal.of(Traffic)) == 2


async def test_a_cell_knows_whose_clock_stamps_its_clients_and_how_late_it_was(worker: Worker, tmp_path: Path) -> None:
    """Also of a crowd that was made before the cell, and up to the flush."""
    await worker.create("early", make_plan(HERE), 1)
    began = time.monotonic()
    await worker.open_cell(tmp_path, run="run", cell="cell")
    await worker.create("guests", make_plan(HERE), 1)
    time.sleep(SHORT)  # noqa: ASYNC251  # that is the point
    await worker.flush()
    journal = read_journal(tmp_path)
    assert [(made.crowd, made.pid) for made in journal.of(CrowdMade)] == [
        ("early", os.getpid()),
        ("guests", os.getpid()),
    ]
    lateness = journal.of(Lateness)
    assert (lateness[0].pid, lateness[0].began >= began) == (os.getpid(), True)
    assert max(event.worst for event in lateness) >= SHORT - TICK


async def test_events_reach_the_kernel_without_anything_that_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos.crowd.worker.PERIOD", 1000.0)
    made = Worker(file_limit=1000)
    async with websocket_server() as address:
        await made.create("guests", make_plan(address), 1)
        await made.open_cell(tmp_path, run="run", cell="cell")
        await made.on("guests", "connect", Mode.SIMULTANEOUS)
        await until(lambda: len(read_journal(tmp_path).of(Attempt)) == 1)
        await made.remove("guests")
    made.connection_lost()


async def test_traffic_is_written_by_the_second(tmp_path: Path) -> None:
    began = asyncio.get_running_loop().time()
    worker = Worker(file_limit=1000)
    async with websocket_server() as address:
        await worker.create("guests", make_plan(address, **ASKING), 1)
        await worker.open_cell(tmp_path, run="run", cell="cell")
        await worker.on("guests", "connect", Mode.SIMULTANEOUS)
        await worker.on("guests", "exchange", 1)
        await until(lambda: len(read_journal(tmp_path).of(Traffic)) >= 2)
        traffic = read_journal(tmp_path).of(Traffic)
        assert sum(second.answered for second in traffic) == 1
        assert traffic[1].at - began >= 2 * PERIOD
        assert all(later.began >= earlier.at for earlier, later in itertools.pairwise(traffic))
        await worker.remove("guests")
    worker.connection_lost()


async def test_foreign_addresses_are_refused(worker: Worker) -> None:
    with pytest.raises(ForeignAddress, match=r"^203\.0\.113\.9:80 is neither loopback nor started by this suite"):
        await worker.create("guests", make_plan(Address("203.0.113.9", 80)), 1)
    allowing = Worker(file_limit=1000, allowed_hosts=["203.0.113.9"])
    await allowing.create("guests", make_plan(Address("203.0.113.9", 80)), 1)
    allowing.connection_lost()


async def test_a_name_is_given_once(worker: Worker) -> None:
    await worker.create("guests", make_plan(HERE), 1)
    with pytest.raises(CrowdError, match=r"^there is a crowd 'guests' already; give this one another name$"):
        await worker.create("guests", make_plan(HERE), 1)
    await worker.remove("guests")
    await worker.create("guests", make_plan(HERE), 1)


async def test_a_crowd_has_somebody(worker: Worker) -> None:
    with pytest.raises(CrowdError, match=r"^a crowd has at least one client; found 0$"):
        await worker.create("guests", make_plan(HERE), 0)


async def test_no_more_clients_than_files(worker: Worker) -> None:
    await worker.create("guests", make_plan(HERE), 600)
    with pytest.raises(CrowdError) as caught:
        await worker.create("more", make_plan(HERE), 400)
    assert str(caught.value) == (
        "400 more clients need 1064 open files, and this process may have 1000; "
        "raise the hard limit of `ulimit -n` or spread the clients over more workers"
    )


async def test_a_crowd_that_is_removed_while_it_connects(worker: Worker) -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    ends: asyncio.Queue[bytes] = asyncio.Queue()

    async def never_answer(peer: Peer) -> None:
        arrived.put_nowait(await peer.request())
        try:
            ends.put_nowait(await peer.reader.read())
        except ConnectionResetError:
            ends.put_nowait(b"")

    async with raw_server(never_answer) as address:
        await worker.create("guests", make_plan(address), 3)
        connecting = asyncio.create_task(worker.on("guests", "connect", Mode.PACED, gap=SHORT))
        async with asyncio.timeout(10):
            await asyncio.gather(arrived.get(), arrived.get())
            with pytest.raises(CrowdError, match=r"^client 0 of crowd 'guests' is connecting; close it first, or "):
                await worker.on("guests", "connect", Mode.SIMULTANEOUS)
            await worker.remove("guests")
            with pytest.raises(CrowdError, match=r"^crowd 'guests' was removed while it connected$"):
                await connecting
            assert [await ends.get(), await ends.get()] == [b"", b""]


async def test_flush_hands_over_everything(worker: Worker, tmp_path: Path) -> None:
    async with websocket_server() as address:
        await worker.create("guests", make_plan(address, **ASKING), 1)
        await worker.open_cell(tmp_path, run="run", cell="cell")
        await worker.on("guests", "connect", Mode.SIMULTANEOUS)
        await worker.on("guests", "exchange", 3)
        await worker.flush()
        journal = read_journal(tmp_path)
        assert len(journal.of(Attempt)) == 1
        assert sum(traffic.answered for traffic in journal.of(Traffic)) == 3
        await worker.remove("guests")


async def test_what_is_removed_has_ended_in_the_journal(worker: Worker, tmp_path: Path) -> None:
    async with websocket_server() as address:
        await worker.create("guests", make_plan(address), 2)
        await worker.open_cell(tmp_path, run="run", cell="cell")
        await worker.on("guests", "connect", Mode.SIMULTANEOUS)
        await worker.remove("guests")
        await worker.close_cell()
    assert [(ended.by, ended.how) for ended in read_journal(tmp_path).of(Ended)] == [("client", "reset")] * 2


async def test_who_was_turned_away_is_removed_too(worker: Worker) -> None:
    ends: asyncio.Queue[bytes] = asyncio.Queue()

    async def turn_away_and_hold_tcp(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(close_frame(1013))
        await peer.reader.readuntil(b"\x88\x82")  # the close frame's echo, and before it the first exchange
        await peer.reader.readexactly(6)
        ends.put_nowait(await peer.reader.read())

    async with raw_server(turn_away_and_hold_tcp) as address:
        plan = make_plan(address, **ASKING, first_message=True, close_timeout=10 * WITHIN)
        await worker.create("guests", plan, 1)
        (attempt,) = await worker.on("guests", "connect", Mode.SIMULTANEOUS)
        assert attempt.outcome is Outcome.CLOSED
        async with asyncio.timeout(WITHIN):
            await worker.remove("guests")
            assert await ends.get() == b""


async def test_an_unknown_crowd_and_an_unknown_method(worker: Worker) -> None:
    await worker.create("guests", make_plan(HERE), 1)
    with pytest.raises(CrowdError, match=r"^there is no crowd 'ghosts'; there are 'guests'$"):
        await worker.on("ghosts", "close")
    for method in ("dance", "_end", "write_traffic"):
        with pytest.raises(CrowdError, match=rf"^a crowd has no method '{method}'$"):
            await worker.on("guests", method)


async def test_a_bug_in_a_callback_is_told_to_the_next_caller(worker: Worker) -> None:
    await worker.create("guests", make_plan(HERE), 1)
    worker.unexpected(asyncio.get_running_loop(), {"message": "Exception in callback", "exception": KeyError("oops")})
    with pytest.raises(CrowdError) as caught:
        await worker.on("guests", "states")
    assert str(caught.value).startswith("this crowd worker has a bug, so nothing it reports counts:\n")
    assert str(caught.value).endswith("KeyError: 'oops'\n")


async def test_the_worker_leaves_when_its_caller_does(tmp_path: Path) -> None:
    left: list[bool] = []
    made = Worker(file_limit=1000, leave=lambda: left.append(True))
    await made.open_cell(tmp_path, run="run", cell="cell")
    made.connection_lost()
    assert left == [True]
    assert read_journal(tmp_path).truncated == ()
