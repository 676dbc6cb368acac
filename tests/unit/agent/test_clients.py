"""The two clients: the same methods, and what they do when the agent is gone."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation, Kind
from chaos.errors import AgentError

from .support import DEADLINE, exchange, port_for, start_echo, wait_until


def public(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if inspect.isfunction(value) and name[0] != "_"}


def test_both_have_the_same_methods() -> None:
    sync, asynchronous = public(AgentClient), public(AsyncAgent)
    assert sync.keys() == asynchronous.keys()
    for name, method in sync.items():
        assert inspect.iscoroutinefunction(asynchronous[name]), name
        assert inspect.signature(method) == inspect.signature(asynchronous[name]), name
        if name != "connect":  # one socket blocks, the other does not
            assert method.__doc__ == asynchronous[name].__doc__, name


async def test_every_request_works_through_asyncio_too(agent: AgentProcess, directory: Path) -> None:
    async with await AsyncAgent.open(agent.socket) as remote:
        assert (await remote.hello()).pid == agent.pid
        port = port_for(agent.isolation)
        with agent.client() as client:
            server = await asyncio.to_thread(start_echo, client, directory, port=port)
        assert await remote.spawned() == [server]
        assert await remote.tree(server.pid) == await remote.listen_pids(port) == [server.pid]
        with await remote.connect("127.0.0.1", port) as connection:
            assert exchange(connection) == b"hello"
            assert {info.side for info in await remote.sockets(port)} == {"local", "remote"}
            assert (await remote.sample(port=port, name="echo")).sockets == {"ESTABLISHED": 1}
            if agent.isolation.hermetic:
                rule = await remote.cut(connection.getsockname(), connection.getpeername())
                (second,) = await remote.cut_many([(("127.0.0.1", 1), ("127.0.0.1", 2))])
                (third,) = await remote.lose_many([(("127.0.0.1", 1), ("127.0.0.1", 3))], ratio=0.5)
                (fourth,) = await remote.reset_many([(("127.0.0.1", 1), ("127.0.0.1", 4))])
                assert [found.rule for found in await remote.rules()] == [rule, second, third, fourth]
                assert (await remote.rule_counters(rule)).packets == 0
                assert [counted.bytes for counted in await remote.rule_counters_many([rule, second])] == [0, 0]
                await remote.uncut(rule)
                await remote.uncut_many([second, third, fourth])
                await remote.flush_rules()
                if (await remote.hello()).can["narrow_line"].available:
                    await remote.narrow([(connection.getsockname(), connection.getpeername())], rate=5000, queue=70000)
                    counted = await remote.line_counters()
                    assert counted is not None
                    assert (counted.packets, counted.lost) == (0, 0)
                await remote.widen()
                assert await remote.line_counters() is None
                assert exchange(connection) == b"hello"
            assert await remote.kill_sockets([(("127.0.0.1", 1), ("127.0.0.1", 2))]) == [False]
        assert "ListenOverflows" in await remote.counters()
        segment = await remote.open_cell(directory / "cell", run="r", cell="c")
        await remote.sample_every(0.01, port=port, name="echo")
        await asyncio.to_thread(wait_until, lambda: '"Sample"' in segment.read_text(), "a sample is written")
        await remote.sample_stop()
        await remote.close_cell()
        assert await remote.wait(server.pid, timeout=0) is None
        assert await remote.signal([server.pid], signal.SIGTERM) == [server.pid]
        assert await remote.wait(server.pid, timeout=DEADLINE) == -signal.SIGTERM
        other = await remote.spawn(["true"], name="true", log=directory / "log")
        assert await remote.wait(other.pid) == 0


async def test_a_quick_request_overtakes_a_slow_one_on_the_same_connection(
    agent: AgentProcess, directory: Path
) -> None:
    async with await AsyncAgent.open(agent.socket) as remote:
        sleeper = await remote.spawn(["sleep", "1000"], name="sleep", log=directory / "log")
        waiting = asyncio.create_task(remote.wait(sleeper.pid))
        await remote.spawned()
        assert not waiting.done()
        await remote.signal([sleeper.pid], signal.SIGKILL)
        assert await asyncio.wait_for(waiting, DEADLINE) == -9


async def test_a_request_given_up_does_not_disturb_the_next(agent: AgentProcess, directory: Path) -> None:
    async with await AsyncAgent.open(agent.socket) as remote:
        sleeper = await remote.spawn(["sleep", "1000"], name="sleep", log=directory / "log")
        waiting = asyncio.create_task(remote.wait(sleeper.pid))
        await remote.spawned()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await remote.signal([sleeper.pid], signal.SIGKILL)
        assert await remote.wait(sleeper.pid) == -9


@pytest.fixture
def doomed(directory: Path) -> Iterator[AgentProcess]:
    """An agent that a test kills; what is left of it is ended also where the test fails half-way."""
    with launch_agent(socket=directory / "agent.sock", isolation=Isolation(Kind.PLAIN)) as process:
        yield process


async def test_all_who_wait_hear_of_the_agent_s_death(doomed: AgentProcess, directory: Path) -> None:
    remote = await AsyncAgent.open(doomed.socket)
    sleeper = await remote.spawn(["sleep", "1000"], name="sleep", log=directory / "log")
    waiting = [asyncio.create_task(remote.wait(sleeper.pid)) for _ in range(3)]
    await remote.spawned()
    os.kill(doomed.pid, signal.SIGKILL)
    ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), DEADLINE)
    gone = f"the agent on {doomed.socket} is gone: it closed the connection; its log says why"
    assert [(type(error), str(error)) for error in ended] == [(AgentError, gone)] * 3
    with pytest.raises(AgentError) as caught:
        await remote.spawned()
    assert str(caught.value) == gone
    await remote.close()
    await remote.close()
    doomed.close()
    with pytest.raises(AgentError, match="no agent answers on"):
        await AsyncAgent.open(doomed.socket)


def test_a_sync_client_hears_of_it_too(doomed: AgentProcess, directory: Path) -> None:
    with doomed.client() as client:
        sleeper = client.spawn(["sleep", "1000"], name="sleep", log=directory / "log")
        killer = threading.Timer(0.05, os.kill, (doomed.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(AgentError, match=r"^the agent on .* is gone: it closed the connection; its log says why$"):
            client.wait(sleeper.pid)
        killer.join()
        with pytest.raises(AgentError, match=r"^the agent on .* is gone"):
            client.spawned()
    doomed.close()


def test_one_sync_client_serves_several_threads(agent: AgentProcess) -> None:
    answers: list[int] = []
    with agent.client() as client:
        threads = [threading.Thread(target=lambda: answers.append(client.hello().pid)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
    assert answers == [agent.pid] * 8


def test_an_answer_that_does_not_come_is_given_up(doomed: AgentProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.agent.protocol._GRACE", 0.1)
    with doomed.client() as client:
        os.kill(doomed.pid, signal.SIGSTOP)
        with pytest.raises(AgentError) as caught:
            client.spawned()
        assert str(caught.value) == f"the agent on {doomed.socket} did not answer spawned in time; its log says why"
        os.kill(doomed.pid, signal.SIGCONT)
        with pytest.raises(AgentError, match="is gone"):
            client.spawned()
    doomed.close()


async def test_an_answer_that_does_not_come_is_given_up_by_asyncio_too(
    doomed: AgentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos.agent.protocol._GRACE", 0.1)
    async with await AsyncAgent.open(doomed.socket) as remote:
        os.kill(doomed.pid, signal.SIGSTOP)
        with pytest.raises(AgentError) as caught:
            await remote.spawned()
        assert str(caught.value) == f"the agent on {doomed.socket} did not answer spawned in time; its log says why"
        os.kill(doomed.pid, signal.SIGCONT)
        assert await remote.spawned() == [], "an answer that comes too late is told apart by its number"
    doomed.close()
