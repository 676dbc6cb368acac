"""A link without a proxy: TCP as it is."""

from __future__ import annotations

from types import TracebackType
from typing import NoReturn

from chaos.address import Address
from chaos.errors import Unsupported
from chaos.links.connections import ProxiedConnection
from chaos.links.link import Link, ToxicHandle
from chaos.links.toxics import Stream, Toxic
from chaos.links.traits import DIRECT, LinkTraits

__all__ = ["AnyLink", "DirectLink"]


class DirectLink:
    """Clients connect to the server itself. It offers `Link`'s methods; what takes a proxy raises Unsupported."""

    def __init__(self, address: Address) -> None:
        self.name = "direct"
        self.address = address
        self.upstream = address

    @property
    def traits(self) -> LinkTraits:
        """What this link does to TCP: nothing."""
        return DIRECT

    async def add(
        self, toxic: Toxic, *, stream: Stream | str = Stream.DOWNSTREAM, toxicity: float = 1.0
    ) -> ToxicHandle:
        self._refuse(f"a {toxic.type} toxic")

    async def update(self, handle: ToxicHandle, toxic: Toxic, *, toxicity: float | None = None) -> ToxicHandle:
        self._refuse(f"a {toxic.type} toxic")

    async def remove(self, handle: ToxicHandle) -> None:
        self._refuse(f"a {handle.toxic.type} toxic")

    async def toxics(self) -> tuple[ToxicHandle, ...]:
        """None at all."""
        return ()

    async def prepare_reset(self) -> None:
        self._refuse("resets by the link")

    async def reset_all(self) -> None:
        self._refuse("resets by the link")

    async def end_reset(self) -> None:
        self._refuse("resets by the link")

    async def down(self) -> None:
        self._refuse("taking the link down")

    async def up(self) -> None:
        self._refuse("taking the link up")

    async def connections(self) -> tuple[ProxiedConnection, ...] | None:
        """Nobody who could tell."""
        return None

    async def close(self) -> None:
        """Nothing to do."""

    async def __aenter__(self) -> DirectLink:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _refuse(self, what: str) -> NoReturn:
        raise Unsupported(f"{what} needs a proxy, and the link to {self.address} has none; take one through Toxiproxy")


AnyLink = Link | DirectLink
"""A path from clients to a server."""
