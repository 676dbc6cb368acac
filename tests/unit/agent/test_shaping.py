"""A narrow line: those on it share it and wait, the others do not notice, and afterwards all is as it was."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.reaper import Reaper
from chaos.agent.shaping import Shaper
from chaos.agent.tools import Output
from chaos.errors import AgentError, ToolMissing

from .support import ends, exchange, start_echo, wait_until

RATE, QUEUE = 10_000, 131_072
MESSAGE = b"m" * 1200


@pytest.fixture
def narrowing(hermetic_client: AgentClient) -> Iterator[AgentClient]:
    found = hermetic_client.hello().can["narrow_line"]
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    yield hermetic_client
    hermetic_client.widen()


@pytest.fixture
def trio(narrowing: AgentClient, directory: Path) -> Iterator[tuple[socket.socket, socket.socket, socket.socket]]:
    """Three connections to an echo server in the agent's network, each used once."""
    start_echo(narrowing, directory, port=8765)
    with (
        narrowing.connect("127.0.0.1", 8765) as one,
        narrowing.connect("127.0.0.1", 8765) as other,
        narrowing.connect("127.0.0.1", 8765) as spared,
    ):
        for each in (one, other, spared):
            assert exchange(each) == b"hello"
        yield one, other, spared


def take(connection: socket.socket, size: int) -> None:
    while size:
        size -= len(connection.recv(size))


def timed(connection: socket.socket) -> float:
    began = time.monotonic()
    connection.sendall(MESSAGE)
    take(connection, len(MESSAGE))
    return time.monotonic() - began


def test_those_on_it_share_it_and_the_others_do_not_notice(
    narrowing: AgentClient, trio: tuple[socket.socket, socket.socket, socket.socket]
) -> None:
    one, other, spared = trio
    narrowing.narrow([ends(one), ends(other)], rate=RATE, queue=QUEUE)
    began = time.monotonic()
    for each in (one, other):
        each.sendall(MESSAGE)
    for each in (one, other):
        take(each, len(MESSAGE))
    together = time.monotonic() - began
    # Four messages on one line, of which the first may pass at once, for the line was free; the kernel's own clock
    # lets a little more through than it says.
    assert together >= 2 * len(MESSAGE) / RATE
    assert timed(spared) < together
    counted = narrowing.line_counters()
    assert counted is not None
    assert counted.held_back > 0
    assert counted.lost == 0
    assert 4 * len(MESSAGE) <= counted.bytes


def test_what_comes_to_a_full_queue_is_lost(
    narrowing: AgentClient, trio: tuple[socket.socket, socket.socket, socket.socket]
) -> None:
    one, _, _ = trio
    narrowing.narrow([ends(one)], rate=RATE, queue=1500)
    for _ in range(3):
        one.sendall(MESSAGE)
        time.sleep(0.01)  # segments of their own, for which there is no room behind the first

    def lost() -> bool:
        counted = narrowing.line_counters()
        return counted is not None and counted.lost > 0

    wait_until(lost, "a packet is lost")


def test_afterwards_all_is_as_it_was(
    narrowing: AgentClient, trio: tuple[socket.socket, socket.socket, socket.socket]
) -> None:
    one, _, _ = trio
    narrowing.narrow([ends(one)], rate=RATE, queue=QUEUE)
    slow = timed(one)
    narrowing.widen()
    assert narrowing.line_counters() is None
    assert timed(one) < slow
    narrowing.widen()  # fine when there is none
    narrowing.narrow([ends(one)], rate=RATE, queue=QUEUE)


@pytest.mark.parametrize(
    ("connections", "said"),
    [
        ([], "a narrow line is for one connection at least"),
        ([(("::1", 1), ("::1", 2))], "a narrow line is for IPv4 alone"),
        ([(("192.0.2.1", 1), ("127.0.0.1", 2))], "no interface here has the address 192.0.2.1"),
    ],
)
def test_what_it_is_not_for(
    narrowing: AgentClient, connections: list[tuple[tuple[str, int], tuple[str, int]]], said: str
) -> None:
    with pytest.raises(AgentError, match=f"{said}$"):
        narrowing.narrow(connections, rate=RATE, queue=QUEUE)
    assert narrowing.line_counters() is None


def test_there_is_one_at_a_time(narrowing: AgentClient) -> None:
    pair = [(("127.0.0.1", 1), ("127.0.0.1", 2))]
    narrowing.narrow(pair, rate=RATE, queue=QUEUE)
    with pytest.raises(AgentError, match=r"there is a narrow line on lo already; take it back first$"):
        narrowing.narrow(pair, rate=RATE, queue=QUEUE)


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        (
            "Error: Specified qdisc kind is unknown.",
            "no narrow line can be made here: Error: Specified qdisc kind is unknown.",
            "modprobe sch_htb cls_u32, or a kernel with CONFIG_NET_SCH_HTB and CONFIG_NET_CLS_U32",
        ),
        (
            "unshare: failed to execute tc: No such file or directory",
            "no narrow line can be made here: unshare: failed to execute tc: No such file or directory",
            "install iproute2",
        ),
        (
            "unshare: unshare failed: Operation not permitted",
            "no narrow line can be made here: unshare: unshare failed: Operation not permitted",
            "run as root, or where unprivileged user namespaces are allowed (python -m chaos doctor)",
        ),
    ],
)
async def test_a_kernel_without_it_is_told(
    said: str, reason: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*given: object, **options: object) -> Output:
        return Output(exit_code=2, stdout="", stderr=said)

    monkeypatch.setattr("chaos.agent.shaping.run_tool", refuse)
    reaper = Reaper()
    try:
        assert await Shaper(reaper).probe() == {"available": False, "reason": reason, "remedy": remedy}
    finally:
        reaper.close()


async def test_a_machine_without_the_tools_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def miss(*given: object, **options: object) -> Output:
        raise ToolMissing("unshare is not installed here; install the package that has it (nft: nftables)")

    monkeypatch.setattr("chaos.agent.shaping.run_tool", miss)
    reaper = Reaper()
    try:
        assert (await Shaper(reaper).probe())["remedy"] == "install util-linux and iproute2"
    finally:
        reaper.close()
