"""Readings that several faults prove themselves by: the server's kernel sockets, its processes, what is unread."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chaos.agent.async_client import AsyncAgent
from chaos.agent.own_address import OWN_ADDRESS
from chaos.agent.types import SocketInfo
from chaos.crowd.handle import CrowdHandle
from chaos.errors import FaultError
from chaos.journal import Evidence

__all__ = [
    "DYING",
    "POLL",
    "Wire",
    "all_dead",
    "connect_uncounted",
    "connected_evidence",
    "host_inside",
    "is_dead",
    "once_dead",
    "peer_sockets",
    "peer_states",
    "poll_until",
    "process_state",
    "states_evidence",
    "states_once_ended",
    "wires_of",
]

POLL = 0.005
"""Seconds between two looks: one look at the sockets of a hundred connections costs about 1 ms."""

_ENDED = ("", "Z", "X")
"""The states of a process that has ended, as `process_state` gives them: a zombie only waits for its parent."""

DYING = 0.25
"""Seconds in which a process is gone that has closed its sockets, or whose server's first process is gone: 1 to 30 ms
here."""

_WILDCARDS = ("0.0.0.0", "::")  # compared with, not bound to
_LOOPBACK = "127.0.0.1"

T = TypeVar("T")


def is_dead(state: str) -> bool:
    """Whether a process in this state, as `process_state` gives it, has ended."""
    return state in _ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One client's connection as both kernels name it."""

    client: int
    server: tuple[str, int]
    """The server's end: address and port."""
    peer: tuple[str, int]
    """The client's end, as the server sees it."""
    inode: int
    """Of the server's socket: a later connection from the same port has another."""

    @property
    def words(self) -> str:
        """For what is read of it alone."""
        return f"client {self.client}, port {self.peer[1]}"


async def poll_until(read: Callable[[], Awaitable[T]], enough: Callable[[T], bool], *, within: float) -> T:
    """Read again and again until it is enough, or the time is over; the last reading."""
    deadline = time.monotonic() + within
    while True:
        found = await read()
        if enough(found) or time.monotonic() >= deadline:
            return found
        await asyncio.sleep(POLL)


async def host_inside(agent: AsyncAgent, port: int) -> str:
    """Where the server listens, seen from inside its network namespace. Raises FaultError when it does not."""
    hosts = sorted({found.local[0] for found in await agent.sockets(port) if found.state == "LISTEN"})
    if not hosts:
        raise FaultError(f"nobody listens on port {port}, so there is nobody to knock at")
    return next((host for host in hosts if host not in _WILDCARDS), _LOOPBACK)


async def connect_uncounted(agent: AsyncAgent, host: str, port: int, *, timeout: float) -> socket.socket:
    """A connection to a host inside that the agent counts nowhere, but for IPv6, which has no address for that.

    Raises AgentError.
    """
    return await agent.connect(host, port, timeout=timeout, source_host=None if ":" in host else OWN_ADDRESS)


async def wires_of(victims: CrowdHandle, agent: AsyncAgent, port: int) -> list[Wire]:
    """The connections of a crowd that the server's kernel holds, found by the client's own port, and by its address
    where the server sees that: from another address, a proxy's for instance, somebody else may have the same port.

    Only meaningful on a TCP-true path: behind a proxy the server's peer is the proxy. A connection in TIME_WAIT is
    somebody else's that used the same port.
    """
    own = {local_port: (client, host) for client, host, local_port in await victims.locals()}
    held = [
        found
        for found in await agent.sockets(port)
        if found.side == "local" and found.remote[1] in own and found.state not in ("LISTEN", "TIME_WAIT")
    ]
    seen = {found.remote[1] for found in held if found.remote[0] == own[found.remote[1]][1]}
    return [
        Wire(client=own[found.remote[1]][0], server=found.local, peer=found.remote, inode=found.inode)
        for found in held
        if found.remote[1] not in seen or found.remote[0] == own[found.remote[1]][1]
    ]


async def peer_states(agent: AsyncAgent, port: int, wires: Sequence[Wire]) -> dict[int, str]:
    """Client to the state of the server's socket for it; "gone" where the kernel holds none any more."""
    by_peer = {
        found.remote: found for found in await agent.sockets(port) if found.side == "local" and found.state != "LISTEN"
    }
    return {wire.client: by_peer[wire.peer].state if wire.peer in by_peer else "gone" for wire in wires}


async def states_once_ended(agent: AsyncAgent, port: int, wires: Sequence[Wire], *, within: float) -> dict[int, str]:
    """The states when the server's kernel has heard the end of each connection, or `within` seconds are over."""
    return await poll_until(
        lambda: peer_states(agent, port, wires), lambda found: "ESTABLISHED" not in found.values(), within=within
    )


async def peer_sockets(agent: AsyncAgent, port: int, wires: Sequence[Wire]) -> dict[int, SocketInfo]:
    """Client to the server's socket for it, of those the kernel still holds."""
    clients = {wire.peer: wire.client for wire in wires}
    return {
        clients[found.remote]: found
        for found in await agent.sockets(port)
        if found.side == "local" and found.remote in clients
    }


def states_evidence(before: Sequence[Wire], after: dict[int, str]) -> Evidence:
    """How many of the server's sockets were in which state, before and after."""
    counts: dict[str, int] = {}
    for state in after.values():
        counts[state] = counts.get(state, 0) + 1
    return Evidence(
        what="the server's sockets for the victims",
        side="server kernel",
        before=f"{len(before)} ESTABLISHED",
        during=", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none",
    )


def connected_evidence(before: int, left: int) -> Evidence:
    """How many of the victims were connected before and after the fault was taken away."""
    return Evidence(what="victims that are connected", side="client", before=str(before), during=str(left))


def all_dead(pids: Iterable[int]) -> bool:
    """Whether each of these processes has ended."""
    return all(is_dead(process_state(pid)) for pid in pids)


async def once_dead(pids: Sequence[int], *, within: float) -> int:
    """How many of these processes have ended, once all have or `within` seconds are over."""

    async def dead() -> int:
        return sum(is_dead(process_state(pid)) for pid in pids)

    return await poll_until(dead, lambda found: found == len(pids), within=within)


def process_state(pid: int) -> str:
    """The state letter of a process as /proc has it ("S", "T", "Z", ...), "" where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[0]
