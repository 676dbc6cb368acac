"""A client whom the server closes, and who never answers its close frame: TCP stays."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, poll_until, states_evidence, wires_of
from chaos.faults.victims import covering, taken_out_by_reset
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["CloseUnanswered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUnanswered(Fault):
    """Every victim says nothing until the server closes it for that; its close frame is read, and not answered.

    Up to then the victims answer every ping, so that it is their idleness that ends them and no heartbeat. Afterwards
    their kernel acknowledges, and their own half of TCP stays open after the server's FIN: the third shape that a dead
    peer comes in. Whoever waits for its answer waits for ever.
    """

    idle: float = 2.4
    """Seconds of silence after which the server closes, as it promises."""

    name: ClassVar[str] = "close-unanswered"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    cannot: ClassVar[str] = "a peer whose kernel does not acknowledge the close frame either (see Vanished)"

    def __post_init__(self) -> None:
        if not self.idle > 0:
            raise ValueError(f"idle is seconds, above 0; found {self.idle!r}")

    @property
    def _closed_within(self) -> float:
        """Seconds in which the server has closed them, and as long again."""
        return 2 * self.idle

    def within(self, patience: float) -> float:
        """Seconds after which injecting hangs: it waits until the server closes."""
        return super(CloseUnanswered, self).within(patience) + self._closed_within

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        try:
            held_back = set(await victims.hold_back())
            await victims.mute_keep_alive()
            told = await poll_until(
                victims.close_frames,
                lambda found: all(wire.client in found for wire in wires),
                within=self._closed_within,
            )
            states = await peer_states(agent, port, wires)
            yield covering(
                self.name,
                # The last of them could have been waited for by nobody before.
                since=max(told.values(), default=since),
                covered=sum(wire.client in told and wire.client in held_back for wire in wires),
                total=victims.size,
                evidence=(
                    Evidence(
                        what="clients that have had a close frame and do not answer it",
                        side="client",
                        before="0",
                        during=f"{len(held_back & told.keys())} of {victims.size}",
                    ),
                    states_evidence(wires, states),
                ),
            )
        finally:
            healing = await taken_out_by_reset(self.name, victims)
        yield healing
