"""Cutting one of two connections: nothing passes on it in either direction, the other does not notice, uncut heals.

Times are the kernel's: a lost segment is sent again after 0.2 s, then 0.4 s, and so on.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import Signals

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation, Kind, try_isolation
from chaos.agent.nftables import KernelRules
from chaos.agent.orphans import remove_stale_tables
from chaos.agent.reaper import Reaper
from chaos.errors import AgentError, ToolMissing

from .cable import SERVER_ADDRESS, cabled
from .support import DEADLINE, ends, exchange, start_echo, wait_until

SILENCE = 0.7
"""Seconds in which a cut connection is watched: two retransmissions of the kernel (0.2 s and 0.4 s after the first)."""


@pytest.fixture(params=["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pair(hermetic_client: AgentClient, directory: Path, host: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connections to an echo server in the agent's network, both used once."""
    start_echo(hermetic_client, directory, port=8765, host=host)
    with hermetic_client.connect(host, 8765) as one, hermetic_client.connect(host, 8765) as other:
        assert exchange(one) == exchange(other) == b"hello"
        yield one, other


def unacknowledged(connection: socket.socket) -> int:
    """Segments that were sent and not acknowledged: tcpi_unacked of struct tcp_info (linux/tcp.h)."""
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("=I", information, 24)[0])


def test_nothing_passes_on_a_cut_connection_and_everything_after_it_is_healed(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]
) -> None:
    cut, spared = pair
    rule = hermetic_client.cut(*ends(cut))
    cut.sendall(b"through?")
    cut.settimeout(SILENCE)
    with pytest.raises(TimeoutError):
        cut.recv(100)
    assert exchange(spared) == b"hello"
    counters = hermetic_client.rule_counters(rule)
    assert counters.to_remote >= 2, "the segment and at least one retransmission"
    assert counters.packets == counters.to_local + counters.to_remote
    assert counters.bytes >= counters.packets * len(b"through?")
    assert [info.wqueue for info in hermetic_client.sockets(8765) if info.local == ends(cut)[0]] == [8]
    assert unacknowledged(cut) == 1, "the sender's kernel has sent it and was not told that it was dropped"
    hermetic_client.uncut(rule)
    cut.settimeout(DEADLINE)
    assert cut.recv(100) == b"through?"
    assert exchange(cut) == b"hello"


def test_the_server_s_direction_is_cut_too(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]
) -> None:
    """The server is stopped with a message in its hands, answers into the cut, and is not told of it."""
    cut, spared = pair
    (server,) = hermetic_client.listen_pids(8765)
    hermetic_client.signal([server], Signals.SIGSTOP)
    for connection in pair:
        connection.sendall(b"question")
    rule = hermetic_client.cut(*ends(cut))
    hermetic_client.signal([server], Signals.SIGCONT)
    spared.settimeout(DEADLINE)
    assert spared.recv(100) == b"question"
    wait_until(lambda: hermetic_client.rule_counters(rule).to_local >= 2, "the answer was dropped and sent again")
    cut.setblocking(False)
    with pytest.raises(BlockingIOError):
        cut.recv(100)
    sides = {info.side: info for info in hermetic_client.sockets(8765) if ends(cut)[0] in (info.local, info.remote)}
    assert sides["local"].wqueue == 8, "the server's kernel holds what was not acknowledged"
    assert sides["local"].state == sides["remote"].state == "ESTABLISHED"
    hermetic_client.uncut(rule)
    cut.settimeout(DEADLINE)
    assert cut.recv(100) == b"question"


def test_neither_fin_nor_rst_gets_through(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]
) -> None:
    cut, _ = pair
    local, remote = ends(cut)
    rule = hermetic_client.cut(local, remote)
    cut.close()
    wait_until(lambda: hermetic_client.rule_counters(rule).to_remote >= 1, "the FIN was dropped")
    (held,) = [info for info in hermetic_client.sockets(8765) if info.remote == local]
    assert held.state == "ESTABLISHED"


