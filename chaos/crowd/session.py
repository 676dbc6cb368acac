"""One attempt to connect and, if it gets open, the connection that follows: what it says, hears and records."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from chaos.crowd.connection import Connection, Message
from chaos.crowd.conversation import Answer, Conversation
from chaos.crowd.dial import Dial
from chaos.crowd.endings import End, Setback, setback_of_error
from chaos.crowd.exchange import Exchange
from chaos.crowd.ledger import Ledger, Notation
from chaos.crowd.plan import ClientPlan
from chaos.crowd.tls import TlsTransport
from chaos.crowd.traffic import TrafficMeter
from chaos.errors import CrowdError
from chaos.journal import QUOTED, Attempt, Ended, Event, Frame, Outcome

__all__ = ["Session", "Setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all clients of one crowd share."""

    crowd: str
    size: int
    plan: ClientPlan
    record: Callable[[Event], None]
    meter: TrafficMeter
    numbers: Iterator[int]
    """Numbers of exchanges, new for each one in this process."""
    exchange: Exchange | None
    greeting: re.Pattern[str] | None
    notation: Notation | None
    """How messages are numbered of which books are kept."""
    noted: re.Pattern[str] | None
    """Messages that are written down also where the client is not traced."""
    context: ssl.SSLContext | None
    """What the certificates of a server that speaks TLS are verified by."""
    connections: set[Connection] = field(default_factory=set)
    """Those whose TCP is not over, also those of attempts that failed."""


