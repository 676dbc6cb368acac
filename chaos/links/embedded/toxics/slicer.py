"""`slicer`: data arrives in small pieces.

What it cannot simulate: small TCP segments for certain. Each piece is one send, but the kernel may join what waits
behind an unacknowledged one; a delay keeps the pieces apart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.links.embedded.items import RECEIVE, Chunk, Pipe, Place, Sleep
from chaos.links.embedded.toxics.base import Toxic, register

__all__ = ["Slicer"]


@register
@dataclass(frozen=True, slots=True)
class Slicer(Toxic):
    """Cuts each chunk in halves, and those in halves, until the pieces are about `average_size` long."""

    kind: ClassVar[str] = "slicer"
    go_type: ClassVar[str] = "SlicerToxic"
    go_integer: ClassVar[str] = "int"

    average_size: int = 0
    """Bytes. 0 or less: nothing is cut."""
    size_variation: int = 0
    """Bytes. A piece of up to `average_size + size_variation` is left whole, and each cut falls up to so far off the
    middle. Negative counts as 0."""
    delay: int = 0
    """**Micro**seconds to wait after each piece."""

    def pipe(self, place: Place) -> Pipe:
        while isinstance(item := (yield RECEIVE), Chunk):
            for start, end in self._cuts(0, len(item.data), place.random):
                yield Chunk(item.data[start:end], item.arrived)
                yield Sleep(place.now() + self.delay / 1_000_000)
        if item is not None:
            yield item

    def _cuts(self, start: int, end: int, source: random.Random) -> Iterator[tuple[int, int]]:
        variation = max(0, self.size_variation)
        if self.average_size <= 0 or end - start <= self.average_size + variation:
            yield start, end
            return
        middle = start + (end - start) // 2
        if variation:
            # A variation larger than the piece would cut outside of it; Toxiproxy dies of that.
            middle = min(max(middle + source.randrange(-variation, variation), start + 1), end - 1)
        yield from self._cuts(start, middle, source)
        yield from self._cuts(middle, end, source)
