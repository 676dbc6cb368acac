"""A connection that is cut in the middle of a frame: its first bytes arrive, and then the end."""

from __future__ import annotations

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
from chaos.links.toxics import LimitDataToxic, Stream

__all__ = ["Truncated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncated(Fault):
    """A few bytes more pass on every connection (`size`), one way, and then the link cuts it towards both ends.

    Each victim sends one exchange, of which the server gets no more than that (upstream), or of whose answer no more
    comes back (downstream): less than a whole frame, so that half a message has to be thrown away.
    """

    size: int = 3
    """Bytes: a frame's header and, from a client, the first byte of its mask."""
    stream: Stream = Stream.UPSTREAM

    name: ClassVar[str] = "truncated"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    announced: ClassVar[bool] = True
    waits: ClassVar[int] = 4
    """The cut, the kernel, and two requests in the end."""
    cannot: ClassVar[str] = "a frame that goes on after the gap: the proxy ends the connection, and by FIN"

    def __post_init__(self) -> None:
        LimitDataToxic(bytes=self.size)  # raises ValueError for what no link can do
        if self.size == 0:
            raise ValueError("size is above 0 bytes: with none no frame is begun, which is an end like any other")

    @property
    def label(self) -> str:
        return self.name if self.stream is Stream.UPSTREAM else f"{self.name}-answer"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link, victims = scene.the_link(), scene.the_victims()
        before = None if scene.agent is None else await established(scene)
        since = time.monotonic()
        toxic = await link.add(LimitDataToxic(bytes=self.size), stream=self.stream)
        try:
            await victims.send((victims.plan.send or "chaos {n}").replace("{n}", "0"))
            yield await cut_off(self.name, scene, before, since=since, within=scene.patience)
        finally:
            await link.remove(toxic)
        healed_at = time.monotonic()
        left = await left_on_the_link(scene, [toxic.name])
        # A limit that still acts would let no answer through.
        passes, request = await passes_again(scene, [toxic.name])
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if passes and not left else HealingState.FAILED,
            since=healed_at,
            evidence=(
                Evidence(what="its toxics on the link", side="proxy", before="1", during=str(left)),
                request,
            ),
        )
