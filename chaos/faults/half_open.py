"""A half-open connection through a proxy: the client has gone, and the proxy does not tell."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.cut_off import established
from chaos.faults.evidence import poll_until
from chaos.faults.passing import passed_on
from chaos.faults.probe import left_on_the_link
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import SlowCloseToxic, Stream, TimeoutToxic

__all__ = ["HalfOpen"]

_FOR_EVER = 3600.0
"""Seconds that the proxy holds the client's FIN back: longer than any scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfOpen(Fault):
    """The clients close, the proxy keeps their FIN to itself, and swallows what the server sends.

    The proxy's kernel acknowledges for the dead: TCP keepalive never finds this peer, only an application's ping does.
    """

    name: ClassVar[str] = "half-open"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK, Capability.SOCKET_PROBE})
    cannot: ClassVar[str] = "a peer whose kernel does not acknowledge (see Vanished)"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link, victims = scene.the_link(), scene.the_victims()
        held, there = await established(scene), await victims.open_count()
        async with contextlib.AsyncExitStack() as healing:
            # First what the server sends: a byte that reached a client that has gone would come back as RST.
            swallow = await link.add(TimeoutToxic(timeout=0.0), stream=Stream.DOWNSTREAM)
            healing.push_async_callback(link.remove, swallow)
            hold = await link.add(SlowCloseToxic(delay=_FOR_EVER), stream=Stream.UPSTREAM)
            healing.push_async_callback(link.remove, hold)
            since = time.monotonic()
            await victims.fin()
            # Nothing lets it go any more: whoever looks late sees what whoever looks early does.
            await passed_on(link)
            kept = len(held & await established(scene))
            left = await victims.open_count()
            covered = max(0, min(there - left, there - (len(held) - kept)))
            yield covering(
                self.name,
                since=since,
                covered=covered,
                total=victims.size,
                evidence=(
                    Evidence(
                        what="established sockets of the server",
                        side="server kernel",
                        before=str(len(held)),
                        during=str(kept),
                    ),
                    Evidence(
                        what="clients that are there",
                        side="client",
                        before=str(there),
                        during=str(left),
                    ),
                ),
            )
        healed_at = time.monotonic()
        left_over = await left_on_the_link(scene, [swallow.name, hold.name])
        # A FIN that is let go, or a connection that is cut, ends ESTABLISHED in the server's kernel, whatever it does.
        others = len(held) - there
        still = await poll_until(
            lambda: established(scene), lambda now: len(held & now) <= others, within=scene.patience
        )
        unaware = max(0, len(held & still) - others)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.FAILED if left_over or unaware else HealingState.HEALED,
            since=healed_at,
            evidence=(
                Evidence(what="toxics on the link", side="proxy", before="2", during=str(left_over)),
                Evidence(
                    what="established sockets of the server whose clients have gone",
                    side="server kernel",
                    before=str(covered),
                    during=str(unaware),
                ),
            ),
        )
