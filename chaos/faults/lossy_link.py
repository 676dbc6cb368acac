"""A slow and bad path at once: what passes a proxy loses packets behind it, so toxics and losses meet on one
connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.handle import CrowdHandle
from chaos.faults.base import Scene
from chaos.faults.evidence import Wire
from chaos.faults.legs import legs_of
from chaos.faults.packet_loss import PacketLoss

__all__ = ["LossyLink"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossyLink(PacketLoss):
    """The server's kernel drops a share of the packets of each connection that the proxy holds, in both directions.

    The same connections may be slow or narrow by what the proxy does to them; `PacketLoss` is for clients that come
    without one. Who connects after it was injected loses nothing.
    """

    name: ClassVar[str] = "lossy-link"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.LINK, Capability.SOCKET_PROBE, Capability.PACKET_LOSS}
    )
    cannot: ClassVar[str] = (
        "losses in bursts, handshakes of TCP that are lost, and losses between client and proxy: the proxy sends "
        "again, not the client"
    )

    async def _wires(self, scene: Scene) -> list[Wire]:
        return [*await legs_of(scene)]

    async def _talk(self, victims: CrowdHandle, spared: list[int], exchanges: int) -> None:
        # All of them, for nobody knows whose a leg is; and all at once, for each round trip may be a long one: ten legs
        # that were talked on one exchange after the other, 50 ms away, were proven after up to 8 s.
        await victims.exchange(exchanges, at_once=exchanges)
