"""The readings that faults prove themselves by, against sockets and processes that are really there."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.faults.evidence import (
    Wire,
    connected_evidence,
    is_dead,
    peer_sockets,
    peer_states,
    poll_until,
    process_state,
    states_evidence,
    wires_of,
)
from chaos.links.link import Link
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, Direct, InProcess, connect_victims


async def test_polling_ends_with_the_first_reading_that_is_enough() -> None:
    readings = iter(range(10))

    async def read() -> int:
        return next(readings)

    assert await poll_until(read, lambda found: found >= 3, within=PATIENCE) == 3
    assert next(readings) == 4


async def test_polling_gives_the_last_reading_when_the_time_is_over() -> None:
    count = 0

    async def read() -> int:
        nonlocal count
        count += 1
        return count

    loop = asyncio.get_running_loop()
    began = loop.time()
    found = await poll_until(read, lambda _: False, within=IMPATIENCE)
    assert found == count > 1
    assert loop.time() - began >= IMPATIENCE


async def test_polling_without_time_reads_once() -> None:
    async def read() -> str:
        return "once"

    assert await poll_until(read, lambda _: False, within=0.0) == "once"


async def test_wires_are_found_by_the_clients_own_ports(direct: Direct) -> None:
    victims = await direct.connect()
    strangers = await direct.worker.create("strangers", victims.plan, 2)
    await strangers.connect()
    wires = await wires_of(victims, direct.agent, direct.server.port)
    assert {wire.client: wire.peer for wire in wires} == {
        client: (host, port) for client, host, port in await victims.locals()
    }
    assert {wire.server for wire in wires} == {(direct.server.host, direct.server.port)}


async def test_who_has_a_victims_port_at_another_address_is_none_of_them(direct: Direct) -> None:
    """A proxy's connections to the server come from an address of its own, and from any port."""
    victims, port = await direct.connect(), direct.server.port
    taken = [local_port for _, _, local_port in await victims.locals()]
    with socket.create_connection((direct.server.host, port), source_address=("127.0.0.2", taken[0])):
        wires = await wires_of(victims, direct.agent, port)
    assert sorted(wire.peer for wire in wires) == sorted(("127.0.0.1", each) for each in taken)


async def test_behind_a_proxy_there_are_no_wires(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent
) -> None:
    victims = await connect_victims(worker, link)
    assert await wires_of(victims, agent, server.port) == []


async def test_a_socket_that_the_kernel_has_forgotten_is_gone(direct: Direct) -> None:
    victims = await direct.connect()
    port = direct.server.port
    wires = await wires_of(victims, direct.agent, port)
    await victims.subset([1]).reset()

    async def states() -> dict[int, str]:
        return await peer_states(direct.agent, port, wires)

    await poll_until(states, lambda found: found[1] == "gone", within=PATIENCE)
    assert await states() == {0: "ESTABLISHED", 1: "gone", 2: "ESTABLISHED"}
    sockets = await peer_sockets(direct.agent, port, wires)
    assert sorted(sockets) == [0, 2]
    assert {found.remote for found in sockets.values()} == {wire.peer for wire in wires if wire.client != 1}


def _wire(client: int) -> Wire:
    return Wire(client=client, server=("127.0.0.1", 80), peer=("127.0.0.1", 1000 + client), inode=0)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({0: "gone", 1: "ESTABLISHED", 2: "gone"}, "1 ESTABLISHED, 2 gone"),
        ({0: "CLOSE_WAIT"}, "1 CLOSE_WAIT"),
        ({}, "none"),
    ],
)
def test_states_are_counted(after: dict[int, str], words: str) -> None:
    seen = states_evidence([_wire(client) for client in after], after)
    assert (seen.side, seen.before, seen.during) == ("server kernel", f"{len(after)} ESTABLISHED", words)


def test_connected_victims_are_counted() -> None:
    seen = connected_evidence(3, 1)
    assert (seen.what, seen.side, seen.before, seen.during) == ("victims that are connected", "client", "3", "1")


def test_the_state_of_a_process(tmp_path: Path) -> None:
    """A name with blanks and parentheses in it is no obstacle: in /proc it stands before the state."""
    program = tmp_path / "a) S (b"
    program.symlink_to(sys.executable)
    child = subprocess.Popen(
        [program, "-c", "import signal; print(flush=True); signal.pause()"], stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        assert process_state(child.pid) == "T"
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_state(child.pid) == "Z"
    assert process_state(child.pid) == ""
    assert is_dead("Z")
    assert is_dead("")
    assert not is_dead("T")
