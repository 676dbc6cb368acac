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
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Receipt

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
        held = await _server_sockets(scene)
        try:
            since = time.monotonic()
            await link.reset_all()
            await victims.send((victims.plan.send or "chaos {n}").replace("{n}", "0"))
            ended = await victims.wait_ended(within=scene.patience)
            how = Counter(each.how for each in ended)
            yield covering(
                self.name,
                since=since,
                covered=how["reset"],
                total=victims.size,
                evidence=(
                    Evidence(
                        what="how the connections ended",
                        side="client",
                        before=f"{victims.size} open",
                        during=", ".join(f"{count} {name}" for name, count in sorted(how.items())) or "none did",
                    ),
                    *await self._server_evidence(scene, held, victims.size),
                ),
            )
        finally:
            await link.end_reset()
        healed_at = time.monotonic()
        left = await link.toxics()
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.FAILED if left else HealingState.HEALED,
            since=healed_at,
            evidence=(Evidence(what="toxics on the link", side="proxy", before="2", during=str(len(left))),),
        )

    @staticmethod
    async def _server_evidence(scene: Scene, held: int | None, reset: int) -> tuple[Evidence, ...]:
        """What the server's kernel makes of it, where there is an agent to look.

        An RST removes a socket at once, whatever the server does; a FIN would leave it in CLOSE_WAIT until it closes.
        """
        if held is None:
            return ()
        left = await poll_until(
            lambda: _server_sockets(scene), lambda found: found is None or found <= held - reset, within=scene.patience
        )
        return (
            Evidence(
                what="the server's sockets that hold a connection",
                side="server kernel",
                before=str(held),
                during=str(left),
            ),
        )


async def _server_sockets(scene: Scene) -> int | None:
    """How many connections the server's kernel holds, those of which it has heard the end included."""
    if scene.agent is None:
        return None
    sockets = await scene.agent.sockets(scene.server.port)
    return sum(found.side == "local" and found.state in ("ESTABLISHED", "CLOSE_WAIT") for found in sockets)
