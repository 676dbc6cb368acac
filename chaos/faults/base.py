"""What a fault is: inject, prove, heal, prove healed.

A fault is a frozen value with one method, an async generator that yields exactly twice:

    async def apply(self, scene):
        before = ...                    # how things are
        ...                             # inject
        yield Receipt(...)              # what it did, seen on the side that suffers it
        ...                             # heal
        yield Healing(...)              # that it is gone, seen as well

`applied` drives it, journals every step and heals whatever the body does; a step that hangs is called off. To add a
fault, copy the file of the one that is nearest, give it a name, and name it in `chaos/faults/__init__.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from chaos.agent.async_client import AsyncAgent
from chaos.capability import Capability
from chaos.dialects import WEBSOCKET
from chaos.errors import ChaosError, FaultError
from chaos.journal import Event, Evidence, Healing, HealingState, Injected, JournalWriter, Receipt
from chaos.links.link import Link
from chaos.server_view import ServerView
from chaos.target import Echo, Tls
from chaos.units import format_duration
from chaos.upstream.client import UpstreamControl

if TYPE_CHECKING:
    from chaos.crowd.handle import CrowdHandle

__all__ = ["HELPER_WITHIN", "MOST_WAITS", "Applied", "Fault", "Scene", "applied", "healed", "injected"]

T = TypeVar("T")

HELPER_WITHIN = 25.0
"""Seconds beyond the longest that a helper which hangs holds a fault up before it says so itself: a link with four
calls of 5 s and 0.5 s to drain; an act of a thousand victims with 10 s to close, 5 s of slack and 10 ms for each would
be as long. The agent has 15 s."""


MOST_WAITS = 30
"""How often a fault waits for the server at most: `Jitter` does so 28 times, for as many round trips as show a spread,
and `Latency` and `Sliced` together 29 times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a fault may touch. The methods raise FaultError for what this experiment does not have."""

    server: ServerView
    echo: Echo
    """The endpoint that a fault may converse with to measure."""
    tls: Tls | None = None
    """How the server's TLS is known, where it speaks it."""
    dialect: str = WEBSOCKET
    """What is spoken on its endpoints, by its name."""
    patience: float
    """Seconds a fault may wait to see itself act."""
    link: Link | None = None
    """Between clients and server."""
    upstream_link: Link | None = None
    """Between server and upstream."""
    upstream: UpstreamControl | None = None
    victims: CrowdHandle | None = None
    agent: AsyncAgent | None = None
    record: Callable[[Event], object] | None = None
    """Writes down what the fault's own clients were answered."""

    def the_record(self) -> Callable[[Event], object]:
        if self.record is None:
            raise FaultError("this fault writes down what it is answered, and this experiment keeps no journal of it")
        return self.record

    def the_link(self) -> Link:
        if self.link is None:
            raise FaultError("this fault acts on the link, and this deployment has none")
        return self.link

    def the_upstream_link(self) -> Link:
        if self.upstream_link is None:
            raise FaultError("this fault acts on the upstream's link, and this deployment has no upstream")
        return self.upstream_link

    def the_upstream(self) -> UpstreamControl:
        if self.upstream is None:
            raise FaultError("this fault acts on the upstream, and this deployment has none")
        return self.upstream

    def the_victims(self) -> CrowdHandle:
        if self.victims is None:
            raise FaultError("this fault acts on clients: inject it with a crowd")
        return self.victims

    def the_agent(self) -> AsyncAgent:
        if self.agent is None:
            raise FaultError("this fault acts through the agent, and this deployment has none")
        return self.agent


class Fault(ABC):
    """One harmful thing. Subclasses are frozen dataclasses; what they are is said in class variables."""

    name: ClassVar[str]
    """In reports and on the command line: lower case, hyphens."""
    family: ClassVar[str]
    """ "network", "kernel", "client", "crowd", "handshake", "frame", "application", "server", "upstream" or "combined":
    where it acts."""
    needs: ClassVar[frozenset[Capability]]
    """What the deployment has to offer for it."""
    dialects: ClassVar[frozenset[str] | None] = None
    """Those that it is said in, by their names; None: it is the same in all of them."""
    long_answers: ClassVar[bool] = False
    """Whether it takes a message whose answer is long: `payload_send` of the endpoint that echoes."""
    cannot: ClassVar[str]
    """What it looks like and is not: the honest limit of the simulation."""
    announced: ClassVar[bool] = False
    """Whether the server's own kernel is told by FIN or RST that the victims are gone."""
    forgotten: ClassVar[bool] = False
    """Whether the server's kernel forgets the victims' sockets at once, by RST: what the server keeps of them shows
    nowhere among its sockets then."""
    kills_its_worker: ClassVar[bool] = False
    """Whether the victims need a process of their own."""
    fills_its_worker: ClassVar[bool] = False
    """Whether the victims keep a process busy: nobody else's times are to be stamped in it."""
    receive_buffer: ClassVar[int | None] = None
    """SO_RCVBUF that the victims need, bytes."""
    waits: ClassVar[int] = 3
    """How often injecting waits for the scene's patience, one time after the other, and healing as well; at most."""

    def within(self, patience: float) -> float:
        """Seconds after which injecting hangs, and healing too: all its waits for the server, and one helper's end."""
        return self.waits * patience + HELPER_WITHIN

    @property
    def label(self) -> str:
        """The name of the matrix column."""
        return self.name

    async def prepare(self, scene: Scene) -> None:  # noqa: B027  # nothing to do is the rule, not an omission
        """What has to be done before the victims connect; nothing for most faults. The scene has no victims yet."""

    @abstractmethod
    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        """Yield a Receipt after injecting, and a Healing after healing. Raises FaultError."""