def test_a_rule_is_known_by_its_number_and_can_be_taken_back_once(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]
) -> None:
    cut, spared = pair
    first, second = hermetic_client.cut_many([ends(cut), ends(spared)])
    assert [(rule.rule, rule.local, rule.remote) for rule in hermetic_client.rules()] == [
        (first, *ends(cut)),
        (second, *ends(spared)),
    ]
    for double in (ends(cut), ends(cut)[::-1]):
        with pytest.raises(AgentError, match=rf"has a rule already: {first} \(cut\)$"):
            hermetic_client.cut(*double)
    hermetic_client.uncut(first)
    for refused in (hermetic_client.uncut, hermetic_client.rule_counters):
        with pytest.raises(AgentError) as caught:
            refused(first)
        assert str(caught.value) == f"there is no rule {first}; rules in force: {second}"
    hermetic_client.uncut_many([second])
    assert hermetic_client.rules() == []
    assert hermetic_client.rule_counters_many([]) == []


async def test_a_rule_that_the_kernel_still_has_is_in_force_whatever_was_asked_of_it() -> None:
    local, remote = ("10.0.0.1", 8765), ("10.0.0.2", 40_000)
    element = {"val": {"concat": [*local, *remote]}, "counter": {"packets": 0, "bytes": 0}}
    deaf = DeafKernel(json.dumps({"nftables": [{"set": {"elem": [{"elem": element}]}}]}))
    (cut,) = await deaf.cut([(local, remote)])
    await deaf.uncut([cut.rule])
    assert await deaf.rules() == [cut]
    (again,) = await deaf.cut([(local, remote)])
    assert await deaf.rules() == [again], "and the other one is the same rule"


class DeafKernel(KernelRules):
    """Says that it does what it is told, and lists what it likes."""

    def __init__(self, listing: str) -> None:
        super().__init__(Reaper(), table="deaf")
        self._listing = listing

    async def _nft(self, script: str, *, json_output: bool = False) -> str:
        return self._listing if json_output else ""


def test_flushing_heals_everything(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket], hermetic_agent: AgentProcess
) -> None:
    hermetic_client.cut_many([ends(connection) for connection in pair])
    assert f"chaos_{hermetic_agent.token}" in tables(hermetic_agent)
    hermetic_client.flush_rules()
    assert tables(hermetic_agent) == ""
    assert [exchange(connection) for connection in pair] == [b"hello", b"hello"]
    hermetic_client.flush_rules()
    hermetic_client.cut(*ends(pair[0]))


def test_five_hundred_connections_are_cut_in_one_go(hermetic_client: AgentClient, directory: Path) -> None:
    start_echo(hermetic_client, directory, port=8765)
    with ExitStack() as stack:
        connections = [stack.enter_context(hermetic_client.connect("127.0.0.1", 8765)) for _ in range(501)]
        spared = connections.pop(0)
        rules = hermetic_client.cut_many([ends(connection) for connection in connections])
        for connection in connections:
            connection.sendall(b"x")
        assert exchange(spared) == b"hello"
        assert all(counters.to_remote >= 1 for counters in hermetic_client.rule_counters_many(rules))
        hermetic_client.uncut_many(rules)
        for connection in connections[:60]:  # those the echo server has a thread for
            connection.settimeout(DEADLINE)
            assert connection.recv(1) == b"x"


def test_what_cannot_be_a_connection_is_refused(hermetic_client: AgentClient) -> None:
    with pytest.raises(AgentError) as caught:
        hermetic_client.cut(("127.0.0.1", 80), ("::1", 80))
    assert str(caught.value) == "127.0.0.1:80 and [::1]:80 are of different IP versions: no connection has both"
    twice = (("127.0.0.1", 80), ("127.0.0.1", 81))
    with pytest.raises(AgentError) as caught:
        hermetic_client.cut_many([twice, twice])
    assert str(caught.value) == "the same connection is named twice in one cut"
    assert hermetic_client.rules() == []
    assert hermetic_client.cut_many([]) == []


