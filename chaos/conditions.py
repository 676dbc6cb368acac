"""What a scenario waits for: small questions the conductor asks the truth again and again, against a deadline.

A wait decides nothing. It only ends early when there is nothing more to wait for; whether a promise held is read from
the journal afterwards.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chaos.crowd.plan import ClientState
from chaos.journal import Hit, Sample
from chaos.probes.statistics import alert_shown

__all__ = [
    "AlertShown",
    "Condition",
    "ConnectionsAtLeast",
    "ConnectionsAtMost",
    "CrowdGone",
    "EverythingRead",
    "FilesAtMost",
    "Heard",
    "NobodyLeaving",
    "Pinged",
    "ProcessesAtMost",
    "StatisticsAtMost",
    "StatisticsSay",
    "UpstreamHit",
    "View",
]


class View(Protocol):
    """What a condition may look at."""

    async def sample(self) -> Sample: ...
    async def statistics(self) -> dict[str, float | str]: ...
    async def hits(self, since: float) -> list[Hit]: ...
    async def open_clients(self, crowd: str) -> int: ...
    async def crowd_call(self, name: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any: ...
    async def everyone_heard(self, crowd: str, pattern: str, since: float, opcode: str) -> bool: ...
    async def unread(self, crowd: str) -> int: ...


class Condition(ABC):
    """Something that is so, or not yet. Frozen and picklable: it is asked in the conductor's process."""

    @abstractmethod
    async def met(self, view: View) -> bool:
        """Whether it is so now."""


@dataclass(frozen=True, slots=True)
class ConnectionsAtLeast(Condition):
    """The server's kernel holds at least `count` connections on its port."""

    count: int

    async def met(self, view: View) -> bool:
        return (await view.sample()).connections >= self.count


@dataclass(frozen=True, slots=True)
class ConnectionsAtMost(Condition):
    """The server's kernel holds at most `count` connections on its port."""

    count: int

    async def met(self, view: View) -> bool:
        return (await view.sample()).connections <= self.count


@dataclass(frozen=True, slots=True)
class FilesAtMost(Condition):
    """The server's processes hold at most `count` file descriptors together."""

    count: int

    async def met(self, view: View) -> bool:
        return (await view.sample()).fds <= self.count


@dataclass(frozen=True, slots=True)
class ProcessesAtMost(Condition):
    """The server has at most `count` processes, those that have ended and that it has not waited for included."""

    count: int

    async def met(self, view: View) -> bool:
        return (await view.sample()).children <= self.count


@dataclass(frozen=True, slots=True)
class CrowdGone(Condition):
    """At most `left` clients of a crowd are still open, as the clients see it."""

    crowd: str
    left: int = 0

    async def met(self, view: View) -> bool:
        return await view.open_clients(self.crowd) <= self.left


@dataclass(frozen=True, slots=True)
class NobodyLeaving(Condition):
    """No client of a crowd is between a close frame and the end of TCP: how each has ended is in the journal."""

    crowd: str

    async def met(self, view: View) -> bool:
        states = await view.crowd_call(self.crowd, "states", (), {})
        return ClientState.CLOSING not in states.values()


@dataclass(frozen=True, slots=True)
class EverythingRead(Condition):
    """The server has read all that the clients of a crowd have sent, as both kernels have it: nothing is on its way."""

    crowd: str

    async def met(self, view: View) -> bool:
        return await view.unread(self.crowd) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Condition):
    """Every open client of a traced crowd has heard a message that fits the pattern since a time."""

    crowd: str
    pattern: str
    since: float

    async def met(self, view: View) -> bool:
        return await view.everyone_heard(self.crowd, self.pattern, self.since, "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinged(Condition):
    """Every open client of a traced crowd has been pinged since a time."""

    crowd: str
    since: float

    async def met(self, view: View) -> bool:
        return await view.everyone_heard(self.crowd, "", self.since, "ping")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsSay(Condition):
    """The server's own statistics say a value; `which` is a name of the statistics table."""

    which: str
    value: float | str

    async def met(self, view: View) -> bool:
        return (await view.statistics()).get(self.which) == self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsAtMost(Condition):
    """The server's own statistics tell a number, and one of at most `most`; `which` is a name of the table."""

    which: str
    most: float

    async def met(self, view: View) -> bool:
        said = (await view.statistics()).get(self.which)
        return isinstance(said, int | float) and said <= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertShown(Condition):
    """The server's own statistics show an alert whose whole name fits, or show it no more."""

    alert: str
    shown: bool = True

    async def met(self, view: View) -> bool:
        said = await view.statistics()
        return "alerts" in said and alert_shown(said, self.alert) is self.shown


@dataclass(frozen=True, slots=True)
class UpstreamHit(Condition):
    """At least `count` requests reached the upstream since a time, seconds monotonic."""

    since: float
    count: int = 1

    async def met(self, view: View) -> bool:
        return len(await view.hits(self.since)) >= self.count
