"""A named crowd: clients of one plan in this process. Its coroutine methods are what the conductor can call."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Sequence

from websockets.exceptions import ProtocolError
from websockets.frames import Close

from chaos.crowd import acts, pinging
from chaos.crowd.client import Client
from chaos.crowd.connecting import CLOSE_CODE, leave, paced, sequential, simultaneous
from chaos.crowd.conversation import Answer, Result
from chaos.crowd.dial import resolve, take
from chaos.crowd.exchange import NUMBER, Exchange, ExchangeResult
from chaos.crowd.flood import Flood, Flooded
from chaos.crowd.ledger import Notation
from chaos.crowd.pinging import Pings
from chaos.crowd.plan import ClientPlan, ClientState, Mode, PutOff, SocketState
from chaos.crowd.population import Populated, Population, PopulationPlan
from chaos.crowd.readings import local_address, socket_state
from chaos.crowd.session import Setting
from chaos.crowd.traffic import TrafficMeter
from chaos.errors import CrowdError
from chaos.journal import Attempt, Ended, Event
from chaos.probes.tls import client_context
from chaos.target import Tls

__all__ = ["Crowd"]

_AWAY = (ClientState.NEW, ClientState.CLOSED)
"""The states of a client that has no connection."""
_SETTLING = 0.01
"""Seconds between two looks at whether the books are balanced."""


class Crowd:
    """Clients 0 to `count - 1`.

    `clients=None` means all of them: all to connect, or all that are connected to everything else. A client named
    that is not connected is left out, because a fault may have ended it the moment before. A number that the crowd
    does not have raises CrowdError.
    """

    def __init__(
        self, name: str, plan: ClientPlan, count: int, *, record: Callable[[Event], None], numbers: Iterator[int]
    ) -> None:
        self._name = name
        self._plan = plan
        self.address = plan.address
        """Where its clients connect to."""
        self._record = record
        self._meter = TrafficMeter(name)
        self._connecting: set[asyncio.Task[list[Attempt]]] = set()
        self._setting = setting = Setting(
            crowd=name,
            size=count,
            plan=plan,
            record=record,
            meter=self._meter,
            numbers=numbers,
            exchange=None if plan.send is None or plan.expect is None else Exchange(send=plan.send, expect=plan.expect),
            greeting=None if plan.greeting is None else re.compile(plan.greeting),
            notation=None if plan.numbered is None else Notation(plan.numbered),
            noted=None if plan.note is None else re.compile(plan.note),
            context=None if plan.tls is None else _context(plan.tls),
        )
        self._clients = [Client(index, setting) for index in range(count)]
        self._floods: dict[int, Flood] = {}
        self._population: Population | None = None
        self._taken: list[socket.socket] = []
        """Of addresses that nobody else may connect from."""

    # -- connecting and leaving ------------------------------------------------------------------------------

    async def connect(
        self, mode: Mode, *, clients: Collection[int] | None = None, gap: float = 0.0, hold: bool = True
    ) -> list[Attempt]:
        """Connect, and return every attempt, in the clients' order, when all have ended.

        With `hold=False` those that get open are closed cleanly: each before the next one begins (sequential), or
        all at the end. Raises CrowdError for a client that is still connected.
        """
        members = self._members(clients)
        for client in members:
            if client.state not in _AWAY:
                raise CrowdError(
                    f"client {client.index} of crowd {self._name!r} is {client.state.value}; "
                    "close it first, or name the clients that should connect"
                )
        for client in members:
            client.claim()
        task = asyncio.create_task(self._connect(members, mode, gap=gap, hold=hold))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise CrowdError(f"crowd {self._name!r} was removed while it connected") from None
        finally:
            for client in members:
                client.release()

    async def reconnect(self, *, clients: Collection[int] | None = None) -> list[Attempt]:
        """Connect those that are not connected, all at once; every attempt."""
        away = [client.index for client in self._members(clients) if client.state in _AWAY]
        return await self.connect(Mode.SIMULTANEOUS, clients=away)

    async def close(
        self, *, clients: Collection[int] | None = None, code: int = CLOSE_CODE, saying: int = 0
    ) -> list[Ended]:
        """Close with a close frame; returns when TCP is over, at the latest after the plan's close timeout. With
        `saying` each client sends so many numbered messages right before it.

        Raises CrowdError for a code that a faithful client may not send, and where the plan numbers no messages.
        """
        try:
            Close(code, "").check()
        except ProtocolError as error:
            raise CrowdError(
                f"{code} is no close code that a client may send; allowed are 1000 to 1014 but for 1004 to 1006, "
                "and 3000 to 4999"
            ) from error
        if saying:
            self._bookkeepers(clients)

        def say_and_close(client: Client) -> None:
            if saying and client.usable:
                client.say_numbered(saying)
            acts.close(client, code)

        return await self._end(clients, say_and_close)

    async def reset(self, *, clients: Collection[int] | None = None) -> list[Ended]:
        """RST; see `acts.reset`."""
        return await self._end(clients, acts.reset)

    async def fin(self, *, clients: Collection[int] | None = None) -> list[Ended]:
        """FIN without a close frame; see `acts.fin`."""
        return await self._end(clients, acts.fin)

    async def drop(self, *, clients: Collection[int] | None = None) -> list[Ended]:
        """Forget the connections behind a kernel rule; see `acts.drop`.

        The rule knows them by their addresses and ports. So these stay taken for as long as the crowd lives: whoever
        came next from one of them would be cut off as well.
        """
        addresses = [local_address(client) for client in self._connected(clients)]
        ends = await self._end(clients, acts.drop)
        found = (take(address) for address in addresses if address is not None)
        self._taken += (taken for taken in found if taken is not None)
        return ends

    async def wait_ended(self, *, timeout: float, clients: Collection[int] | None = None) -> list[Ended]:
        """Wait until no client is connected, at most `timeout` seconds; how each one ended that was ever open."""
        members = self._members(clients)
        waiting = [asyncio.ensure_future(client.gone()) for client in members if client.connected]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout)
        for task in waiting:
            task.cancel()
        return [client.last_end for client in members if client.last_end is not None and not client.connected]

    # -- acts that leave the connection ----------------------------------------------------------------------

    async def half_close(self, *, clients: Collection[int] | None = None) -> list[int]:
        """FIN, and go on reading; see `acts.half_close`."""
        return self._act(clients, acts.half_close)

    async def begin_frame(self, *, clients: Collection[int] | None = None) -> list[int]:
        """Half a frame, and silence; see `acts.begin_frame`."""
        return self._act(clients, acts.begin_frame)

    async def begin_message(self, *, clients: Collection[int] | None = None) -> list[int]:
        """The first fragment of a message, and silence; see `acts.begin_message`."""
        return self._act(clients, acts.begin_message)

    async def begin_record(self, *, clients: Collection[int] | None = None) -> list[int]:
        """Half a TLS record, and silence; see `acts.begin_record`."""
        return self._act(clients, acts.begin_record)

    async def silence(self, *, clients: Collection[int] | None = None) -> list[int]:
        """Write nothing, read on; see `acts.silence`."""
        return self._act(clients, acts.silence)

    async def grow_pong_delay(self, *, step: float, most: float, clients: Collection[int] | None = None) -> list[int]:
        """Answer each ping by `step` seconds later than the one before; see `acts.grow_pong_delay`."""
        return self._act(clients, lambda client: acts.grow_pong_delay(client, step, most))

    async def stall(self, *, clients: Collection[int] | None = None) -> list[int]:
        """Read nothing; see `acts.stall`."""
        return self._act(clients, acts.stall)

    async def hold_back(self, *, clients: Collection[int] | None = None) -> list[int]:
        """Leave the server's close frame unanswered when it comes; see `acts.hold_back`."""
        return self._act(clients, acts.hold_back)

    async def hold_on(self, *, clients: Collection[int] | None = None, code: int = CLOSE_CODE) -> list[int]:
        """A close frame, and TCP kept for good; see `acts.hold_on`."""
        return self._act(clients, lambda client: acts.hold_on(client, code))

    async def resume(self, *, clients: Collection[int] | None = None) -> list[int]:
        """Undo silence and stall."""
        return self._act(clients, acts.resume)

    async def mute_keep_alive(self, *, clients: Collection[int] | None = None, muted: bool = True) -> list[int]:
        """Stop the plan's keep-alive exchanges, or begin again; also of clients that are not connected."""
        members = self._members(clients)
        for client in members:
            acts.mute_keep_alive(client, muted=muted)
        return [client.index for client in members]

    # -- talking ---------------------------------------------------------------------------------------------

    async def exchange(
        self, count: int, *, clients: Collection[int] | None = None, gap: float = 0.0, at_once: int = 1
    ) -> ExchangeResult:
        """`count` exchanges on each client, `at_once` of them begun together, `gap` seconds from the last answer to
        the next; the clients at the same time."""
        self._template()
        members = self._members(clients) if clients is not None else self._connected(None)
        began = time.monotonic()
        answers = await asyncio.gather(*(self._converse(client, count, gap, at_once) for client in members))
        return _summary([answer for each in answers for answer in each], asked=count * len(members), began=began)

    async def round_trips(
        self, pings: Pings, *, timeout: float, clients: Collection[int] | None = None
    ) -> dict[int, float]:
        """Seconds that pings of each client's own take, those whose pongs come within `timeout` seconds; the clients
        at the same time."""
        members = [client for client in self._connected(clients) if client.usable]
        took = await asyncio.gather(*(pinging.took(client, pings, within=timeout) for client in members))
        return {client.index: each for client, each in zip(members, took, strict=True) if each is not None}

    async def send(self, *texts: str, clients: Collection[int] | None = None) -> int:
        """Send messages that await no answer; the number of clients that could."""
        members = [client for client in self._connected(clients) if client.usable]
        for client in members:
            client.say(*texts)
        return len(members)

    async def say_numbered(self, count: int, *, clients: Collection[int] | None = None) -> list[int]:
        """Send so many numbered messages at once, each client; those that could."""
        members = [client for client in self._bookkeepers(clients) if client.usable]
        for client in members:
            client.say_numbered(count)
        return [client.index for client in members]

    async def begin_numbered(self, *, clients: Collection[int] | None = None) -> list[int]:
        """Send numbered messages at the plan's pace from now on, also on connections that are still to come; the
        clients that do."""
        members = self._bookkeepers(clients)
        for client in members:
            client.begin_numbered()
        return [client.index for client in members]

    async def settle(self, *, timeout: float, clients: Collection[int] | None = None) -> list[int]:
        """Send no more numbered messages, wait until nothing is outstanding, at most `timeout` seconds, and write down
        what became of all of them; the clients whose books are not balanced by then."""
        members = self._bookkeepers(clients)
        for client in members:
            client.end_numbered()
        began = time.monotonic()
        while any(client.usable and not _settled(client) for client in members):
            if time.monotonic() - began >= timeout:
                break
            await asyncio.sleep(_SETTLING)
        at = time.monotonic()
        for client in members:
            assert client.ledger is not None
            self._record(client.ledger.correspondence(at, waited=at - began, connected=client.usable))
        return [client.index for client in members if not _settled(client)]

    async def flood(
        self,
        *,
        messages: int,
        seconds: float,
        digits: int = 1,
        text: str | None = None,
        clients: Collection[int] | None = None,
    ) -> list[int]:
        """Begin to send the plan's own message, or another `text`, as fast as the server takes it, at most so many and
        so long, each client by itself; the clients that do. `digits` is how long the plan's number is written."""
        if text is None:
            # A number that no exchange has.
            text = self._template().replace(NUMBER, "0" if digits == 1 else "9" * digits)
        members = [client for client in self._connected(clients) if client.usable]
        await self._end_floods(members)
        for client in members:
            self._floods[client.index] = Flood(client, text, messages=messages, seconds=seconds)
        return [client.index for client in members]

    async def flooded(self, *, clients: Collection[int] | None = None) -> dict[int, Flooded]:
        """How far the flood of each client has come, whether it goes on or not; clients that never began are left
        out."""
        members = [client.index for client in self._members(clients)]
        return {index: self._floods[index].reading() for index in members if index in self._floods}

    async def end_flood(self, *, clients: Collection[int] | None = None) -> list[int]:
        """Write no more of it; the clients that had begun."""
        members = self._members(clients)
        await self._end_floods(members)
        return [client.index for client in members if client.index in self._floods]

    # -- coming and going ------------------------------------------------------------------------------------

    async def populate(self, plan: PopulationPlan) -> None:
        """Have the clients come and go as the plan says, until `end_population`.

        Raises CrowdError where they do already, or where the crowd is too small for as many at once.
        """
        if self._population is not None:
            raise CrowdError(f"crowd {self._name!r} is a population already")
        if plan.high > len(self._clients):
            raise CrowdError(
                f"crowd {self._name!r} has {len(self._clients)} clients, and {plan.high} are to be there at once"
            )
        self._population = Population(
            self._clients,
            plan,
            crowd=self._name,
            destination=await resolve(self._plan.address, within=self._plan.timeouts.tcp),
            record=self._record,
            answered=lambda: self._meter.answered_ever,
        )

    async def populated(self) -> Populated:
        """How the population is doing. Raises CrowdError where there is none."""
        return self._the_population().reading()

    async def rest(self, *, resting: bool) -> None:
        """Let nobody of the population come or leave by its own will, or again."""
        await self._the_population().rest(resting=resting)

    async def end_population(self) -> None:
        """Let nobody come or leave any more; those who are there stay."""
        await self._the_population().end()

    # -- readings --------------------------------------------------------------------------------------------

    async def locals(self, *, clients: Collection[int] | None = None) -> list[tuple[int, str, int]]:
        """Client, local host and local port of every socket there is."""
        found = [(client.index, local_address(client)) for client in self._members(clients)]
        return [(index, *address) for index, address in found if address is not None]

    async def states(self, *, clients: Collection[int] | None = None) -> dict[int, ClientState]:
        """What each client is doing, by its own knowledge."""
        return {client.index: client.state for client in self._members(clients)}

    async def close_frames(self, *, clients: Collection[int] | None = None) -> dict[int, float]:
        """When the server's close frame came to each client that has had one, on its latest connection."""
        found = [(client.index, client.connection) for client in self._members(clients)]
        return {
            index: connection.close_frame_at
            for index, connection in found
            if connection is not None and connection.close_frame_at is not None
        }

    async def pongs_put_off(self, *, clients: Collection[int] | None = None) -> dict[int, list[PutOff]]:
        """The pings of each client whose pong has waited longer than the one before, on its latest connection."""
        return {
            client.index: [] if client.connection is None else list(client.connection.pongs_put_off)
            for client in self._members(clients)
        }

    async def socket_states(self, *, clients: Collection[int] | None = None) -> dict[int, SocketState]:
        """What the kernel says of each client's socket; clients without one are left out."""
        found = [(client.index, socket_state(client)) for client in self._members(clients)]
        return {index: state for index, state in found if state is not None}

    def write_traffic(self) -> None:
        """Write down what was exchanged since the last time; nothing while nobody is connected."""
        quiet = self._meter.quiet
        traffic = self._meter.take()
        if not quiet or self._connected(None):
            self._record(traffic)

    async def abandon(self) -> None:
        """End every attempt and every connection, with RST."""
        for client in self._clients:
            client.end_numbered()
        attempting = list(self._connecting)
        for task in attempting:
            task.cancel()
        await asyncio.gather(*attempting, return_exceptions=True)
        if self._population is not None:
            await self._population.abandon()
        await self._end_floods(self._clients)
        await self.reset()
        # Those whom the server turned away, and whose TCP it holds.
        lingering = list(self._setting.connections)
        for connection in lingering:
            connection.cut()
        await asyncio.gather(*(asyncio.shield(connection.gone) for connection in lingering))
        while self._taken:
            self._taken.pop().close()

    # -- within ----------------------------------------------------------------------------------------------

    async def _connect(self, members: Sequence[Client], mode: Mode, *, gap: float, hold: bool) -> list[Attempt]:
        destination = await resolve(self._plan.address, within=self._plan.timeouts.tcp)
        if mode is Mode.SEQUENTIAL:
            return await sequential(members, destination, gap=gap, hold=hold)
        if mode is Mode.SIMULTANEOUS:
            attempts = await simultaneous(members, destination)
        else:
            attempts = await paced(members, destination, gap=gap)
        if not hold:
            await leave(members)
        return attempts

    def _members(self, clients: Collection[int] | None) -> Sequence[Client]:
        if clients is None:
            return self._clients
        unknown = sorted(index for index in clients if not 0 <= index < len(self._clients))
        if unknown:
            raise CrowdError(f"crowd {self._name!r} has the clients 0 to {len(self._clients) - 1}; found {unknown[0]}")
        return [self._clients[index] for index in clients]

    def _bookkeepers(self, clients: Collection[int] | None) -> Sequence[Client]:
        """The clients, who all keep books of numbered messages. Raises CrowdError where the plan numbers none."""
        if self._plan.numbered is None:
            raise CrowdError(f"the plan of crowd {self._name!r} numbers no messages; give it numbered")
        return self._members(clients)

    def _connected(self, clients: Collection[int] | None) -> list[Client]:
        return [client for client in self._members(clients) if client.connected]

    def _act(self, clients: Collection[int] | None, act: acts.Act) -> list[int]:
        members = self._connected(clients)
        for client in members:
            act(client)
        return [client.index for client in members]

    async def _end(self, clients: Collection[int] | None, act: acts.Act) -> list[Ended]:
        members = self._connected(clients)
        for client in members:
            act(client)
        await asyncio.gather(*(client.gone() for client in members))
        return [client.last_end for client in members if client.last_end is not None]

    def _the_population(self) -> Population:
        if self._population is None:
            raise CrowdError(f"crowd {self._name!r} is no population: populate comes first")
        return self._population

    def _template(self) -> str:
        """What an exchange sends. Raises CrowdError where the plan has none."""
        if self._plan.send is None:
            raise CrowdError(f"the plan of crowd {self._name!r} has no exchange; give it send and expect")
        return self._plan.send

    async def _end_floods(self, members: Sequence[Client]) -> None:
        for client in members:
            if client.index in self._floods:
                await self._floods[client.index].stop()

    async def _taken_leave(self, client: Client) -> None:
        """Of a client that is being closed it is known how it ended before its exchanges are said to be over, unless
        that takes longer than an answer may."""
        if client.state is ClientState.CLOSING:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._plan.answer_timeout):
                    await client.gone()

    async def _converse(self, client: Client, count: int, gap: float, at_once: int) -> list[Answer]:
        answers: list[Answer] = []
        while len(answers) < count:
            if answers and gap:
                await asyncio.sleep(gap)
            if not client.usable:
                await self._taken_leave(client)
                break
            answers += await asyncio.gather(*(client.ask() for _ in range(min(at_once, count - len(answers)))))
        return answers


def _settled(client: Client) -> bool:
    return client.ledger is None or client.ledger.settled


def _context(tls: Tls) -> ssl.SSLContext:
    """Made before anybody connects: reading certificates takes time. Raises CrowdError."""
    try:
        return client_context(tls)
    except OSError as error:
        raise CrowdError(f"the certificates that vouch for the server cannot be read from {tls.ca}: {error}") from error


def _summary(answers: Sequence[Answer], *, asked: int, began: float) -> ExchangeResult:
    by_result = {result: [answer for answer in answers if answer.result is result] for result in Result}
    trips = sorted((answer.round_trip, answer.at - answer.round_trip) for answer in by_result[Result.ANSWERED])
    return ExchangeResult(
        sent=len(answers),
        answered=len(by_result[Result.ANSWERED]),
        wrong=len(by_result[Result.WRONG]),
        missing=len(by_result[Result.MISSING]),
        unsent=asked - len(answers),
        round_trips=tuple(took for took, _ in trips),
        sent_at=tuple(at for _, at in trips),
        began=began,
        ended=time.monotonic(),
    )