def test_rules_that_the_kernel_refuses_are_told_with_the_remedy(directory: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("an agent without any capability is started by setpriv; install util-linux")
    with launch_agent(socket=directory / "a.sock", isolation=Powerless(Kind.PLAIN)) as agent, agent.client() as client:
        can = client.hello().can["nft"]
        assert not can.available
        assert "Operation not permitted" in can.reason
        assert can.remedy == "run as root, or where unprivileged user namespaces are allowed (python -m chaos doctor)"
        with pytest.raises(
            AgentError, match=r"^nft refused: .*Operation not permitted.*rules need CAP_NET_ADMIN here: run"
        ):
            client.cut(("127.0.0.1", 80), ("127.0.0.1", 81))
        assert client.rules() == []


class Powerless(Isolation):
    """No namespace and no capability either."""

    def prefix(self) -> list[str]:
        return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


async def test_without_nft_the_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.agent.tools.shutil.which", lambda name, path: None)
    reaper = Reaper()
    rules = KernelRules(reaper, table="chaos_test")
    sentence = "nft is not installed here; install the package that has it (nft: nftables)"
    absent = {"available": False, "reason": sentence, "remedy": "install nftables"}
    assert await rules.probe() == dict.fromkeys(("nft", "nft_loss", "nft_reset"), absent)
    with pytest.raises(ToolMissing) as caught:
        await rules.cut([(("127.0.0.1", 80), ("127.0.0.1", 81))])
    assert str(caught.value) == sentence
    reaper.close()


def tables(agent: AgentProcess) -> str:
    """What nft lists in the agent's network."""
    enter = ["nsenter", f"--net=/proc/{agent.pid}/ns/net"]
    if agent.isolation.kind is Kind.USER:
        enter = ["nsenter", f"--user=/proc/{agent.pid}/ns/user", f"--net=/proc/{agent.pid}/ns/net"]
    return subprocess.run([*enter, "nft", "list", "tables"], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def home(directory: Path) -> Iterator[AgentProcess]:
    """An agent whose network others join, as an agent joins a container's."""
    isolation = Isolation(Kind.ROOT)
    found = try_isolation(isolation)
    if os.geteuid() != 0 or not found.available:
        pytest.skip(f"joining a network namespace needs root; {found.reason}")
    with launch_agent(socket=directory / "home.sock", isolation=isolation) as agent:
        yield agent


def test_tables_of_dead_agents_are_removed_and_those_of_living_ones_are_not(
    directory: Path, home: AgentProcess
) -> None:
    joined = Isolation.joined(home.pid)
    with (
        launch_agent(socket=directory / "b", isolation=joined) as living,
        launch_agent(socket=directory / "c", isolation=joined) as dead,
    ):
        for agent in (living, dead):
            with agent.client() as client:
                client.cut(("127.0.0.1", 80), ("127.0.0.1", 81))
        os.kill(dead.pid, signal.SIGKILL)
        wait_until(lambda: not dead.alive(), "it is dead")
        assert remove_stale_tables(prefix=joined.prefix()) == [f"chaos_{dead.token}"]
        assert tables(home) == f"table inet chaos_{living.token}\n"
        living.close()
        assert tables(home) == ""


def test_closing_a_killed_agent_removes_its_table(directory: Path, home: AgentProcess) -> None:
    with launch_agent(socket=directory / "b", isolation=Isolation.joined(home.pid)) as agent:
        with agent.client() as client:
            client.cut(("127.0.0.1", 80), ("127.0.0.1", 81))
        os.kill(agent.pid, signal.SIGKILL)
        agent.close()
    assert tables(home) == ""


def test_an_agent_that_has_only_the_server_s_end_cuts_both_directions(directory: Path) -> None:
    """Client and server in networks of their own, joined by a cable (veth): as with a container and its host."""
    with ExitStack() as stack:
        server_side, client_side = stack.enter_context(cabled(directory))
        here, there = stack.enter_context(server_side.client()), stack.enter_context(client_side.client())
        start_echo(here, directory, port=8765, host=SERVER_ADDRESS)
        cut = stack.enter_context(there.connect(SERVER_ADDRESS, 8765))
        spared = stack.enter_context(there.connect(SERVER_ADDRESS, 8765))
        assert exchange(cut) == exchange(spared) == b"hello"
        (server,) = here.listen_pids(8765)
        here.signal([server], Signals.SIGSTOP)
        cut.sendall(b"question")
        rule = here.cut(*ends(cut)[::-1])
        here.signal([server], Signals.SIGCONT)
        wait_until(lambda: here.rule_counters(rule).to_remote >= 1, "the server's answer was dropped on its way out")
        cut.sendall(b"again")
        wait_until(
            lambda: here.rule_counters(rule).to_local >= 2, "the client's next message was dropped on its way in"
        )
        cut.setblocking(False)
        with pytest.raises(BlockingIOError):
            cut.recv(100)
        (held,) = [info for info in here.sockets(8765) if info.remote == ends(cut)[0]]
        assert (held.state, held.wqueue) == ("ESTABLISHED", 8)
        assert exchange(spared) == b"hello"
        here.uncut(rule)
        cut.settimeout(DEADLINE)
        assert cut.recv(len(b"question")) == b"question"
        assert cut.recv(len(b"again")) == b"again"
