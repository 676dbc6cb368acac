"""A client that resets its connection: RST instead of a close handshake."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, poll_until, states_evidence, wires_of
from chaos.faults.kernel_resets import read_ends, resets_evidence
from chaos.faults.victims import covering, gone_for_good
from chaos.journal import Healing, Receipt

__all__ = ["ClientReset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientReset(Fault):
    """Every victim closes its socket with SO_LINGER 0: its kernel sends RST, and nothing before it.

    It cannot simulate a reset by something on the way: that comes with both ends alive (see `Reset`).
    """

    name: ClassVar[str] = "client-reset"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    forgotten: ClassVar[bool] = True
    cannot: ClassVar[str] = "a reset by a middlebox, which both ends survive"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        ways = [] if scene.link is None else [scene.link.address.port]
        before = (await read_ends(agent, server=port, ways=ways)).only((wire.server, wire.peer) for wire in wires)
        since = time.monotonic()
        await victims.reset()

        # An RST removes the server's socket at once; a FIN leaves it in CLOSE_WAIT until the server closes it, which
        # may be sooner than anybody looks. What tells them apart is the kernel's count, less the clients' own ends.
        states = await poll_until(
            lambda: peer_states(agent, port, wires),
            lambda found: all(state == "gone" for state in found.values()),
            within=scene.patience,
        )
        reset = before.server_resets(await read_ends(agent, server=port, ways=ways))
        yield covering(
            self.name,
            since=since,
            covered=reset,
            total=victims.size,
            evidence=(states_evidence(wires, states), resets_evidence(reset)),
        )
        yield await gone_for_good(self.name, agent, port, wires)
