"""`reset_peer`: the connection ends in an RST.

The RST goes to both sides. What it cannot simulate: a reset out of the blue on an idle connection, because like
Toxiproxy's it waits for the next byte (or for the end) in its direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.links.embedded.items import RECEIVE, End, Pipe, Place, Sleep
from chaos.links.embedded.toxics.base import Toxic, register

__all__ = ["ResetPeer"]


@register
@dataclass(frozen=True, slots=True)
class ResetPeer(Toxic):
    """Resets the connection `timeout` after the next thing that happens on the link, and drops that and all after it.
    Removed in the meantime, it lets the connection live and hands on what it held."""

    kind: ClassVar[str] = "reset_peer"
    go_type: ClassVar[str] = "ResetToxic"

    timeout: int = 0
    """Milliseconds."""

    def pipe(self, place: Place) -> Pipe:
        yield RECEIVE
        yield Sleep(place.now() + self.timeout / 1000)
        yield End.RESET
