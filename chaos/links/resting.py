"""The link between a server and its upstream while no scenario has a link of its own there.

A server may need its upstream from its first moment on, to become healthy or to fill a cache, and between two scenarios
as well. So the runtime makes a link when it deploys (`make_resting_link`), on the port that the server was told; a
scenario's own takes its place, for what hangs in one must not be met by the next, and afterwards it comes back
(`RestingLink`). While the two change places, some 4 ms each time, the port refuses.
"""

from __future__ import annotations

from chaos.address import Address
from chaos.links.toxiproxy import Toxiproxy

__all__ = ["RESTING", "RestingLink"]

RESTING = "upstream-resting"
"""Its name at the proxy."""


class RestingLink:
    """The link that a deployment was made with, in the hands of a scenario. Every method raises LinkError."""

    def __init__(self, toxiproxy: Toxiproxy, upstream: Address, *, listen_port: int) -> None:
        self._toxiproxy = toxiproxy
        self._upstream = upstream
        self._listen_port = listen_port
        self._aside = False

    async def stand_aside(self) -> None:
        """Free its port, cutting what goes through it; that it is not there is fine."""
        self._aside = True
        await self._toxiproxy.remove(RESTING)

    async def come_back(self) -> None:
        """Listen again, where it stood aside; the port has to be free."""
        if self._aside:
            await self._toxiproxy.create_link(RESTING, self._upstream, listen_port=self._listen_port)
            self._aside = False
