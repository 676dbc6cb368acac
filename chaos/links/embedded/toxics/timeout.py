"""`timeout`: bytes disappear.

With `timeout` 0 it is a black hole for data. What it cannot simulate: a half-open connection, because the end of the
stream still passes (use `slow_close` for that); and a link that recovers, because bytes are missing once it has acted:
removing it therefore closes the connections it acted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.links.embedded.items import NEVER, End, Pipe, Place, Receive
from chaos.links.embedded.toxics.base import Toxic, register

__all__ = ["Timeout"]


@register
@dataclass(frozen=True, slots=True)
class Timeout(Toxic):
    """Drops all data and closes the connection once `timeout` has passed without any."""

    kind: ClassVar[str] = "timeout"
    go_type: ClassVar[str] = "TimeoutToxic"
    closes_when_removed: ClassVar[bool] = True

    timeout: int = 0
    """Milliseconds, counted again from every chunk. 0 or less: it never closes by itself."""

    def pipe(self, place: Place) -> Pipe:
        while True:
            item = yield Receive(place.now() + self.timeout / 1000 if self.timeout > 0 else NEVER)
            if item is None:
                yield End.CLOSE
            elif isinstance(item, End):
                yield item
