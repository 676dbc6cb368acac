"""What faults share that end a connection in the middle of its input: they begin, see that it was read, and end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from chaos.faults.base import Scene
from chaos.faults.evidence import Wire, peer_sockets, poll_until, states_evidence, states_once_ended, wires_of
from chaos.faults.victims import covering, gone_for_good
from chaos.journal import Evidence, Healing, Receipt

if TYPE_CHECKING:
    from chaos.crowd.handle import CrowdHandle

__all__ = ["end_halfway", "read_by_server"]


async def end_halfway(
    scene: Scene,
    fault: str,
    *,
    what: str,
    begin: Callable[[CrowdHandle], Awaitable[Iterable[int]]],
    end: Callable[[CrowdHandle], Awaitable[object]],
) -> AsyncIterator[Receipt | Healing]:
    """Have every victim begin, and end its connection once the server has read that.

    `what` is begun, in words; `begin` tells the clients that have.
    """
    victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
    wires = await wires_of(victims, agent, port)
    begun = set(await begin(victims))
    read = begun & await read_by_server(scene, wires)
    since = time.monotonic()
    await end(victims)
    states = await states_once_ended(agent, port, wires, within=scene.patience)
    covered = sum(states[wire.client] != "ESTABLISHED" and wire.client in read for wire in wires)
    yield covering(
        fault,
        since=since,
        covered=covered,
        total=victims.size,
        evidence=(
            states_evidence(wires, states),
            Evidence(
                what=f"{what}, read by the server",
                side="both ends",
                before="0",
                during=f"{len(read)} of {victims.size}",
            ),
        ),
    )
    yield await gone_for_good(fault, agent, port, wires)


async def read_by_server(scene: Scene, wires: list[Wire]) -> frozenset[int]:
    """The clients of whose bytes nothing is left on the way: acknowledged by the server's kernel, and read from it.

    Waits at most the scene's patience. What lies unread when an RST comes is thrown away by the kernel, and the server
    would never have met the beginning of anything.
    """

    async def look() -> frozenset[int]:
        # The client's queue first: bytes that have left it are in the server's, or read.
        sent = {client for client, state in (await scene.the_victims().socket_states()).items() if not state.send_queue}
        held = await peer_sockets(scene.the_agent(), scene.server.port, wires)
        return frozenset(client for client, found in held.items() if client in sent and not found.rqueue)

    return await poll_until(look, lambda found: len(found) == len(wires), within=scene.patience)
