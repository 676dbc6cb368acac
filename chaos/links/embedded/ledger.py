"""What became of every connection: the evidence that a fault bit, and which server-side socket is which client's.

Not part of Toxiproxy's API; served at `GET /connections` and `GET /connections/{proxy}`. Times are seconds of
CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import errno
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["KEPT", "Event", "Ledger", "Record", "error_name"]

KEPT = 1000
"""Ended connections a proxy remembers, the newest."""


def error_name(number: int) -> str:
    """`ECONNRESET` for 104."""
    return errno.errorcode.get(number, str(number))


class Event(NamedTuple):
    """One thing that happened on one side of a connection."""

    at: float
    side: str
    """`client` or `upstream`."""
    what: str
    """`fin_received`, `fin_sent`, `rst_received`, `rst_sent`, `failed` (the detail is an errno) or `refused` (the
    upstream could not be reached)."""
    detail: str = ""

    def as_json(self) -> dict[str, object]:
        return {"at": self.at, "side": self.side, "what": self.what, "detail": self.detail}


@dataclass(slots=True)
class Record:
    """One connection, from accept to end."""

    number: int
    """1 for the first connection this proxy accepted: what randomness is seeded with."""
    accepted_at: float
    client: str
    """The client's own address, as the client sees it."""
    listen: str
    """The proxy's address, as the client sees it."""
    local: str = ""
    """The proxy's address, as the upstream server sees it: its peer."""
    upstream: str = ""
    """The upstream's address."""
    connected_at: float | None = None
    ended_at: float | None = None
    from_client: int = 0
    """Bytes received from the client."""
    to_client: int = 0
    """Bytes given to the kernel for the client."""
    from_upstream: int = 0
    to_upstream: int = 0
    events: list[Event] = field(default_factory=list)
    toxics: dict[str, bool] = field(default_factory=dict)
    """Of each toxic that was ever on this connection: whether its last toxicity draw made it act."""

    def note(self, at: float, side: str, what: str, detail: str = "") -> None:
        """Append an event."""
        self.events.append(Event(at, side, what, detail))

    def note_failure(self, at: float, side: str, error: int) -> None:
        """Append what an errno of an established connection says: reset by the peer, or something rarer."""
        reset = error in (errno.ECONNRESET, errno.EPIPE)
        self.note(at, side, "rst_received" if reset else "failed", error_name(error))

    def as_json(self) -> dict[str, object]:
        return {
            "number": self.number,
            "client": self.client,
            "listen": self.listen,
            "local": self.local,
            "upstream": self.upstream,
            "accepted_at": self.accepted_at,
            "connected_at": self.connected_at,
            "ended_at": self.ended_at,
            "bytes": {
                "from_client": self.from_client,
                "to_client": self.to_client,
                "from_upstream": self.from_upstream,
                "to_upstream": self.to_upstream,
            },
            "toxics": dict(self.toxics),
            "events": [event.as_json() for event in self.events],
        }


class Ledger:
    """The connections of one proxy: all open ones, and the newest that ended."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self.accepted = 0
        self.ended = 0
        self._open: dict[int, Record] = {}
        self._kept: deque[Record] = deque(maxlen=kept)

    def open(self, *, at: float, client: str, listen: str) -> Record:
        """A connection was accepted."""
        self.accepted += 1
        record = Record(number=self.accepted, accepted_at=at, client=client, listen=listen)
        self._open[record.number] = record
        return record

    def close(self, record: Record, *, at: float) -> None:
        """A connection has ended on both sides."""
        record.ended_at = at
        del self._open[record.number]
        self.ended += 1
        self._kept.append(record)

    @property
    def forgotten(self) -> int:
        """Connections that ended so long ago that their records are not kept."""
        return self.ended - len(self._kept)

    def records(self, *, after: int = 0) -> list[Record]:
        """Of the connections with a number above `after`, by number."""
        everything = sorted((*self._kept, *self._open.values()), key=lambda record: record.number)
        return [record for record in everything if record.number > after]
