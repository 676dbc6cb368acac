"""What the embedded proxy tells of each connection through it (`GET /connections/{proxy}`, its own extension)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos.links.readback import split_listen

__all__ = ["ConnectionEvent", "Endpoint", "ProxiedConnection"]

Endpoint = tuple[str, int]
"""An IP address and a port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionEvent:
    """Something that happened on one side of a proxied connection, at a monotonic time."""

    at: float
    side: str
    """ "client" or "upstream"."""
    what: str
    """ "fin_received", "fin_sent", "rst_received", "rst_sent", "failed" (errno in `detail`) or "refused"."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxiedConnection:
    """One connection through the proxy, open or ended; times are monotonic seconds."""

    number: int
    client: Endpoint
    """The client's own address, as the client sees it."""
    local: Endpoint | None
    """The proxy's address towards the server: the peer that the server sees. None while it is not connected."""
    accepted_at: float
    connected_at: float | None
    ended_at: float | None
    events: tuple[ConnectionEvent, ...]

    def saw(self, side: str, what: str) -> ConnectionEvent | None:
        """The first event of that kind on that side."""
        return next((event for event in self.events if (event.side, event.what) == (side, what)), None)

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> ProxiedConnection:
        """From the proxy's JSON. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            number=record["number"],
            client=split_listen(record["client"]),
            local=split_listen(record["local"]) if record["local"] else None,
            accepted_at=record["accepted_at"],
            connected_at=record["connected_at"],
            ended_at=record["ended_at"],
            events=tuple(ConnectionEvent(**event) for event in record["events"]),
        )
