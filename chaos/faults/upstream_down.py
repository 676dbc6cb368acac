"""An upstream that cannot be reached: its link is down."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.upstream_scripted import ask
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

__all__ = ["UpstreamDown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamDown(Fault):
    """The link between server and upstream is down: connects are refused, open connections have ended."""

    name: ClassVar[str] = "upstream-down"
    family: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.UPSTREAM})
    cannot: ClassVar[str] = "a black hole, where connects time out instead of being refused"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link = scene.the_upstream_link()
        before = await ask(link.address)
        since = time.monotonic()
        try:
            await link.down()
            during = await ask(link.address)
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                bite=Bite.BIT if before.isdigit() and not during.isdigit() else Bite.DID_NOT_BITE,
                covered=0,
                total=0,
                since=since,
                evidence=(Evidence(what="answer to a request", side="upstream", before=before, during=during),),
            )
        finally:
            healed_at = time.monotonic()
            await link.up()
        after = await ask(link.address)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if after == before else HealingState.FAILED,
            since=healed_at,
            evidence=(Evidence(what="answer to a request", side="upstream", before=during, during=after),),
        )
