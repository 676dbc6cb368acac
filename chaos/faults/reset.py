"""A reset by something on the way: both ends get a true RST and live on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

__all__ = ["Reset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Fault):
    """The link resets every connection on it, towards the client and towards the server.

    A byte has to pass for it to happen, so each victim sends one exchange, whose answer never comes. It cannot
    simulate an RST that only one end gets.
    """

    name: ClassVar[str] = "reset"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "an RST that only one end gets"

    async def prepare(self, scene: Scene) -> None:
        await scene.the_link().prepare_reset()

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link, victims = scene.the_link(), scene.the_victims()
        since = time.monotonic()
        await link.reset_all()
        try:
            await victims.send((victims.plan.send or "chaos {n}").replace("{n}", "0"))
            ended = await victims.wait_ended(within=scene.patience)
            how = Counter(each.how for each in ended)
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                bite=Bite.BIT if how["reset"] == victims.size else Bite.DID_NOT_BITE,
                covered=how["reset"],
                total=victims.size,
                since=since,
                evidence=(
                    Evidence(
                        what="how the connections ended",
                        side="client",
                        before=f"{victims.size} open",
                        during=", ".join(f"{count} {name}" for name, count in sorted(how.items())) or "none did",
                    ),
                ),
            )
        finally:
            healed_at = time.monotonic()
            await link.end_reset()
        left = await link.toxics()
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.FAILED if left else HealingState.HEALED,
            since=healed_at,
            evidence=(Evidence(what="toxics on the link", side="proxy", before="2", during=str(len(left))),),
        )
