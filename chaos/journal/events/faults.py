"""What was done to the server, the evidence that it bit, and how it was taken away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos.journal.events.base import Event

__all__ = ["Bite", "Entrance", "Evidence", "Healing", "HealingState", "Injected", "Receipt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected(Event):
    """A fault is about to act; `at` is the actual time, not the planned one."""

    fault: str
    description: str
    cannot: str = ""
    """What it looks like and is not: the honest limit of the simulation, for the report."""


class Bite(StrEnum):
    """Whether a fault was seen to act, on the side that suffers it."""

    BIT = "bit"
    DID_NOT_BITE = "did not bite"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One observation on one connection or on the whole: what, where, before and during."""

    what: str
    """What was read, with its unit: "round trip, s", "state of the server's socket"."""
    side: str
    """Whose reading: "server kernel", "client", "proxy", "upstream"."""
    before: str = ""
    during: str = ""
    connection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where those come in to whom a fault does something although they were not there yet when it began to act."""

    address: str
    """`host:port` that they connect to."""
    since: float
    """By when it acts on whoever comes, seconds monotonic."""
    at_least: float
    """Seconds that they wait for their 101, from their first packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Event):
    """Typed evidence that a fault bit, covering `covered` of `total` connections (0 of 0: none was there)."""

    fault: str
    bite: Bite
    covered: int
    total: int
    since: float
    """When it began to act, seconds monotonic: the time that detection and recovery are measured from."""
    evidence: tuple[Evidence, ...] = ()
    acted: float | None = None
    """When it had begun to act on the last of them, where it took longer to see that; None: by the receipt's own time.
    """
    entrance: Entrance | None = None
    """How it shows on whoever comes later; None where it does nothing to them, or nothing that a handshake shows."""

    @property
    def acted_by(self) -> float:
        """By when it had begun to act on all of them, seconds monotonic."""
        return self.at if self.acted is None else self.acted

    def sentence(self) -> str:
        """What it did, in a line; what was read of single connections is left to whoever looks at `evidence`."""
        on_the_whole = [item for item in self.evidence if not item.connection]
        shown = "; ".join(
            f"{item.what} ({item.side}) {item.before or '-'} -> {item.during or '-'}" for item in on_the_whole[:3]
        )
        return f"{self.fault}: {self.words()}" + (f" ({shown})" if shown else "")

    def words(self) -> str:
        """`bit on 10 of 10 connections`, `did not bite, seen on 0 of 10 connections`."""
        if not self.total:
            return self.bite.value
        seen = " on" if self.bite is Bite.BIT else ", seen on"
        return f"{self.bite.value}{seen} {self.covered} of {self.total} connections"


class HealingState(StrEnum):
    """How a fault ended. `failed` is never green."""

    HEALED = "healed"
    GONE_WITH_THE_TARGET = "gone with the target"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healing(Event):
    """The fault was taken away, and that was seen."""

    fault: str
    state: HealingState
    since: float
    """When it stopped to act, seconds monotonic: the time that recovery is measured from."""
    began: float | None = None
    """When it was begun to be taken away, seconds monotonic: until then it acted. None: nobody has written it down."""
    evidence: tuple[Evidence, ...] = ()
