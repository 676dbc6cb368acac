"""What nftables does to a packet of a connection that was named to it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CUT", "RESET", "Treatment", "losing"]

_PARTS = 100_000
"""A share is drawn as one of so many parts: the finest loss is one packet in a hundred thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """One treatment, with two sets of connections in the table: `<name>4` and `<name>6`."""

    name: str
    verdict: str
    """The statement of nft that ends the rule."""
    chance: str = ""
    """A match that comes before the look-up in the set, so that the set counts what it has let through only."""

    def rules(self, table: str) -> str:
        """The nft commands that add its sets and rules to a table."""
        lines = []
        for family, ip, kind in ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr")):
            lines.append(
                f"add set inet {table} {self.name}{family} "
                f"{{ type {kind} . inet_service . {kind} . inet_service; counter; }}"
            )
            ends = f"{ip} saddr . tcp sport . {ip} daddr . tcp dport"
            lines += [
                f"add rule inet {table} {chain} {self.chance}{ends} @{self.name}{family} {self.verdict}"
                for chain in ("arriving", "leaving")
            ]
        return "\n".join(lines) + "\n"


CUT = Treatment(name="cut", verdict="drop")
"""Every packet is dropped."""

RESET = Treatment(name="reset", verdict="reject with tcp reset")
"""Every packet is dropped, and its sender is answered with RST in the name of the end it was for."""


def losing(ratio: float) -> Treatment:
    """A share of the packets is dropped, each drawn by itself; `ratio` above 0, at most 1."""
    parts = max(1, round(ratio * _PARTS))
    # nft refuses a comparison that is always true.
    chance = f"numgen random mod {_PARTS} < {parts} " if parts < _PARTS else ""
    return Treatment(name=f"lose{parts}_", verdict="drop", chance=chance)
