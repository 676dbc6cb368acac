"""`noop`: does nothing. Toxiproxy accepts it by name; it also stands in for a toxic that was not drawn for a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.links.embedded.items import RECEIVE, Chunk, Pipe, Place
from chaos.links.embedded.toxics.base import Toxic, register

__all__ = ["Noop"]


@register
@dataclass(frozen=True, slots=True)
class Noop(Toxic):
    """Hands everything on."""

    kind: ClassVar[str] = "noop"
    go_type: ClassVar[str] = "NoopToxic"

    def pipe(self, place: Place) -> Pipe:
        while isinstance(item := (yield RECEIVE), Chunk):
            yield item
        if item is not None:
            yield item
