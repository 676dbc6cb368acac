"""`slow_close`: the end of the connection arrives late.

With a long delay on the upstream side it makes half-open connections out of living ones: the client is gone, the server
does not hear of it. What it cannot simulate: a peer that stops acknowledging. The proxy's kernel goes on doing that for
the dead client, so TCP keepalive and retransmission timeouts cannot find this death, only the application's own pings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.links.embedded.items import RECEIVE, Chunk, Pipe, Place, Sleep
from chaos.links.embedded.toxics.base import Toxic, register

__all__ = ["SlowClose"]


@register
@dataclass(frozen=True, slots=True)
class SlowClose(Toxic):
    """Holds the end of the stream, FIN or RST, back for `delay`. Removing the toxic lets a waiting end go at once."""

    kind: ClassVar[str] = "slow_close"
    go_type: ClassVar[str] = "SlowCloseToxic"

    delay: int = 0
    """Milliseconds."""

    def pipe(self, place: Place) -> Pipe:
        while isinstance(item := (yield RECEIVE), Chunk):
            yield item
        if item is not None:
            yield Sleep(place.now() + self.delay / 1000)
            yield item
