"""One seed, many independent sources of random numbers, so that a run replays.

Each toxic on each link draws from generators of its own, named after proxy, connection number, direction and toxic.
What one connection draws therefore never depends on how much traffic another one had, nor on the order of events.
The bytes' timing is the network's: a toxic that draws once per chunk replays only as far as the chunks do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from chaos.links.embedded.items import Direction

__all__ = ["LinkSeed", "fresh_seed"]


def fresh_seed() -> int:
    """A seed nobody chose: 63 bits from the operating system."""
    return random.SystemRandom().getrandbits(63)


@dataclass(frozen=True, slots=True)
class LinkSeed:
    """Names one direction of one connection of one proxy."""

    seed: int
    proxy: str
    connection: int
    """1 for the first connection the proxy accepted."""
    direction: Direction

    def generator(self, toxic: str, purpose: str) -> random.Random:
        """The generator of `toxic` on this link for `purpose` ("toxicity" or "data")."""
        parts = (self.seed, self.proxy, self.connection, self.direction.value, toxic, purpose)
        return random.Random("\0".join(str(part) for part in parts))
