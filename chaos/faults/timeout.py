"""A link that swallows everything, and gives a connection up after a while: a balancer with an idle timeout."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.cut_off import cut_off, established
from chaos.faults.passing import passes_again
from chaos.faults.probe import left_on_the_link
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import Stream, TimeoutToxic

__all__ = ["Timeout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout(Fault):
    """Nothing passes any more, either way, and a while later (`after` seconds) the link cuts every connection on it.

    The time is counted anew with every chunk that is swallowed, in each direction by itself; the direction that is
    quiet for so long first cuts both. Toxiproxy cuts also whoever is left when the toxic is removed.
    """

    after: float = 0.2
    """Seconds. Above what a client that keeps alive is silent, or none would be cut: the server's direction is, as no
    question reaches it."""

    name: ClassVar[str] = "timeout"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    announced: ClassVar[bool] = True
    waits: ClassVar[int] = 4
    """The cut, the kernel, and two requests in the end."""
    cannot: ClassVar[str] = "a path that goes dark and stays so: both ends are told in the end, by FIN"

    def __post_init__(self) -> None:
        TimeoutToxic(timeout=self.after)  # raises ValueError for what no link can do
        if self.after == 0:
            raise ValueError("after is above 0s: with 0s the link swallows everything and never cuts")

    def within(self, patience: float) -> float:
        """As for every fault, and the time until the link cuts."""
        return Fault.within(self, patience) + self.after

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link = scene.the_link()
        scene.the_victims()
        before = None if scene.agent is None else await established(scene)
        async with contextlib.AsyncExitStack() as healing:
            since, own = time.monotonic(), []
            for stream in Stream:
                toxic = await link.add(TimeoutToxic(timeout=self.after), stream=stream)
                healing.push_async_callback(link.remove, toxic)
                own.append(toxic.name)
            yield await cut_off(self.name, scene, before, since=since, within=self.after + scene.patience)
        healed_at = time.monotonic()
        left = await left_on_the_link(scene, own)
        passes, request = await passes_again(scene, own)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if passes and not left else HealingState.FAILED,
            since=healed_at,
            evidence=(
                Evidence(what="its toxics on the link", side="proxy", before=str(len(own)), during=str(left)),
                request,
            ),
        )
