"""Clients in a scenario's hands, and how they are told to reach and to talk to a server."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from chaos.address import Address
from chaos.crowd import deadlines
from chaos.crowd.exchange import NUMBER
from chaos.crowd.plan import ClientPlan, ExchangeResult, Mode, PhaseTimeouts
from chaos.crowd.population import Populated, PopulationPlan
from chaos.errors import ChaosError
from chaos.experiment.conductor import RemoteConductor
from chaos.experiment.places import Places
from chaos.journal import Attempt
from chaos.target import Resumable, Target

__all__ = ["Crowd", "Via", "plan_for", "request_of"]


APART = 0.02
"""Seconds between two clients of a server of several workers. Of twelve who came on each other's heels one of four took
eleven, of twenty nineteen; of those who come so far apart each takes some."""


class Via(StrEnum):
    """How a crowd reaches the server."""

    LINK = "link"
    """Through the proxy."""
    DIRECT = "direct"
    """Straight to the server."""


class Crowd:
    """Clients of one endpoint, by name; they live in a worker process of the conductor."""

    def __init__(
        self, conductor: RemoteConductor, name: str, count: int, plan: ClientPlan, *, places: Places | None = None
    ) -> None:
        self._conductor = conductor
        self._plan = plan
        self._places = places
        self.name = name
        self.count = count

    @property
    def close_timeout(self) -> float:
        """Seconds after a close frame in which each client's TCP connection is over, also where the server holds it."""
        return self._plan.close_timeout

    async def connect(self, *, mode: Mode = Mode.SIMULTANEOUS, hold: bool = True, gap: float = 0.0) -> list[Attempt]:
        """Connect every client; returns when each attempt has ended one way or the other.

        Raises NotJudged where the server does not promise as many places: beyond its limit is where only a fault
        leads a crowd.
        """
        if self._places is not None:
            await self._places.admit(self.name, 1 if mode is Mode.SEQUENTIAL and not hold else self.count)
        waits = deadlines.connecting(self._plan, self.count, mode, gap=gap, hold=hold)
        return list(await self._call("connect", mode=mode, hold=hold, gap=gap, waits=waits))

    async def connect_apart(self) -> list[Attempt]:
        """Connect every client, so far apart that each of a server's workers takes some of them."""
        return await self.connect(mode=Mode.PACED, gap=APART)

    async def reconnect(self) -> list[Attempt]:
        """Connect every client that is not connected any more; their places are theirs already."""
        waits = deadlines.connecting(self._plan, self.count, Mode.SIMULTANEOUS, gap=0.0, hold=True)
        return list(await self._call("reconnect", waits=waits))

    async def overfill(self, *, mode: Mode = Mode.SIMULTANEOUS) -> list[Attempt]:
        """Connect every client, also beyond the places that the server promises: it is about being refused."""
        waits = deadlines.connecting(self._plan, self.count, mode, gap=0.0, hold=True)
        return list(await self._call("connect", mode=mode, waits=waits))

    async def populate(self, plan: PopulationPlan) -> None:
        """Have the clients come and go as the plan says, until `end_population`.

        Raises NotJudged where the server does not promise places for as many as are to be there at once.
        """
        if self._places is not None:
            await self._places.admit(self.name, plan.high)
        await self._call("populate", plan, waits=self._plan.timeouts.tcp)

    async def populated(self) -> Populated:
        """How the population is doing."""
        found: Populated = await self._call("populated")
        return found

    async def rest(self, *, resting: bool) -> None:
        """Let nobody of the population come or leave by its own will, or again."""
        await self._call("rest", resting=resting, waits=self._plan.timeouts.total)

    async def end_population(self) -> None:
        """Let nobody come or leave any more; those who are there stay."""
        await self._call("end_population", waits=self._plan.timeouts.total)

    async def exchange(self, count: int, *, gap: float = 0.0, at_once: int = 1) -> ExchangeResult:
        """`count` exchanges on every open client, `at_once` of them begun together, `gap` seconds apart."""
        waits = deadlines.exchanging(self._plan, count, gap=gap, at_once=at_once)
        together = {} if at_once == 1 else {"at_once": at_once}
        result: ExchangeResult = await self._call("exchange", count, gap=gap, **together, waits=waits)
        return result

    async def ask(self) -> None:
        """Let every open client say what begins an exchange, and go on without waiting for the answer.

        Raises ChaosError where the plan has no exchange.
        """
        if self._plan.send is None:
            raise ChaosError(f"the clients of {self.name!r} have nothing to ask: their endpoint declares no exchange")
        await self._call("send", self._plan.send.replace(NUMBER, "0"))

    async def settle(self, *, within: float) -> None:
        """Have the clients send no more numbered messages, wait at most so many seconds until nothing is outstanding,
        and have written down what became of all of them."""
        await self._call("settle", within=within, waits=within)

    async def say_numbered(self, count: int) -> None:
        """Have every open client send so many numbered messages at once."""
        await self._call("say_numbered", count)

    async def act(self, method: str) -> None:
        """One act of every client, by its name in the crowd: "stall", "resume", "silence", "mute_keep_alive",
        "begin_numbered"."""
        await self._call(method)

    async def close(self, *, saying: int = 0) -> None:
        """Close every open client with a close frame, right after so many numbered messages."""
        await self._call("close", waits=self._plan.close_timeout, **({"saying": saying} if saying else {}))

    async def open_count(self) -> int:
        """How many clients are open."""
        return await self._conductor.open_clients(self.name, within=deadlines.call(self.count))

    async def _call(self, method: str, /, *args: Any, waits: float = 0.0, **kwargs: Any) -> Any:
        within = deadlines.call(self.count, waits=waits)
        return await self._conductor.crowd_call(self.name, method, args, kwargs, within=within)


def request_of(headers: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a ClientPlan that put headers into its upgrade request; one that is empty is left out."""
    there = {name: value for name, value in headers.items() if value}
    return {
        "headers": tuple((name, value) for name, value in there.items() if name.lower() != "origin"),
        "origin": next((value for name, value in there.items() if name.lower() == "origin"), None),
    }


def plan_for(target: Target, endpoint: str, address: Address, *, patience: float) -> ClientPlan:
    """How clients of one of the target's endpoints connect and converse. Raises ChaosError for one not declared."""
    where = getattr(target.endpoints, endpoint)
    if where is None:
        raise ChaosError(f"the target declares no endpoints.{endpoint}")
    send, expect = getattr(where, "send", None), getattr(where, "expect", None)
    greeting = getattr(where, "greeting", None)
    if isinstance(where, Resumable):
        greeting = f"(?:{where.greeting})|(?:{where.resumed})"
    return ClientPlan(
        address=address,
        path=where.path,
        **request_of(where.headers),
        subprotocol=where.subprotocol,
        send=send if expect is not None else None,
        expect=expect,
        greeting=greeting,
        first_message=(send is not None and expect is not None) or greeting is not None,
        tls=target.tls,
        dialect=target.dialect,
        namespace=where.namespace or "/",
        timeouts=PhaseTimeouts(
            tcp=patience,
            tls=None if target.tls is None else patience,
            handshake=patience,
            first_message=patience,
        ),
    )
