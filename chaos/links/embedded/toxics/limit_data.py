"""`limit_data`: the connection is closed after so many bytes.

What it cannot simulate: a cut at a byte count over both directions; it counts the direction it is on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.links.embedded.items import RECEIVE, Chunk, End, Pipe, Place
from chaos.links.embedded.toxics.base import Toxic, register

__all__ = ["LimitData"]


@register
@dataclass(frozen=True, slots=True)
class LimitData(Toxic):
    """Closes the connection as soon as `bytes` have passed. An update keeps the count; a limit lowered below it acts
    on the next chunk."""

    kind: ClassVar[str] = "limit_data"
    go_type: ClassVar[str] = "LimitDataToxic"

    bytes: int = 0
    """0 or less: the first chunk closes, and nothing passes."""

    def pipe(self, place: Place) -> Pipe:
        while isinstance(item := (yield RECEIVE), Chunk):
            allowed = item.data[: max(0, self.bytes - place.transmitted)]
            if allowed:
                yield Chunk(allowed, item.arrived)
                place.transmitted += len(allowed)
            if place.transmitted >= self.bytes:
                yield End.CLOSE
        if item is not None:
            yield item
