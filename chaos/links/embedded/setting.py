"""A toxic as it is configured on a proxy."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.links.embedded.items import Direction
from chaos.links.embedded.toxics import Toxic

__all__ = ["Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A named toxic on one direction of a proxy. Changing it means replacing it."""

    name: str
    stream: str
    """`upstream` or `downstream` in the letters the caller used: Toxiproxy repeats them."""
    direction: Direction
    toxicity: float
    """The share of links the toxic acts on, 0 to 1; larger is as good as 1. A single-precision number, as in Go."""
    toxic: Toxic
