"""What a link does to TCP: which experiments mean something on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["DIRECT", "LinkKind", "LinkTraits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTraits:
    """How a link treats the ends of connections. A scenario that needs one of these says so and is skipped else."""

    rst_through: bool
    """An RST from one side arrives as RST on the other. Otherwise as FIN: a crash looks like a clean end."""
    half_close_through: bool
    """A FIN from one side leaves the other direction open. Otherwise a half-close becomes a full close."""
    acks_for_the_dead: bool
    """The proxy's kernel acknowledges for a client that is gone: TCP keepalive cannot see the death, only
    application pings can."""
    resets_established: bool
    """`reset_all` sends RST on connections that were open before anything was prepared for it."""


class LinkKind(StrEnum):
    """What stands between the two ends."""

    TOXIPROXY = "toxiproxy"
    """Shopify's, the Go binary."""
    EMBEDDED = "embedded"
    """`chaos.links.embedded`, which speaks the same API."""

    @property
    def traits(self) -> LinkTraits:
        """What this kind does to TCP; measured, see tests/unit/links/test_traits.py."""
        ours = self is LinkKind.EMBEDDED
        return LinkTraits(rst_through=ours, half_close_through=ours, acks_for_the_dead=True, resets_established=ours)


DIRECT = LinkTraits(rst_through=True, half_close_through=True, acks_for_the_dead=False, resets_established=False)
"""No proxy: TCP as it is, and nothing that could harm it on request."""
