"""What faults say of their victims, where they mean the same: how many it happened to, and that it is over."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults.evidence import Wire, connected_evidence, peer_sockets
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

__all__ = ["both_ends", "clients_reset", "covering", "gone_for_good", "taken_out", "taken_out_by_reset"]


def covering(fault: str, *, since: float, covered: int, total: int, evidence: Iterable[Evidence]) -> Receipt:
    """The receipt of a fault that has bitten when it was seen on every victim, and not when on all but one."""
    return Receipt(
        at=time.monotonic(),
        fault=fault,
        bite=Bite.BIT if covered == total else Bite.DID_NOT_BITE,
        covered=covered,
        total=total,
        since=since,
        evidence=tuple(evidence),
    )


async def clients_reset(victims: CrowdHandle, *, within: float) -> frozenset[int]:
    """The clients whose connection has ended by RST, as their own kernel told them; waits for all to end."""
    return frozenset(ended.client for ended in await victims.wait_ended(within=within) if ended.how == "reset")


def both_ends(wires: Sequence[Wire], states: dict[int, str], reset: Collection[int]) -> tuple[Evidence, ...]:
    """For each connection the server's socket and what its client has come to know."""
    return tuple(
        Evidence(
            what="the server's socket, and the client",
            side="both ends",
            before="ESTABLISHED, connected",
            during=f"{states[wire.client]}, {'reset' if wire.client in reset else 'not reset'}",
            connection=wire.words,
        )
        for wire in wires
    )


async def gone_for_good(fault: str, agent: AsyncAgent, port: int, wires: Sequence[Wire]) -> Healing:
    """The healing of a fault whose victims have ended with it: their connections are nowhere any more.

    A client that has come back from the same port has another socket at the server, and counts for nothing here.
    """
    since, now = time.monotonic(), await peer_sockets(agent, port, wires)
    inodes = {wire.client: wire.inode for wire in wires}
    left = sum(found.state == "ESTABLISHED" and found.inode == inodes[client] for client, found in now.items())
    return Healing(
        at=time.monotonic(),
        fault=fault,
        state=HealingState.FAILED if left else HealingState.HEALED,
        since=since,
        evidence=(
            Evidence(
                what="established sockets of the server for the victims",
                side="server kernel",
                before=str(len(wires)),
                during=str(left),
            ),
        ),
    )


async def taken_out_by_reset(fault: str, victims: CrowdHandle) -> Healing:
    """End every victim that is still there by RST; the healing of a fault that lasts as long as they are there."""
    since, connected = time.monotonic(), await victims.open_count()
    await victims.reset()
    return taken_out(fault, since=since, connected=connected, left=await victims.open_count())


def taken_out(fault: str, *, since: float, connected: int, left: int) -> Healing:
    """The healing of a fault that lasts as long as its victims are there, and of which `left` still are."""
    return Healing(
        at=time.monotonic(),
        fault=fault,
        state=HealingState.FAILED if left else HealingState.HEALED,
        since=since,
        evidence=(connected_evidence(connected, left),),
    )
