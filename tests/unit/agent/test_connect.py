"""Sockets of the agent's network, used from outside it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from chaos.agent.async_client import AsyncAgent
from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess
from chaos.errors import AgentError

from .support import DEADLINE, HERE, exchange, port_for, start_echo, wait_until


async def test_a_websocket_client_outside_talks_to_a_server_inside(
    hermetic_agent: AgentProcess, hermetic_client: AgentClient, directory: Path
) -> None:
    """The library needs to know nothing of namespaces: a socket has its network, whoever uses it."""
    log = directory / "server.log"
    hermetic_client.spawn([sys.executable, str(HERE / "websocket_server.py"), "8765"], name="server", log=log)
    wait_until(lambda: "listening" in log.read_text(), "the server listens")
    with socket.socket() as outside:
        assert outside.connect_ex(("127.0.0.1", 8765)) != 0, "nothing listens there in the machine's own network"
    async with await AsyncAgent.open(hermetic_agent.socket) as agent:
        connection = await agent.connect("127.0.0.1", 8765)
        uri = "ws://127.0.0.1:8765/"
        async with connect(uri, sock=connection, proxy=None, compression=None, open_timeout=DEADLINE) as websocket:
            for number in range(3):
                await websocket.send(f"message {number}")
                assert await websocket.recv() == f"echo: message {number}"
            assert (await agent.sample(port=8765, name="server")).sockets == {"ESTABLISHED": 1}


def test_the_socket_is_in_the_agent_s_network(agent: AgentProcess, client: AgentClient, directory: Path) -> None:
    port = port_for(agent.isolation)
    start_echo(client, directory, port=port)
    with client.connect("127.0.0.1", port) as connection:
        assert connection.getpeername() == ("127.0.0.1", port)
        assert connection.getblocking()
        assert exchange(connection) == b"hello"
        assert connection.getsockname() in [info.local for info in client.sockets(port)]


def test_sockets_are_handed_out_many_times_and_none_is_kept(
    hermetic_agent: AgentProcess, hermetic_client: AgentClient, directory: Path
) -> None:
    start_echo(hermetic_client, directory, port=8765)
    fds = Path(f"/proc/{hermetic_agent.pid}/fd")
    before = len(os.listdir(fds))
    for _ in range(30):
        with hermetic_client.connect("127.0.0.1", 8765) as connection:
            assert exchange(connection) == b"hello"
    wait_until(lambda: len(os.listdir(fds)) == before, "the agent has closed its copies")


async def test_answers_with_and_without_sockets_do_not_get_mixed_up(
    hermetic_agent: AgentProcess, hermetic_client: AgentClient, directory: Path
) -> None:
    start_echo(hermetic_client, directory, port=8765)
    async with await AsyncAgent.open(hermetic_agent.socket) as agent:
        answers = await asyncio.gather(
            *(agent.connect("127.0.0.1", 8765) for _ in range(40)),
            *(agent.connect("127.0.0.1", 9) for _ in range(10)),
            *(agent.spawned() for _ in range(40)),
            return_exceptions=True,
        )
    connections = [answer for answer in answers[:40] if isinstance(answer, socket.socket)]
    assert len({connection.getsockname() for connection in connections}) == 40
    for connection in connections:
        assert not connection.getblocking()
        assert exchange(connection) == b"hello"
        connection.close()
    assert [str(answer) for answer in answers[40:50]] == ["cannot connect to 127.0.0.1 port 9: Connection refused"] * 10
    assert [len(answer) for answer in answers[50:] if isinstance(answer, list)] == [1] * 40


async def test_a_socket_that_nobody_waits_for_any_more_is_closed(
    hermetic_agent: AgentProcess, hermetic_client: AgentClient, directory: Path
) -> None:
    start_echo(hermetic_client, directory, port=8765)
    async with await AsyncAgent.open(hermetic_agent.socket) as agent:
        waiting = asyncio.create_task(agent.connect("127.0.0.1", 8765))
        await asyncio.sleep(0)  # the request is on its way
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await agent.spawned()

        def held() -> list[str]:
            return [info.state for info in hermetic_client.sockets(8765) if info.inode and info.side == "remote"]

        await asyncio.to_thread(wait_until, lambda: held() == [], "the client's end is closed")


async def test_a_socket_that_comes_in_the_moment_its_asker_is_cancelled_is_closed(
    agent: AgentProcess, client: AgentClient, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = port_for(agent.isolation)
    start_echo(client, directory, port=port)
    came: list[socket.socket | None] = []
    async with await AsyncAgent.open(agent.socket) as made:
        asking = asyncio.create_task(made.connect("127.0.0.1", port))
        deliver = made._deliver

        def deliver_and_cancel(line: bytes) -> None:
            (waiting,) = made._waiting.values()
            deliver(line)
            came.append(waiting.result()[1])
            asking.cancel()

        monkeypatch.setattr(made, "_deliver", deliver_and_cancel)
        with pytest.raises(asyncio.CancelledError):
            await asking
    (connection,) = came
    assert connection is not None
    assert connection.fileno() == -1


def test_what_cannot_be_connected_says_why(hermetic_client: AgentClient) -> None:
    with pytest.raises(AgentError) as caught:
        hermetic_client.connect("127.0.0.1", 9)
    assert str(caught.value) == "cannot connect to 127.0.0.1 port 9: Connection refused"
    with pytest.raises(AgentError) as caught:
        hermetic_client.connect("localhost", 9)
    assert str(caught.value) == "connect: host is an IP address, not a name; found 'localhost'"
    with pytest.raises(AgentError) as caught:
        hermetic_client.connect("192.0.2.1", 80)
    assert str(caught.value) == "cannot connect to 192.0.2.1 port 80: Network is unreachable", "nothing can leave"


def test_a_server_that_does_not_answer_is_given_up(hermetic_client: AgentClient, directory: Path) -> None:
    """A stopped server with a full backlog: the kernel drops the SYN and says nothing."""
    log = directory / "full.log"
    code = (
        "import socket, signal\n"
        "listener = socket.socket()\n"
        "listener.bind(('127.0.0.1', 8765))\n"
        "listener.listen(0)\n"
        "print('listening', flush=True)\n"
        "signal.pause()\n"
    )
    hermetic_client.spawn([sys.executable, "-I", "-S", "-c", code], name="full", log=log)
    wait_until(lambda: "listening" in log.read_text(), "it listens")
    with hermetic_client.connect("127.0.0.1", 8765), pytest.raises(AgentError) as caught:
        hermetic_client.connect("127.0.0.1", 8765, timeout=0.2)
    assert str(caught.value) == "no answer from 127.0.0.1 port 8765 within 0.2 s"
    assert hermetic_client.counters()["ListenOverflows"] >= 1


def test_the_source_address_and_the_receive_buffer_are_as_asked(hermetic_client: AgentClient, directory: Path) -> None:
    start_echo(hermetic_client, directory, port=8765)
    with hermetic_client.connect("127.0.0.1", 8765, source_host="127.0.0.7", receive_buffer=4096) as connection:
        assert connection.getsockname()[0] == "127.0.0.7"
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * 4096, (
            "the kernel doubles it (socket(7))"
        )
        assert exchange(connection) == b"hello"
