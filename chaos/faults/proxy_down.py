"""A link that is down: connections are cut, new ones refused."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.address import Address
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.journal import Bite, Ended, Evidence, Healing, HealingState, Receipt

__all__ = ["ProxyDown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyDown(Fault):
    """The proxy cuts every connection on both sides and stops listening, as a load balancer that is restarted does.

    Both ends are told. It cannot simulate a path that goes dark without a word.
    """

    name: ClassVar[str] = "proxy-down"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "a path that goes dark without a word"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link, victims = scene.the_link(), scene.victims
        before = await _connects(link.address, within=scene.patience)
        try:
            since = time.monotonic()
            await link.down()
            during = await _connects(link.address, within=scene.patience)
            ended: list[Ended] = [] if victims is None else await victims.wait_ended(within=scene.patience)
            cut = sum(each.by == "server" for each in ended)
            total = 0 if victims is None else victims.size
            how = Counter(each.how for each in ended)
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                bite=Bite.BIT if before == "open" and during != "open" and cut == total else Bite.DID_NOT_BITE,
                covered=cut,
                total=total,
                since=since,
                evidence=(
                    Evidence(what="a new connection", side="client", before=before, during=during),
                    Evidence(
                        what="how the connections ended",
                        side="client",
                        before=f"{total} open",
                        during=", ".join(f"{count} {name}" for name, count in sorted(how.items())) or "none was open",
                    ),
                ),
            )
        finally:
            await link.up()
        healed_at = time.monotonic()
        after = await _connects(link.address, within=scene.patience)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if after == "open" else HealingState.FAILED,
            since=healed_at,
            evidence=(Evidence(what="a new connection", side="client", before=during, during=after),),
        )


async def _connects(address: Address, *, within: float) -> str:
    """What becomes of a TCP connect: "open", or the error's name."""
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError) as error:
        return type(error).__name__
    writer.close()
    return "open"
