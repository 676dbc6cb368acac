"""`bandwidth`: no more than so many bytes a second.

What it cannot simulate: a congested link that others share, queueing loss, or a limit on the connection as a whole: it
limits one direction of each connection by itself. The sender notices only when the buffers in between are full.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.links.embedded.items import NEVER, RECEIVE, Chunk, Pipe, Place, Sleep
from chaos.links.embedded.toxics.base import Toxic, register

__all__ = ["Bandwidth"]

SLICE = 0.1
"""Seconds, Toxiproxy's figure. A chunk that takes longer is sent in pieces, one each time this has passed."""


@register
@dataclass(frozen=True, slots=True)
class Bandwidth(Toxic):
    """Lets `rate` kilobytes pass each second."""

    kind: ClassVar[str] = "bandwidth"
    go_type: ClassVar[str] = "BandwidthToxic"

    rate: int = 0
    """KB/s, of 1,000 bytes. 0 or less: nothing passes until the toxic is changed or removed, not even the end."""

    def pipe(self, place: Place) -> Pipe:
        lateness = 0.0
        while isinstance(item := (yield RECEIVE), Chunk):
            if self.rate <= 0:
                yield Sleep(NEVER)
            for piece in self._pieces(item.data):
                # A timer is always a little late. What it was late by is taken off the next wait, so that the
                # error does not add up; time spent waiting for the next in line is not: it would come back as a burst.
                due = place.now() - lateness + len(piece) / (self.rate * 1000)
                yield Sleep(due)
                lateness = max(0.0, place.now() - due)
                yield Chunk(piece, item.arrived)
        if item is not None:
            yield item

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        size = round(self.rate * 1000 * SLICE)
        return (data[start : start + size] for start in range(0, len(data), size))
