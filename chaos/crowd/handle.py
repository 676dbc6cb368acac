"""A crowd in the conductor's hands: the calls of `Crowd`, each with the deadline that follows from its plan."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from chaos.crowd import deadlines
from chaos.crowd.connecting import CLOSE_CODE
from chaos.crowd.flood import Flooded
from chaos.crowd.pinging import Pings
from chaos.crowd.plan import ClientPlan, ClientState, ExchangeResult, Mode, PutOff, SocketState
from chaos.crowd.population import Populated, PopulationPlan
from chaos.errors import CrowdError
from chaos.journal import Attempt, Ended

__all__ = ["CrowdHandle", "CrowdWorker"]

_HELD = frozenset(
    {ClientState.OPEN, ClientState.SILENT, ClientState.STALLED, ClientState.HALF_CLOSED, ClientState.CLOSING}
)
"""The states of clients whose TCP is not over. One whose close frame came still has its place at the server, and its
end is written down when TCP is over: whoever waits for its end, or counts its place, counts it until then."""


class CrowdWorker(Protocol):
    """Whatever holds the clients: `call("on", crowd, method, ...)` is a call of one of its crowds."""

    async def call(self, method: str, /, *args: Any, within: float, **kwargs: Any) -> Any:
        """The result, within so many seconds. Raises CrowdError."""

    async def kill(self) -> int:
        """SIGKILL the process and everybody in it; returns its exit code."""


class CrowdHandle:
    """A crowd, or with `subset` a part of it. Every method raises CrowdError when the worker is gone or overdue."""

    def __init__(
        self, name: str, plan: ClientPlan, count: int, worker: CrowdWorker, *, indices: tuple[int, ...] | None = None
    ) -> None:
        self.name = name
        self.plan = plan
        self._count = count
        self._worker = worker
        self._indices = indices

    @property
    def size(self) -> int:
        """How many clients it has, connected or not."""
        return self._count if self._indices is None else len(self._indices)

    @property
    def indices(self) -> tuple[int, ...]:
        """The clients' numbers, as in the journal."""
        return tuple(range(self._count)) if self._indices is None else self._indices

    def subset(self, indices: Collection[int]) -> CrowdHandle:
        """The same crowd, cut down to some of its clients by their numbers."""
        strangers = sorted(set(indices) - set(self.indices))
        if strangers:
            raise CrowdError(f"client {strangers[0]} is not among the {self.size} clients of {self.name!r}")
        return CrowdHandle(self.name, self.plan, self._count, self._worker, indices=tuple(sorted(set(indices))))

    async def kill(self) -> int:
        """SIGKILL the worker process, this crowd and every other in it; returns the exit code."""
        return await self._worker.kill()

    # -- connecting and leaving ------------------------------------------------------------------------------

    async def connect(self, mode: Mode = Mode.SIMULTANEOUS, *, gap: float = 0.0, hold: bool = True) -> list[Attempt]:
        """Connect everyone; see `Mode` and `Crowd.connect`. Returns every attempt when all have ended."""
        within = deadlines.connecting(self.plan, self.size, mode, gap=gap, hold=hold)
        attempts: list[Attempt] = await self._call("connect", mode, gap=gap, hold=hold, within=within)
        return attempts

    async def reconnect(self) -> list[Attempt]:
        """Connect those that are not connected; every attempt."""
        within = deadlines.connecting(self.plan, self.size, Mode.SIMULTANEOUS, gap=0.0, hold=True)
        attempts: list[Attempt] = await self._call("reconnect", within=within)
        return attempts

    async def close(self, *, code: int = CLOSE_CODE, saying: int = 0) -> list[Ended]:
        """Close with a close frame, right after so many numbered messages, and wait for the end of TCP."""
        return await self._ends("close", code=code, **({"saying": saying} if saying else {}))

    async def reset(self) -> list[Ended]:
        """RST."""
        return await self._ends("reset")

    async def fin(self) -> list[Ended]:
        """FIN without a close frame; both directions closed."""
        return await self._ends("fin")

    async def drop(self) -> list[Ended]:
        """Forget the connections, after a kernel rule has cut them."""
        return await self._ends("drop")

    async def wait_ended(self, *, within: float) -> list[Ended]:
        """Wait at most so many seconds until nobody is connected; how each one ended that has."""
        ends: list[Ended] = await self._call("wait_ended", timeout=within, within=within)
        return ends

    # -- acts that leave the connection ----------------------------------------------------------------------

    async def half_close(self) -> list[int]:
        """FIN, and read on; the clients it happened to."""
        return await self._act("half_close")

    async def begin_frame(self) -> list[int]:
        """Write half a frame and nothing any more; the clients it happened to."""
        return await self._act("begin_frame")

    async def begin_message(self) -> list[int]:
        """Write the first fragment of a message and nothing any more; the clients it happened to."""
        return await self._act("begin_message")

    async def begin_record(self) -> list[int]:
        """Write half of a TLS record and nothing any more; the clients it happened to."""
        return await self._act("begin_record")

    async def silence(self) -> list[int]:
        """Write nothing any more, read on; the clients it happened to."""
        return await self._act("silence")

    async def grow_pong_delay(self, *, step: float, most: float) -> list[int]:
        """Answer each ping by `step` seconds later than the one before, up to `most`; the clients it happened to."""
        return await self._act("grow_pong_delay", step=step, most=most)

    async def stall(self) -> list[int]:
        """Read nothing any more; the clients it happened to."""
        return await self._act("stall")

    async def hold_back(self) -> list[int]:
        """Leave the server's close frame unanswered when it comes, and keep TCP; the clients it happened to."""
        return await self._act("hold_back")

    async def hold_on(self) -> list[int]:
        """Send a close frame and keep TCP for good; the clients it happened to."""
        return await self._act("hold_on")

    async def resume(self) -> list[int]:
        """Undo silence and stall; the clients that are connected."""
        return await self._act("resume")

    async def mute_keep_alive(self, *, muted: bool = True) -> list[int]:
        """Stop keep-alive exchanges, or begin again."""
        return await self._act("mute_keep_alive", muted=muted)

    # -- talking ---------------------------------------------------------------------------------------------

    async def exchange(self, count: int = 1, *, gap: float = 0.0, at_once: int = 1) -> ExchangeResult:
        """`count` exchanges on each client, `at_once` of them begun together, `gap` seconds apart."""
        within = deadlines.exchanging(self.plan, count, gap=gap, at_once=at_once)
        together = {} if at_once == 1 else {"at_once": at_once}
        result: ExchangeResult = await self._call("exchange", count, gap=gap, **together, within=within)
        return result

    async def round_trips(self, pings: Pings, *, within: float) -> dict[int, float]:
        """Seconds that pings of each client's own take, of those whose pongs come within so many seconds."""
        found: dict[int, float] = await self._call("round_trips", pings, timeout=within, within=within)
        return found

    async def send(self, *texts: str) -> int:
        """Send messages that await no answer; the number of clients that could."""
        sent: int = await self._call("send", *texts)
        return sent

    async def say_numbered(self, count: int) -> list[int]:
        """Send so many numbered messages at once; the clients that could."""
        said: list[int] = await self._call("say_numbered", count)
        return said

    async def begin_numbered(self) -> list[int]:
        """Send numbered messages at the plan's pace from now on; the clients that do."""
        return await self._act("begin_numbered")

    async def settle(self, *, within: float) -> list[int]:
        """Send no more of them, and write down what became of all when nothing is outstanding, or after so many
        seconds; the clients whose books are not balanced by then."""
        open_books: list[int] = await self._call("settle", timeout=within, within=within)
        return open_books

    async def flood(self, *, messages: int, seconds: float, digits: int = 1, text: str | None = None) -> list[int]:
        """Begin to send the plan's own message, its number so long, or another text, as fast as the server takes it;
        the clients that do."""
        return await self._act("flood", messages=messages, seconds=seconds, digits=digits, text=text)

    async def flooded(self) -> dict[int, Flooded]:
        """How far the flood of each client has come."""
        found: dict[int, Flooded] = await self._call("flooded")
        return found

    async def end_flood(self) -> list[int]:
        """Write no more of it; the clients that had begun."""
        return await self._act("end_flood")

    # -- coming and going ------------------------------------------------------------------------------------

    async def populate(self, plan: PopulationPlan) -> None:
        """Have all its clients come and go as the plan says; of a whole crowd only."""
        await self._of_the_whole("populate", plan, within=self.plan.timeouts.tcp)

    async def populated(self) -> Populated:
        """How the population is doing."""
        found: Populated = await self._of_the_whole("populated")
        return found

    async def rest(self, *, resting: bool) -> None:
        """Let nobody of the population come or leave by its own will, or again; attempts end first."""
        await self._of_the_whole("rest", resting=resting, within=self.plan.timeouts.total)

    async def end_population(self) -> None:
        """Let nobody come or leave any more; those who are there stay."""
        await self._of_the_whole("end_population", within=self.plan.timeouts.total)

    # -- readings --------------------------------------------------------------------------------------------

    async def locals(self) -> list[tuple[int, str, int]]:
        """Client, local host and local port of every socket there is."""
        found: list[tuple[int, str, int]] = await self._call("locals")
        return found

    async def close_frames(self) -> dict[int, float]:
        """When the server's close frame came to each client that has had one, seconds monotonic."""
        found: dict[int, float] = await self._call("close_frames")
        return found

    async def pongs_put_off(self) -> dict[int, list[PutOff]]:
        """The pings of each client whose pong has waited longer than the one before, in their order."""
        found: dict[int, list[PutOff]] = await self._call("pongs_put_off")
        return found

    async def states(self) -> dict[int, ClientState]:
        """What each client is doing, by its own knowledge."""
        found: dict[int, ClientState] = await self._call("states")
        return found

    async def open_count(self) -> int:
        """How many clients hold a connection whose TCP is not over, as far as they know."""
        return sum(state in _HELD for state in (await self.states()).values())

    async def socket_states(self) -> dict[int, SocketState]:
        """What the kernel says of each client's socket."""
        found: dict[int, SocketState] = await self._call("socket_states")
        return found

    # -- within ----------------------------------------------------------------------------------------------

    async def _act(self, method: str, **kwargs: Any) -> list[int]:
        indices: list[int] = await self._call(method, **kwargs)
        return indices

    async def _ends(self, method: str, **kwargs: Any) -> list[Ended]:
        ends: list[Ended] = await self._call(method, within=self.plan.close_timeout, **kwargs)
        return ends

    async def _of_the_whole(self, method: str, /, *args: Any, within: float = 0.0, **kwargs: Any) -> Any:
        if self._indices is not None:
            raise CrowdError(f"{method} is for a whole crowd, and this is a part of {self.name!r}")
        waits = deadlines.call(self.size, waits=within)
        return await self._worker.call("on", self.name, method, *args, within=waits, **kwargs)

    async def _call(self, method: str, /, *args: Any, within: float = 0.0, **kwargs: Any) -> Any:
        return await self._worker.call(
            "on",
            self.name,
            method,
            *args,
            clients=self._indices,
            within=deadlines.call(self.size, waits=within),
            **kwargs,
        )
