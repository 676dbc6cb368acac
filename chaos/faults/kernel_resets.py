"""How many connections of a server were reset, told from those that were ended, by the kernel's own count.

`EstabResets` counts every socket of a network namespace that went from ESTABLISHED or CLOSE_WAIT straight to CLOSED:
the one whose end sends the RST and the one whose end gets it. Where a proxy and its clients share the server's
namespace their sockets are counted as well, so what is left after them is the server's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import SocketInfo
from chaos.journal import Evidence

__all__ = ["Ends", "read_ends", "resets_evidence"]

_HELD = ("ESTABLISHED", "CLOSE_WAIT")
"""The states from which `EstabResets` counts."""

Key = tuple[tuple[str, int], tuple[str, int]]
"""A socket by its own end and its peer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The ends of connections to a server, and on the way to it, that the agent's namespace holds."""

    server: frozenset[Key]
    """The server's own that hold a connection."""
    others: frozenset[Key]
    """Those of proxies and clients that hold one."""
    present: frozenset[Key]
    """All there are, in whatever state: one in TIME_WAIT was ended by FIN."""
    resets: int
    """`EstabResets` at a moment after the sockets were read."""

    def only(self, ends: Iterable[Key]) -> Ends:
        """The same where no others of the server's ends than these are meant."""
        meant = self.server.intersection(ends)
        return replace(self, server=meant, others=self.others | (self.server - meant))

    def server_gone(self, now: Ends) -> int:
        """How many of the server's ends are there no more."""
        return len(self.server - now.server)

    def server_resets(self, now: Ends) -> int:
        """How many of the server's ends were reset since, at least.

        Each other end that has vanished since may be one that the kernel has counted, but for those whose connection
        was ended by FIN: then the TIME_WAIT is at one of its two ends.
        """
        vanished = [end for end in self.others - now.present if _peer(end) not in now.present]
        counted = now.resets - self.resets - len(vanished)
        return max(0, min(counted, len(self.server - now.present)))


async def read_ends(agent: AsyncAgent, *, server: int, ways: Collection[int]) -> Ends:
    """The ends now: of the server's port, and of the ports by which proxies are reached on the way to it."""
    found = [socket for port in dict.fromkeys((server, *ways)) for socket in await agent.sockets(port)]
    connections = [socket for socket in found if socket.state != "LISTEN"]
    resets = (await agent.counters()).get("EstabResets", 0)
    own = frozenset(_key(socket) for socket in connections if socket.local[1] == server and socket.state in _HELD)
    return Ends(
        server=own,
        others=frozenset(_key(socket) for socket in connections if socket.state in _HELD) - own,
        present=frozenset(_key(socket) for socket in connections),
        resets=resets,
    )


def resets_evidence(resets: int) -> Evidence:
    """How many of the server's ends were reset, as `Ends.server_resets` tells."""
    return Evidence(
        what="the server's sockets that were reset (EstabResets, less the other ends)",
        side="server kernel",
        before="0",
        during=str(resets),
    )


def _peer(end: Key) -> Key:
    """The other end of the same connection."""
    return end[1], end[0]


def _key(socket: SocketInfo) -> Key:
    return socket.local, socket.remote
