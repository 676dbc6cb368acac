"""`latency`: every chunk arrives later.

What it cannot simulate: a slow handshake (the proxy has accepted before any toxic acts), delayed acknowledgements (the
proxy acknowledges at once, so the sender's round-trip estimate stays low), and reordering (order is always kept).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.links.embedded.items import RECEIVE, Chunk, Pipe, Place, Sleep
from chaos.links.embedded.toxics.base import Toxic, register

__all__ = ["Latency"]


@register
@dataclass(frozen=True, slots=True)
class Latency(Toxic):
    """Delays each chunk by `latency` ± `jitter` from the moment it was read. The end of the stream is not delayed
    by itself, but never overtakes a chunk."""

    kind: ClassVar[str] = "latency"
    go_type: ClassVar[str] = "LatencyToxic"
    capacity: ClassVar[int] = 1024
    """Chunks in flight, Toxiproxy's figure. With more the sender is held up, so that it is also a bound on
    messages a second: 1,024 divided by the latency."""

    latency: int = 0
    """Milliseconds. Negative: no delay."""
    jitter: int = 0
    """Milliseconds. Each chunk's delay is drawn, in whole milliseconds, from [latency - jitter, latency + jitter)."""

    def pipe(self, place: Place) -> Pipe:
        while isinstance(item := (yield RECEIVE), Chunk):
            due = max(item.arrived, item.arrived + self._delay(place))
            yield Sleep(due)
            yield Chunk(item.data, due)
        if item is not None:
            yield item

    def _delay(self, place: Place) -> float:
        """Seconds."""
        jitter = place.random.randrange(-self.jitter, self.jitter) if self.jitter > 0 else 0
        return (self.latency + jitter) / 1000
