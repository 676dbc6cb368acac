"""The request side under bad input: it answers with a sentence and goes on."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from signal import Signals
from typing import Any

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation, Kind
from chaos.agent.protocol import MAX_REQUEST
from chaos.agent.server import Operation, Server, listen
from chaos.errors import AgentError

from .support import DEADLINE, POLL, port_for, start_echo, wait_until


@pytest.fixture
def plain(directory: Path) -> Iterator[AgentProcess]:
    """Bad input does not depend on namespaces."""
    with launch_agent(socket=directory / "agent.sock", isolation=Isolation(Kind.PLAIN)) as process:
        yield process


@pytest.fixture
def raw(plain: AgentProcess) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(DEADLINE)
        connection.connect(str(plain.socket))
        yield connection


def ask(raw: socket.socket, data: bytes) -> dict[str, Any]:
    raw.sendall(data)
    with raw.makefile("rb") as answers:
        answer: dict[str, Any] = json.loads(answers.readline())
    return answer


KNOWN = (
    "close_cell, commands, connect, counters, cut, cut_many, flush_rules, hello, kill_sockets, lift_limit, limit_cpu, "
    "limit_files, limit_memory, line_counters, listen_pids, lose_many, narrow, open_cell, reset_many, restore_files, "
    "rule_counters, rule_counters_many, rules, sample, sample_every, sample_stop, serving, signal, sockets, spawn, "
    "spawned, tree, uncut, uncut_many, wait, widen"
)


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (
            b"GET / HTTP/1.1\r\n",
            {"id": None, "error": "a request is one JSON object a line; this is not JSON: b'GET / HTTP/1.1\\r'"},
        ),
        (b"\xff\n", {"id": None, "error": "a request is one JSON object a line; this is not JSON: b'\\xff'"}),
        (b"[]\n", {"id": None, "error": "a request is one JSON object a line; found b'[]'"}),
        (b"\n", {"id": None, "error": "a request is one JSON object a line; this is not JSON: b''"}),
        (b'{"id":1}\n', {"id": 1, "error": 'a request says what to do, as in {"do": "hello"}; found None'}),
        (b'{"id":1,"do":7}\n', {"id": 1, "error": 'a request says what to do, as in {"do": "hello"}; found 7'}),
        (
            b'{"id":"x","do":"soket"}\n',
            {"id": "x", "error": f"the agent cannot do 'soket'; did you mean 'sockets'?; it can do: {KNOWN}"},
        ),
        (
            b'{"id":2,"do":"sockets","port":"http"}\n',
            {"id": 2, "error": "sockets: port is a whole number from 0; found 'http'"},
        ),
        (
            b'{"id":3,"do":"sample","port":80}\n',
            {
                "id": 3,
                "error": "a server is named by root_pids or by the name it was spawned under; give exactly one of them",
            },
        ),
    ],
)
def test_a_bad_request_is_answered_and_the_next_one_works(
    raw: socket.socket, request_line: bytes, answer: dict[str, Any]
) -> None:
    assert ask(raw, request_line) == answer
    assert ask(raw, b'{"id":9,"do":"spawned"}\n') == {"id": 9, "ok": []}


def test_deeply_nested_nonsense_is_refused(raw: socket.socket) -> None:
    assert ask(raw, b"[" * 100_000 + b"\n")["error"].startswith("a request is one JSON object a line; this is not JSON")
    assert ask(raw, b'{"id":9,"do":"spawned"}\n') == {"id": 9, "ok": []}


def test_a_request_without_end_is_cut_off_and_the_agent_lives(plain: AgentProcess, raw: socket.socket) -> None:
    answer = ask(raw, b"x" * (MAX_REQUEST + 2))
    assert answer == {"id": None, "error": f"a request may have {MAX_REQUEST} bytes, and this one has more"}
    with plain.client() as other:
        assert other.spawned() == []


def test_requests_in_pieces_and_several_at_once_are_all_answered(raw: socket.socket) -> None:
    raw.sendall(b'{"id":1,"do":"spa')
    raw.sendall(b'wned"}\n{"id":2,"do":"rules"}\n{"id":3,"do":"spawned"}\n')
    with raw.makefile("rb") as answers:
        numbers = {json.loads(answers.readline())["id"] for _ in range(3)}
    assert numbers == {1, 2, 3}


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(plain: AgentProcess, directory: Path) -> None:
    with plain.client() as client:
        port = port_for(plain.isolation)
        server = start_echo(client, directory, port=port)
        for unfinished in (
            b'{"id":1,"do":"wait","pid":%d}\n' % server.pid,
            b'{"id":1,"do":"sockets","port":%d}\n' % port * 200,
            b'{"id":1,"do":"connect","host":"127.0.0.1","port":%d}\n' % port,
            b'{"id":1,',
        ):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as leaver:
                leaver.connect(str(plain.socket))
                leaver.sendall(unfinished)
        assert client.tree(server.pid) == [server.pid]
        fds = Path(f"/proc/{plain.pid}/fd")

        def held() -> list[str]:
            return [info.state for info in client.sockets(port) if info.inode and info.state != "LISTEN"]

        wait_until(lambda: held() == [], "the sockets made for those who left are closed")
        settled = len(os.listdir(fds))
        client.hello()
        assert len(os.listdir(fds)) == settled


def test_a_waiting_request_holds_up_no_other(plain: AgentProcess, directory: Path) -> None:
    """Order, not times: the quick request is answered while the slow one, sent before it, is not."""
    with plain.client() as client, plain.client() as patient:
        server = start_echo(client, directory, port=port_for(plain.isolation))
        answered: list[int | None] = []
        waiting = threading.Thread(target=lambda: answered.append(patient.wait(server.pid, timeout=DEADLINE)))
        waiting.start()
        client.hello()
        assert answered == []
        client.signal([server.pid], Signals.SIGKILL)
        waiting.join(DEADLINE)
        assert answered == [-9]


async def test_a_fault_of_its_own_is_answered_and_logged(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> object:
        return 1 / 0

    async def work() -> object:
        return "done"

    path = directory / "agent.sock"
    with listen(path) as listener:
        server = Server({"fail": Operation(fail, {}), "work": Operation(work, {})})
        serving = asyncio.create_task(server.serve(listener))
        async with await AsyncAgent.open(path) as agent:
            with pytest.raises(AgentError) as caught:
                await agent.call("fail")
            assert str(caught.value) == (
                "the agent failed: ZeroDivisionError: division by zero; its log has the traceback"
            )
            assert await agent.call("work") == "done"
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err


async def test_what_is_begun_is_finished_although_its_client_is_gone(directory: Path) -> None:
    begun, finished = asyncio.Event(), asyncio.Event()

    async def work() -> object:
        begun.set()
        await asyncio.sleep(POLL)
        finished.set()
        return None

    path = directory / "agent.sock"
    with listen(path) as listener:
        serving = asyncio.create_task(Server({"work": Operation(work, {})}).serve(listener))
        async with await AsyncAgent.open(path) as agent:
            asking = asyncio.create_task(agent.call("work"))
            await begun.wait()
        with pytest.raises(AgentError, match="this connection was closed"):
            await asking
        await asyncio.wait_for(finished.wait(), DEADLINE)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def test_only_this_user_may_connect(plain: AgentProcess) -> None:
    assert stat.S_IMODE(plain.socket.stat().st_mode) == 0o600


def test_the_socket_of_a_dead_agent_is_replaced_and_a_living_one_s_is_not(directory: Path) -> None:
    path = directory / "agent.sock"
    listen(path).close()
    with listen(path), pytest.raises(AgentError) as caught:
        listen(path)
    assert str(caught.value) == f"another agent listens on {path}; give every agent a socket of its own"


def test_a_directory_that_does_not_exist_is_named(directory: Path) -> None:
    path = directory / "none" / "agent.sock"
    with pytest.raises(AgentError) as caught:
        listen(path)
    assert str(caught.value) == (
        f"cannot listen on {path}: No such file or directory; choose a path in your own directory"
    )


def test_a_file_that_is_no_socket_is_left_alone(directory: Path) -> None:
    path = directory / "precious"
    path.write_text("data")
    with pytest.raises(AgentError, match="File exists"):
        listen(path)
    assert path.read_text() == "data"


def test_many_clients_at_once(plain: AgentProcess) -> None:
    clients = [AgentClient(plain.socket) for _ in range(50)]
    try:
        assert [client.spawned() for client in clients] == [[]] * 50
    finally:
        for client in clients:
            client.close()
