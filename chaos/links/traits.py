"""What a link does to TCP: which experiments mean something on it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["LinkKind"]


class LinkKind(StrEnum):
    """What stands between the two ends; what it does to TCP is measured in tests/unit/links/test_traits.py."""

    TOXIPROXY = "toxiproxy"
    """Shopify's, the Go binary: an RST arrives as FIN, a half-close as a full close."""
    EMBEDDED = "embedded"
    """`chaos.links.embedded`, which speaks the same API: both arrive as what they are."""

    @property
    def resets_established(self) -> bool:
        """Whether `Link.reset_all` sends RST on connections that were open before anything was prepared for it."""
        return self is LinkKind.EMBEDDED