class Session:
    """An attempt of one client. It is the listener of its own connection only: what comes late from an earlier one,
    which the server had turned away, is not taken for its own."""

    def __init__(self, client: int, setting: Setting, *, ledger: Ledger | None = None) -> None:
        self.connection: Connection | None = None
        self.open = False
        """Whether the attempt got open and TCP is not over."""
        self.ended: Ended | None = None
        """How it ended, if it was open."""
        self._client = client
        self._setting = setting
        self._ledger = ledger
        self._conversation = None if setting.exchange is None else self._new_conversation(setting.exchange)
        loop = asyncio.get_running_loop()
        self._secured: asyncio.Future[float | Setback] = loop.create_future()
        self._upgraded: asyncio.Future[float | Setback] = loop.create_future()
        self._ready: asyncio.Future[float | Setback] = loop.create_future()
        self._first: asyncio.Future[float | Setback] = loop.create_future()

    @property
    def usable(self) -> bool:
        """Whether it is open and able to send messages."""
        return self.open and self.connection is not None and self.connection.usable

    # -- the attempt -----------------------------------------------------------------------------------------

    async def attempt(self, dial: Dial) -> Attempt:
        """Carry an attempt that has begun to its end, whatever it is, and record it."""
        progress = Attempt(
            at=dial.began,
            crowd=self._setting.crowd,
            client=self._client,
            outcome=Outcome.OPEN,
            phase="tcp",
            began=dial.began,
            local_port=dial.local_port(),
        )
        try:
            attempt = await self._attempt(dial, progress)
        except BaseException:
            self._abandon(dial)
            raise
        self._setting.record(attempt)
        if attempt.outcome is Outcome.OPEN:
            self._opened()
        return attempt

    async def _attempt(self, dial: Dial, progress: Attempt) -> Attempt:
        plan, began = self._setting.plan, dial.began
        if self._ledger is not None:
            plan = replace(plan, path=self._ledger.path(plan.path))
        reached = await self._establish(dial)
        if isinstance(reached, Setback):
            return _failed(progress, reached)
        progress = replace(progress, tcp=reached - began)

        self.connection = connection = Connection(plan, self)
        await asyncio.get_running_loop().create_connection(lambda: self._over_tls(connection), sock=dial.socket)
        if not connection.gone.done():
            self._setting.connections.add(connection)
        if plan.timeouts.tls is not None:
            progress = replace(progress, phase="tls")
            reached = await self._reach(connection, self._secured, until=reached + plan.timeouts.tls)
            if isinstance(reached, Setback):
                return _failed(progress, reached)
            progress = replace(progress, tls=reached - began)

        progress = replace(progress, phase="handshake")
        until = reached + plan.timeouts.handshake
        reached = await self._reach(connection, self._upgraded, until=until)
        if isinstance(reached, Setback):
            return _failed(progress, reached)
        progress = replace(
            progress, phase="joining", status=101, handshake=reached - began, compressed=connection.compressed
        )
        reached = await self._reach(connection, self._ready, until=until)
        if isinstance(reached, Setback):
            return _failed(progress, reached)
        progress = replace(progress, phase="handshake", handshake=reached - began)
        if not plan.first_message:
            return replace(progress, at=reached)

        progress = replace(progress, phase="first_message")
        reached = await self._reach(connection, self._first, until=reached + plan.timeouts.first_message)
        if isinstance(reached, Setback):
            return _failed(progress, reached)
        return replace(progress, at=reached, first_message=reached - began)

    async def _establish(self, dial: Dial) -> float | Setback:
        try:
            async with asyncio.timeout_at(dial.began + self._setting.plan.timeouts.tcp):
                return await dial.established()
        except OSError as error:  # a TimeoutError is one
            dial.close()
            at = time.monotonic()
            if isinstance(error, TimeoutError):
                return Setback(outcome=Outcome.TIMEOUT, at=at)
            setback = setback_of_error(error, at=at)
            if setback is None:
                raise CrowdError(f"client {self._client} cannot connect: {error}") from error
            return setback

    def _over_tls(self, connection: Connection) -> asyncio.Protocol:
        """What TCP is handed to: the connection itself, or TLS beneath it."""
        tls, context = self._setting.plan.tls, self._setting.context
        if tls is None or context is None:
            return connection
        return TlsTransport(
            connection, context, server_name=tls.server_name, secured=lambda at: _settle(self._secured, at)
        )

    async def _reach(
        self, connection: Connection, goal: asyncio.Future[float | Setback], *, until: float
    ) -> float | Setback:
        try:
            async with asyncio.timeout_at(until):
                return await goal
        except TimeoutError:
            return connection.expire()

    def _opened(self) -> None:
        self.open = True
        if self.connection is not None and self.connection.gone.done():
            # It ended between the awaited message and this turn of the loop: `over` has come and gone.
            self._record_end(self.connection.gone.result())

    def _abandon(self, dial: Dial) -> None:
        """The attempt was cut short by us: nothing of it stays behind."""
        if self.connection is not None and self.connection.transport is not None:
            self.connection.cut()
        else:
            dial.close()

    # -- what it says ----------------------------------------------------------------------------------------

    def ask(self) -> asyncio.Future[Answer]:
        """Begin an exchange. The connection is usable, and the plan has an exchange."""
        assert self.connection is not None
        assert self._conversation is not None
        return self._conversation.ask(self.connection.send)

    def say(self, *texts: str) -> None:
        """Send messages of which no answer is awaited. The connection is usable."""
        assert self.connection is not None
        self.connection.send(*texts)
        self._setting.meter.sent += len(texts)

    def say_numbered(self, text: str, *, frames: int) -> None:
        """Send a message whose answer the ledger looks out for. The connection is usable."""
        assert self.connection is not None
        self.connection.send_in_frames(text, frames)
        self._setting.meter.sent += 1

    def _new_conversation(self, exchange: Exchange) -> Conversation:
        plan = self._setting.plan
        return Conversation(
            exchange,
            numbers=self._setting.numbers,
            timeout=plan.answer_timeout,
            meter=self._setting.meter,
            # A traced client has written it down when it came.
            anomaly=_nothing if plan.trace else self._record_message,
        )

    # -- what it hears (Listener) ----------------------------------------------------------------------------

    def upgraded(self, at: float) -> None:
        _settle(self._upgraded, at)

    def ready(self, at: float) -> None:
        _settle(self._ready, at)
        plan, connection = self._setting.plan, self.connection
        # A close frame may have come in the same segment as the 101.
        if plan.first_message and plan.greeting is None and connection is not None and connection.usable:
            # In the turn in which it was let in: a busy loop would add its lateness to the first message.
            self.ask()

    def received(self, message: Message) -> None:
        self._setting.meter.received += 1
        if self._ledger is not None and self._ledger.hear(message):
            return
        greeting = self._setting.greeting
        if greeting is not None and not self._first.done():
            asked = isinstance(message.data, str) and greeting.search(message.data) is not None
        else:
            asked = self._conversation is not None and self._conversation.hear(message)
        if asked:
            _settle(self._first, message.at)
            return
        if self._ledger is not None:
            self._ledger.strange(message)
        if self._setting.plan.trace or self._is_noted(message):
            self._record_message(message)

    def _is_noted(self, message: Message) -> bool:
        noted = self._setting.noted
        return noted is not None and isinstance(message.data, str) and noted.search(message.data) is not None

    def pinged(self, size: int, at: float) -> None:
        self._setting.meter.pings += 1
        self._trace("ping", size, at)

    def ponged(self, size: int, at: float) -> None:
        self._trace("pong", size, at)

    def answered_late(self, size: int, at: float) -> None:
        self._trace("late pong", size, at)

    def failing(self, setback: Setback) -> None:
        _settle(self._secured, setback)
        _settle(self._upgraded, setback)
        _settle(self._ready, setback)
        _settle(self._first, setback)

    def over(self, end: End) -> None:
        if self.connection is not None:
            self._setting.connections.discard(self.connection)
        if self._conversation is not None:
            self._conversation.end(end.at)
        if self.open:
            self._record_end(end)

    # -- what is written down --------------------------------------------------------------------------------

    def _record_end(self, end: End) -> None:
        self.open = False
        if self._ledger is not None:
            self._ledger.over(end.at)
        self.ended = Ended(
            at=end.at,
            crowd=self._setting.crowd,
            client=self._client,
            by=end.by,
            how=end.how,
            code=end.code,
            reason=end.reason,
            tcp_closed_after=end.tcp_closed_after,
            close_frame_at=end.close_frame_at,
            close_answered_after=end.close_answered_after,
        )
        self._setting.record(self.ended)

    def _record_message(self, message: Message) -> None:
        data = message.data
        self._setting.record(
            Frame(
                at=message.at,
                crowd=self._setting.crowd,
                client=self._client,
                opcode="text" if isinstance(data, str) else "binary",
                size=len(data.encode() if isinstance(data, str) else data),
                text=data[:QUOTED] if isinstance(data, str) else "",
            )
        )

    def _trace(self, opcode: str, size: int, at: float) -> None:
        if self._setting.plan.trace:
            self._setting.record(Frame(at=at, crowd=self._setting.crowd, client=self._client, opcode=opcode, size=size))


def _failed(progress: Attempt, setback: Setback) -> Attempt:
    return replace(
        progress,
        at=setback.at,
        outcome=setback.outcome,
        status=setback.status if setback.status is not None else progress.status,
        retry_after=setback.retry_after,
        code=setback.code,
        detail=setback.detail,
    )


def _settle(future: asyncio.Future[float | Setback], value: float | Setback) -> None:
    if not future.done():
        future.set_result(value)


def _nothing(message: Message) -> None:
    """An anomaly that is in the journal already."""
