"""What travels along a link, and what a toxic may ask of the stub it runs on.

A toxic's `pipe` is a generator, one per link. It yields steps and the stub carries them out: `Receive` waits for
the next item, `Sleep` for a moment in time, a `Chunk` or an `End` is handed on to the next toxic. So a toxic reads from
top to bottom like a blocking program, costs no task, runs under any clock, and can be interrupted between any two
steps.
"""

from __future__ import annotations

import enum
from collections.abc import Generator
from random import Random
from typing import NamedTuple, Protocol, TypeAlias

__all__ = [
    "NEVER",
    "RECEIVE",
    "Chunk",
    "Direction",
    "End",
    "Item",
    "Pipe",
    "Place",
    "Receive",
    "Sleep",
    "Step",
]

NEVER = float("inf")
"""A moment that does not come."""


class Direction(enum.Enum):
    """Where a link's bytes go. The order is Toxiproxy's: toxics of `upstream` are listed first."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


class End(enum.IntEnum):
    """How a stream of bytes ends, the gravest last."""

    FIN = 1
    """Half-close: nothing more comes this way, the other direction goes on."""
    CLOSE = 2
    """Both directions are closed in order, as a toxic does that cuts a connection."""
    RESET = 3
    """Both directions are torn down: RST."""


class Chunk(NamedTuple):
    """Bytes as read from a socket in one go."""

    data: bytes
    arrived: float
    """When it was read, or when the last latency toxic let it go (seconds, the clock of `Place.now`)."""


Item: TypeAlias = Chunk | End


class Receive(NamedTuple):
    """Wait for the next item, or for the moment `until`: then None is received."""

    until: float = NEVER


class Sleep(NamedTuple):
    """Wait until a moment in time."""

    until: float


RECEIVE = Receive()

Step: TypeAlias = Receive | Sleep | Chunk | End
Pipe: TypeAlias = Generator[Step, Item | None, None]


class Place(Protocol):
    """What a toxic can see of the link it works on."""

    transmitted: int
    """A counter for the toxic's own use; it lives as long as the toxic is on this link, over updates."""

    @property
    def random(self) -> Random:
        """Random numbers, seeded for this toxic on this link."""
        ...

    def now(self) -> float:
        """The moment, in seconds of a monotonic clock."""
        ...