@dataclass(slots=True)
class Applied:
    """A fault while `applied` holds it; `healing` is there once it has ended."""

    receipt: Receipt
    healing: Healing | None = None


@contextlib.asynccontextmanager
async def applied(fault: Fault, scene: Scene, journal: JournalWriter) -> AsyncIterator[Applied]:
    """Inject and prove, run the body, heal and prove: each step is in the journal before the next one begins.

    The body's own exception is never masked: a fault that cannot be healed is a Healing with `failed`, not a raise.
    A step that takes longer than `Fault.within` hangs: it is cancelled, and has as long again to take back what it did.
    Raises FaultError, or the ChaosError that injecting raised; whatever the fault had begun by then it has taken back
    in its own `finally`.
    """
    steps, within = fault.apply(scene), fault.within(scene.patience)
    journal.write(Injected(at=time.monotonic(), fault=fault.name, description=repr(fault), cannot=fault.cannot))
    held = Applied(await injected(fault, steps, within))
    try:
        journal.write(held.receipt)
        yield held
    finally:
        held.healing = await healed(fault, steps, within)
        journal.write(held.healing)


async def injected(fault: Fault, steps: AsyncIterator[Receipt | Healing], within: float) -> Receipt:
    """Run the first half of a fault, at most `within` seconds. Raises FaultError, or the ChaosError that it raised."""
    try:
        receipt = await _in_time(anext(steps), within, fault, "injected")
    except StopAsyncIteration:
        raise FaultError(f"{fault.name} has to yield a Receipt and a Healing; it yielded nothing") from None
    except ChaosError:
        raise
    except Exception as error:
        raise FaultError(f"{fault.name} could not be injected: {type(error).__name__}: {error}") from error
    if not isinstance(receipt, Receipt):
        await _in_time(_end(steps), within, fault, "taken back")
        raise FaultError(f"{fault.name} has to yield a Receipt first; it yielded {type(receipt).__name__}")
    return receipt


async def healed(fault: Fault, steps: AsyncIterator[Receipt | Healing], within: float) -> Healing:
    """Run the second half, at most `within` seconds; one that does not end in a Healing has failed to heal."""
    began = time.monotonic()
    try:
        healing = await _in_time(_last(steps), within, fault, "healed")
        if isinstance(healing, Healing):
            return replace(healing, began=began)
        problem = f"it yielded {type(healing).__name__} instead of a Healing"
    except StopAsyncIteration:
        problem = "it ended without a Healing"
    except Exception as error:  # whatever it was: what is not known to be healed is not
        problem = f"{type(error).__name__}: {error}"
    return Healing(
        at=time.monotonic(),
        fault=fault.name,
        state=HealingState.FAILED,
        since=began,
        evidence=(Evidence(what="healing", side="harness", during=problem),),
    )


async def _in_time(step: Awaitable[T], within: float, fault: Fault, done: str) -> T:
    """Await a step, at most `within` seconds and as long again for what it does when it is called off.

    Raises FaultError for one that hangs, and what the step raised.
    """
    try:
        async with asyncio.timeout(2 * within) as the_end:
            async with asyncio.timeout(within) as called_off:
                return await step
    except TimeoutError as error:
        if not called_off.expired():  # the fault's own
            raise
        undone = (
            f", and hung for {format_duration(within)} more in taking back what it did" if the_end.expired() else ""
        )
        raise FaultError(
            f"{fault.name} was not {done} within {format_duration(within)} and was called off{undone}; a fault that "
            f"waits for the server more than {fault.waits} times says so in its `waits`"
        ) from error


async def _last(steps: AsyncIterator[Receipt | Healing]) -> Receipt | Healing:
    """What a fault yields in the end, when it has ended."""
    found = await anext(steps)
    await _end(steps)
    return found


async def _end(steps: AsyncIterator[Receipt | Healing]) -> None:
    """Run what is left of a fault, its `finally` included, now and not when it is collected."""
    if isinstance(steps, AsyncGenerator):
        await steps.aclose()
