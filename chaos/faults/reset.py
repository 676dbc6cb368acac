"""A reset by something on the way: both ends get a true RST and live on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import poll_until
from chaos.faults.kernel_resets import Ends, read_ends, resets_evidence
from chaos.faults.passing import passes_again
from chaos.faults.probe import left_on_the_link
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import ResetPeerToxic

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
    forgotten: ClassVar[bool] = True
    cannot: ClassVar[str] = "an RST that only one end gets"

    async def prepare(self, scene: Scene) -> None:
        await scene.the_link().prepare_reset()

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link, victims = scene.the_link(), scene.the_victims()
        before = await _ends(scene)
        try:
            since = time.monotonic()
            await link.reset_all()
            own = [handle.name for handle in await link.toxics() if isinstance(handle.toxic, ResetPeerToxic)]
            await victims.send((victims.plan.send or "chaos {n}").replace("{n}", "0"))
            ended = await victims.wait_ended(within=scene.patience)
            how = Counter(each.how for each in ended)
            covered, in_kernel = how["reset"], tuple[Evidence, ...]()
            if before is not None:
                now = await _once_gone(scene, before, victims.size)
                # An RST removes a socket at once; a FIN leaves it in CLOSE_WAIT until the server closes it, which may
                # be sooner than anybody looks: what tells them apart is the kernel's count.
                covered = min(covered, before.server_resets(now))
                in_kernel = _kernel_evidence(before, now)
            yield covering(
                self.name,
                since=since,
                covered=covered,
                total=victims.size,
                evidence=(
                    Evidence(
                        what="how the connections ended",
                        side="client",
                        before=f"{victims.size} open",
                        during=", ".join(f"{count} {name}" for name, count in sorted(how.items())) or "none did",
                    ),
                    *in_kernel,
                    *(
                        Evidence(
                            what="how the connection ended",
                            side="client",
                            before="open",
                            during=each.how,
                            connection=f"client {each.client}",
                        )
                        for each in sorted(ended, key=lambda each: each.client)
                    ),
                ),
            )
        finally:
            await link.end_reset()
        healed_at = time.monotonic()
        left = await left_on_the_link(scene, own)
        # A reset that still acts would meet the next byte.
        passes, request = await passes_again(scene, own)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if passes and not left else HealingState.FAILED,
            since=healed_at,
            evidence=(
                Evidence(what="toxics on the link", side="proxy", before="2", during=str(left)),
                request,
            ),
        )


async def _ends(scene: Scene) -> Ends | None:
    """The ends of every connection as the server's kernel holds them; None where there is no agent to look."""
    if scene.agent is None:
        return None
    return await read_ends(scene.agent, server=scene.server.port, ways=[scene.the_link().address.port])


async def _once_gone(scene: Scene, before: Ends, victims: int) -> Ends:
    """The ends when so many of the server's have gone, or the scene's patience is over."""
    agent, ways = scene.the_agent(), [scene.the_link().address.port]
    return await poll_until(
        lambda: read_ends(agent, server=scene.server.port, ways=ways),
        lambda now: before.server_gone(now) >= victims,
        within=scene.patience,
    )


def _kernel_evidence(before: Ends, now: Ends) -> tuple[Evidence, ...]:
    return (
        Evidence(
            what="the server's sockets that hold a connection",
            side="server kernel",
            before=str(len(before.server)),
            during=str(len(now.server & before.server)),
        ),
        resets_evidence(before.server_resets(now)),
    )
