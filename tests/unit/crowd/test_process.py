"""The worker's process: its start, its end, and that it never outlives whoever started it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import select
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.crowd import process
from chaos.crowd.plan import ClientState, Mode
from chaos.crowd.process import WorkerProcess
from chaos.errors import CrowdError, ForeignAddress
from chaos.journal import Attempt, Ended, Outcome, read_journal

from .making import SHORT, WITHIN, make_plan, until
from .servers import Peer, raw_server, websocket_server

ASKING = {"send": "hello {n}", "expect": "hello {n}"}
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    async with await WorkerProcess.start(tmp_path, name="crowd") as started:
        yield started


async def test_a_crowd_in_another_process(worker: WorkerProcess, tmp_path: Path) -> None:
    assert worker.pid != os.getpid()
    assert os.listdir(tmp_path) == []  # the socket's file is gone as soon as we are connected
    cell = tmp_path / "cell"
    async with websocket_server() as address:
        await worker.open_cell(cell, run="run", cell="cell")
        crowd = await worker.create("guests", make_plan(address, **ASKING, first_message=True), 20)
        attempts = await crowd.connect(Mode.SIMULTANEOUS)
        assert {attempt.outcome for attempt in attempts} == {Outcome.OPEN}
        assert await crowd.open_count() == 20
        result = await crowd.subset([3, 4]).exchange(2)
        assert (result.answered, result.complete) == (4, True)
        assert [ended.client for ended in await crowd.subset([3]).reset()] == [3]
        assert (await crowd.states())[3] is ClientState.CLOSED
        assert len(await crowd.locals()) == 19
        assert len(await crowd.close()) == 19
        await worker.flush()
        assert len(read_journal(cell).of(Ended)) == 20
        await worker.close_cell()
    assert len(read_journal(cell).of(Attempt)) == 20
    assert os.listdir(cell) == [f"crowd-{worker.pid}.ndjson"]


async def test_errors_arrive_as_they_were_raised(worker: WorkerProcess) -> None:
    async with websocket_server() as address:
        crowd = await worker.create("guests", make_plan(address), 1)
        with pytest.raises(CrowdError, match=r"^the plan of crowd 'guests' has no exchange; "):
            await crowd.exchange()
    with pytest.raises(ForeignAddress):
        await worker.create("far", make_plan(Address("203.0.113.9", 80)), 1)


async def test_an_allowed_host(tmp_path: Path) -> None:
    async with await WorkerProcess.start(tmp_path, allowed_hosts=["203.0.113.9"]) as allowing:
        await allowing.create("far", make_plan(Address("203.0.113.9", 80)), 1)


async def test_close_ends_it_in_good_order(tmp_path: Path) -> None:
    worker = await WorkerProcess.start(tmp_path)
    await worker.open_cell(tmp_path / "cell", run="run", cell="cell")
    assert await worker.close() == 0
    assert not worker.alive
    assert await worker.close() == 0
    with pytest.raises(CrowdError, match=r"^crowd worker 'crowd' was closed before close_cell was called "):
        await worker.close_cell()


async def test_killed_clients_end_without_a_word(worker: WorkerProcess) -> None:
    ends: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        ends.append(await peer.reader.read())

    async with raw_server(script) as address:
        crowd = await worker.create("guests", make_plan(address), 3)
        await crowd.connect()
        assert await crowd.kill() == -signal.SIGKILL
        await until(lambda: len(ends) == 3)
        assert ends == [b"", b"", b""]
        with pytest.raises(
            CrowdError, match=r"^crowd worker 'crowd' was closed before states of crowd 'guests' was called "
        ):
            await crowd.states()


async def test_a_worker_that_dies_during_a_call(worker: WorkerProcess) -> None:
    async def silent(peer: Peer) -> None:
        await peer.reader.read()

    async with raw_server(silent) as address:
        crowd = await worker.create("guests", make_plan(address), 1)
        connecting = asyncio.create_task(crowd.connect())
        await asyncio.sleep(SHORT)
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(CrowdError) as caught:
            await connecting
    assert str(caught.value) == "crowd worker 'crowd' ended before it answered connect of crowd 'guests' (exit code -9)"


async def test_a_stopped_worker_is_overdue(worker: WorkerProcess) -> None:
    os.kill(worker.pid, signal.SIGSTOP)
    with pytest.raises(CrowdError) as caught:
        await worker.call("close_cell", within=SHORT)
    assert str(caught.value) == (
        "crowd worker 'crowd' did not answer close_cell within 0.15s; "
        "the machine is overloaded or the worker is stopped: use fewer clients"
    )
    assert await worker.kill() == -signal.SIGKILL


async def test_ctrl_c_is_not_meant_for_it(worker: WorkerProcess) -> None:
    os.kill(worker.pid, signal.SIGINT)
    await worker.close_cell()
    assert worker.alive


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
async def test_it_dies_with_its_parent(tmp_path: Path, stopped: bool) -> None:
    """Also when it cannot see that its caller has gone: then it is the kernel that ends it."""
    program = (
        "import asyncio, pathlib, sys\n"
        "from chaos.crowd.process import WorkerProcess\n"
        "async def main():\n"
        "    worker = await WorkerProcess.start(pathlib.Path(sys.argv[1]))\n"
        "    print(worker.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    descriptor = os.pidfd_open(int(await parent.stdout.readline()))
    try:
        if stopped:
            signal.pidfd_send_signal(descriptor, signal.SIGSTOP)
        parent.kill()
        await parent.wait()
        # A pidfd is readable once its process has ended, whoever reaps it.
        readable, _, _ = await asyncio.to_thread(select.select, [descriptor], [], [], WITHIN)
        assert readable == [descriptor]
    finally:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)


async def test_a_worker_whose_parent_is_gone_does_not_start(tmp_path: Path) -> None:
    orphan = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chaos.crowd.worker",
        f"--socket={tmp_path / 'orphan.sock'}",
        "--parent=1",
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        _, errors = await asyncio.wait_for(orphan.communicate(), timeout=WITHIN)
    finally:
        if orphan.returncode is None:
            orphan.kill()
            await orphan.wait()
    assert (orphan.returncode, errors) == (1, b"the parent process 1 is gone already\n")


async def test_a_directory_that_others_can_enter(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    with pytest.raises(CrowdError) as caught:
        await WorkerProcess.start(tmp_path)
    assert str(caught.value) == (
        f"the socket of a crowd worker is made in a directory that is ours alone; {tmp_path.name!r} has mode 0755, "
        "allowed is 0700: whoever can connect can run code"
    )


async def test_a_directory_with_too_long_a_path(tmp_path: Path) -> None:
    with pytest.raises(CrowdError, match=r"^the socket of crowd worker 'x+' would have a path of \d+ bytes, allowed "):
        await WorkerProcess.start(tmp_path, name="x" * 108)


async def test_a_worker_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", _script(tmp_path, "echo no Python here >&2; exit 3"))
    with pytest.raises(CrowdError) as caught:
        await WorkerProcess.start(tmp_path)
    assert str(caught.value) == "crowd worker 'crowd' did not start (exit code 3); it said:\n  no Python here"


async def test_a_worker_that_does_not_get_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", _script(tmp_path, "exec sleep 600"))
    with pytest.raises(CrowdError) as caught:
        await WorkerProcess.start(tmp_path, within=SHORT)
    assert re.fullmatch(
        r"crowd worker 'crowd' was not ready within 0\.15s and \S+s of waiting for a core \(exit code -9\)",
        str(caught.value),
    )


async def test_a_worker_that_waits_for_a_core_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs longer than it may take, by as long as it waited for a core meanwhile."""
    began = time.monotonic()
    monkeypatch.setattr(process, "waited", lambda _pid: time.monotonic() - began)
    async with await WorkerProcess.start(tmp_path, within=0.001) as worker:
        assert worker.alive


async def test_one_that_waits_for_a_core_for_ever_is_given_up_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    monkeypatch.setattr(process, "waited", lambda _pid: time.monotonic() - began)
    monkeypatch.setattr(process, "START_AT_MOST", SHORT)
    monkeypatch.setattr(sys, "executable", _script(tmp_path, "exec sleep 600"))
    with pytest.raises(CrowdError, match=r"^crowd worker 'crowd' was not ready within 10s and \S+s of waiting"):
        await WorkerProcess.start(tmp_path)


def _script(directory: Path, text: str) -> str:
    path = directory / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)
