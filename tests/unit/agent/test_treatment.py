"""What a rule does besides cutting a connection off: one direction only, a share of the packets, RST to the sender."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.treatment import losing
from chaos.agent.types import BOTH, TO_LOCAL, TO_REMOTE, Connection, SocketInfo
from chaos.errors import AgentError

from .cable import SERVER_ADDRESS, cabled
from .support import DEADLINE, ends, exchange, start_echo, wait_until

PACKETS = 2000
"""Exchanges over which a share of packets is counted: at least two packets each, so that 5 % are 200 and more."""


@pytest.fixture(params=["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def pair(
    request: pytest.FixtureRequest, hermetic_client: AgentClient, directory: Path
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connections to an echo server in the agent's network, both used once."""
    host = str(request.param)
    start_echo(hermetic_client, directory, port=8765, host=host)
    with hermetic_client.connect(host, 8765) as one, hermetic_client.connect(host, 8765) as other:
        assert exchange(one) == exchange(other) == b"hello"
        yield one, other


def of_the_server(connection: socket.socket) -> Connection:
    """A connection as the server's kernel names it: its own end first."""
    return ends(connection)[::-1]


def held(client: AgentClient, connection: socket.socket) -> list[SocketInfo]:
    """The server's socket for a connection, if it has one."""
    peer = of_the_server(connection)[1]
    return [found for found in client.sockets(8765) if found.side == "local" and found.remote == peer]


def test_what_goes_to_the_server_is_cut_and_what_comes_from_it_is_not(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]
) -> None:
    cut, spared = pair
    (rule,) = hermetic_client.cut_many([of_the_server(cut)], direction=TO_LOCAL)
    cut.sendall(b"question")
    wait_until(lambda: hermetic_client.rule_counters(rule).to_local >= 2, "the question was dropped and sent again")
    assert hermetic_client.rule_counters(rule).to_remote == 0
    assert [found.rqueue + found.wqueue for found in held(hermetic_client, cut)] == [0], "nothing has arrived"
    assert exchange(spared) == b"hello"
    assert [(found.direction, found.treatment) for found in hermetic_client.rules()] == [(TO_LOCAL, "cut")]
    hermetic_client.uncut(rule)
    cut.settimeout(DEADLINE)
    assert cut.recv(100) == b"question"


def test_what_comes_from_the_server_is_cut_and_what_goes_to_it_is_not(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]
) -> None:
    cut, spared = pair
    (rule,) = hermetic_client.cut_many([of_the_server(cut)], direction=TO_REMOTE)
    cut.sendall(b"question")
    wait_until(lambda: hermetic_client.rule_counters(rule).to_remote >= 2, "the answer was dropped and sent again")
    assert hermetic_client.rule_counters(rule).to_local == 0
    assert [found.wqueue for found in held(hermetic_client, cut)] == [8], "it has answered, and got no acknowledgement"
    assert exchange(spared) == b"hello"
    hermetic_client.uncut(rule)
    cut.settimeout(DEADLINE)
    assert cut.recv(100) == b"question"


def test_a_share_of_the_packets_is_lost_and_the_stream_is_whole(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]
) -> None:
    lossy, spared = pair
    before = hermetic_client.counters()["RetransSegs"]
    (rule,) = hermetic_client.lose_many([of_the_server(lossy)], ratio=0.05)
    lossy.settimeout(DEADLINE)
    # Without waiting for each answer, so that the kernel learns of a loss from what comes after it.
    said = b"".join(b"%08d" % number for number in range(PACKETS))
    heard = b""
    for start in range(0, len(said), 80):
        lossy.sendall(said[start : start + 80])
        heard += lossy.recv(65536)
    while len(heard) < len(said):
        heard += lossy.recv(65536)
    assert heard == said
    counters = hermetic_client.rule_counters(rule)
    # 200 writes and their answers are 400 packets and more, of which 20 are lost: none of 400 is 0.95**400, 1e-9.
    assert counters.to_local > 0
    assert counters.to_remote > 0
    assert counters.packets < PACKETS / 10, "a share, and not all of them"
    assert hermetic_client.counters()["RetransSegs"] > before
    assert exchange(spared) == b"hello"
    hermetic_client.uncut(rule)
    assert hermetic_client.rules() == []


