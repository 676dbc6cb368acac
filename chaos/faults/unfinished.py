"""What faults share that end a connection in the middle of its input: see that the server has read the beginning."""

from __future__ import annotations

from chaos.faults.base import Scene
from chaos.faults.evidence import Wire, peer_sockets, poll_until
from chaos.journal import Evidence

__all__ = ["read_by_server", "read_evidence"]


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


def read_evidence(what: str, *, read: int, total: int) -> Evidence:
    """On how many connections the server has read the beginning of `what`."""
    return Evidence(what=f"{what}, read by the server", side="both ends", before="0", during=f"{read} of {total}")
