"""A link that is down: connections are cut, new ones refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import ClassVar

from chaos.address import Address
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.cut_off import Socket, cut_off, established
from chaos.faults.passing import passes_again
from chaos.faults.victims import covering
from chaos.journal import Bite, Healing, HealingState, Receipt

__all__ = ["ProxyDown"]

_OPEN = "open"


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

    waits: ClassVar[int] = 5
    """A request (through the link, and past it), a connect, the end of every client, and the server's kernel."""

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link = scene.the_link()
        # Before our own connection: its end would be taken for a victim's. That it is a request, here and at the end,
        # is for the server's sake: hypercorn keeps a connection that ended before its first byte for five seconds.
        held = None if scene.agent is None else await established(scene)
        passed, before = await passes_again(scene, [])
        try:
            since = time.monotonic()
            await link.down()
            during = await _connects(link.address, within=scene.patience)
            cut = await self._cut(scene, held, since)
            yield replace(
                cut,
                bite=cut.bite if passed and during != _OPEN else Bite.DID_NOT_BITE,
                evidence=(replace(before, before=before.during, during=during), *cut.evidence),
            )
        finally:
            await link.up()
        healed_at = time.monotonic()
        passes, after = await passes_again(scene, [])
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if passes else HealingState.FAILED,
            since=healed_at,
            evidence=(replace(after, before=during),),
        )

    async def _cut(self, scene: Scene, held: frozenset[Socket] | None, since: float) -> Receipt:
        """The receipt of the connections; without victims a new one is all there is to see it on."""
        if scene.victims is None:
            return covering(self.name, since=since, covered=0, total=0, evidence=())
        return await cut_off(self.name, scene, held, since=since, within=scene.patience)


async def _connects(address: Address, *, within: float) -> str:
    """What becomes of a TCP connect: open, or the error's name."""
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError) as error:
        return type(error).__name__
    writer.close()
    return _OPEN