def test_losses_of_different_shares_stand_side_by_side(
    hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]
) -> None:
    all_lost, few_lost = pair
    (everything,) = hermetic_client.lose_many([ends(all_lost)], ratio=1.0)
    (hardly,) = hermetic_client.lose_many([ends(few_lost)], ratio=0.00001)
    all_lost.sendall(b"question")
    assert exchange(few_lost) == b"hello"
    wait_until(lambda: hermetic_client.rule_counters(everything).packets >= 2, "every packet is dropped")
    assert hermetic_client.rule_counters(hardly).packets == 0
    with pytest.raises(AgentError, match=rf"has a rule already: {hardly} \(lose1_\)$"):
        hermetic_client.cut(*ends(few_lost))


def test_a_packet_is_answered_with_rst(hermetic_client: AgentClient, pair: tuple[socket.socket, socket.socket]) -> None:
    """The server's answer is refused in the client's name; the client asks again, and there is nobody any more."""
    refused, spared = pair
    (rule,) = hermetic_client.reset_many([of_the_server(refused)], direction=TO_REMOTE)
    refused.sendall(b"question")
    wait_until(lambda: not held(hermetic_client, refused), "the server's socket was reset")
    assert hermetic_client.rule_counters(rule).to_remote >= 1
    hermetic_client.uncut(rule)
    refused.settimeout(DEADLINE)
    with pytest.raises(ConnectionResetError):
        refused.recv(100)
    assert exchange(spared) == b"hello"


def test_a_server_behind_a_cable_is_reset_too(directory: Path) -> None:
    """Its packets are refused on their way out: as with a server in a container and clients on its host."""
    with ExitStack() as stack:
        server_side, client_side = stack.enter_context(cabled(directory))
        here, there = stack.enter_context(server_side.client()), stack.enter_context(client_side.client())
        start_echo(here, directory, port=8765, host=SERVER_ADDRESS)
        refused = stack.enter_context(there.connect(SERVER_ADDRESS, 8765))
        spared = stack.enter_context(there.connect(SERVER_ADDRESS, 8765))
        assert exchange(refused) == exchange(spared) == b"hello"
        (rule,) = here.reset_many([of_the_server(refused)], direction=TO_REMOTE)
        refused.sendall(b"question")
        wait_until(lambda: not held(here, refused), "the server's socket was reset")
        here.uncut(rule)
        refused.settimeout(DEADLINE)
        with pytest.raises(ConnectionResetError):
            _ask_again(refused)
        assert exchange(spared) == b"hello"


def _ask_again(connection: socket.socket) -> bytes:
    """By hand, unless the kernel's own asking again was faster: then sending raises already."""
    connection.sendall(b"again")
    return connection.recv(100)


@pytest.mark.parametrize(
    ("ratio", "chance"),
    [
        (1.0, ""),
        (0.999999, ""),
        (0.01, "numgen random mod 100000 < 1000 "),
        (1e-9, "numgen random mod 100000 < 1 "),
    ],
)
def test_a_share_is_drawn_in_parts(ratio: float, chance: str) -> None:
    assert losing(ratio).chance == chance


def test_rules_are_for_both_directions_unless_it_is_said(hermetic_client: AgentClient) -> None:
    hermetic_client.cut(("127.0.0.1", 80), ("127.0.0.1", 81))
    hermetic_client.reset_many([(("127.0.0.1", 80), ("127.0.0.1", 82))])
    assert [(found.direction, found.treatment) for found in hermetic_client.rules()] == [(BOTH, "cut"), (BOTH, "reset")]
    hermetic_client.flush_rules()
    assert hermetic_client.lose_many([(("127.0.0.1", 80), ("127.0.0.1", 81))], ratio=0.5)
