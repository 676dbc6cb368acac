"""One member of a crowd: its attempts to connect, what it says and hears, and how it ended."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from chaos.crowd.connection import Connection, Message
from chaos.crowd.conversation import Answer, Conversation
from chaos.crowd.dial import Dial
from chaos.crowd.endings import End, Setback, setback_of_error
from chaos.crowd.exchange import Exchange
from chaos.crowd.plan import ClientPlan, ClientState
from chaos.crowd.traffic import TrafficMeter
from chaos.errors import CrowdError
from chaos.journal import Attempt, Ended, Event, Frame, Outcome

__all__ = ["Client", "Setting"]

_TEXT_LIMIT = 500
"""Characters of a message that a Frame event quotes."""


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


class Client:
    """A client by its number; it may connect again after its connection has ended."""

    def __init__(self, index: int, setting: Setting) -> None:
        self.index = index
        self.setting = setting
        self.connection: Connection | None = None
        self.stalled = False
        self.muted = False
        """Whether it makes no keep-alive exchanges."""
        self.last_end: Ended | None = None
        """How its last connection ended, if it was open."""
        self._state = ClientState.NEW
        self._conversation: Conversation | None = None
        self._first: asyncio.Future[float | Setback] | None = None
        self._upgraded: asyncio.Future[float | Setback] | None = None
        self._keep_alive: asyncio.TimerHandle | None = None

    @property
    def state(self) -> ClientState:
        if self._state is not ClientState.OPEN or self.connection is None:
            return self._state
        if self.connection.closing:
            return ClientState.CLOSING
        if self.connection.eof_sent:
            return ClientState.HALF_CLOSED
        if self.connection.silent:
            return ClientState.SILENT
        return ClientState.STALLED if self.stalled else ClientState.OPEN

    @property
    def connected(self) -> bool:
        """Whether its attempt got open and TCP is not over."""
        return self._state is ClientState.OPEN

    @property
    def usable(self) -> bool:
        """Whether it is open and able to send messages."""
        return self.connected and self.connection is not None and self.connection.usable

    async def gone(self) -> None:
        """Wait for the end of TCP."""
        if self.connection is not None:
            await asyncio.shield(self.connection.gone)

    # -- connecting ------------------------------------------------------------------------------------------

    def claim(self) -> None:
        """An attempt is about to be made: nobody else may make one."""
        self._state = ClientState.CONNECTING
        self.connection = None
        self.stalled = False

    def release(self) -> None:
        """No attempt is made any more, whether one was or not."""
        if self._state is ClientState.CONNECTING:
            self._state = ClientState.CLOSED

    async def attempt(self, dial: Dial) -> Attempt:
        """Carry an attempt that has begun to its end, whatever it is, and record it."""
        progress = Attempt(
            at=dial.began,
            crowd=self.setting.crowd,
            client=self.index,
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
        self.setting.record(attempt)
        if attempt.outcome is Outcome.OPEN:
            self._opened()
        else:
            self._state = ClientState.CLOSED
        return attempt

    async def _attempt(self, dial: Dial, progress: Attempt) -> Attempt:
        plan, began = self.setting.plan, dial.began
        reached = await self._establish(dial)
        if isinstance(reached, Setback):
            return _failed(progress, reached)
        progress = replace(progress, phase="handshake", tcp=reached - began)

        loop = asyncio.get_running_loop()
        self._upgraded, self._first = loop.create_future(), loop.create_future()
        self._conversation = self._new_conversation()
        self.connection = connection = Connection(plan, self)
        await loop.create_connection(lambda: connection, sock=dial.socket)
        reached = await self._reach(self._upgraded, until=reached + plan.timeouts.handshake)
        if isinstance(reached, Setback):
            return _failed(progress, reached)
        progress = replace(progress, handshake=reached - began, status=101)
        if not plan.first_message:
            return replace(progress, at=reached)

        progress = replace(progress, phase="first_message")
        reached = await self._reach(self._first, until=reached + plan.timeouts.first_message)
        if isinstance(reached, Setback):
            return _failed(progress, reached)
        return replace(progress, at=reached, first_message=reached - began)

    async def _establish(self, dial: Dial) -> float | Setback:
        try:
            async with asyncio.timeout_at(dial.began + self.setting.plan.timeouts.tcp):
                return await dial.established()
        except OSError as error:  # a TimeoutError is one
            dial.close()
            at = time.monotonic()
            if isinstance(error, TimeoutError):
                return Setback(outcome=Outcome.TIMEOUT, at=at)
            setback = setback_of_error(error, at=at)
            if setback is None:
                raise CrowdError(f"client {self.index} cannot connect: {error}") from error
            return setback

    async def _reach(self, goal: asyncio.Future[float | Setback], *, until: float) -> float | Setback:
        assert self.connection is not None
        try:
            async with asyncio.timeout_at(until):
                return await goal
        except TimeoutError:
            return self.connection.expire()

    def _new_conversation(self) -> Conversation | None:
        setting = self.setting
        if setting.exchange is None:
            return None
        return Conversation(
            setting.exchange,
            numbers=setting.numbers,
            timeout=setting.plan.answer_timeout,
            meter=setting.meter,
            # A traced client has written it down when it came.
            anomaly=_nothing if setting.plan.trace else self._record_message,
        )

    def _opened(self) -> None:
        if self.connection is None or self.connection.gone.done():
            # It ended between the awaited message and this turn of the loop: `ended` has come and gone.
            self._state = ClientState.CLOSED
            if self.connection is not None:
                self._record_end(self.connection.gone.result())
            return
        self._state = ClientState.OPEN
        period = self.setting.plan.keep_alive
        if period is not None:
            # Spread over the period, or a crowd that connects at once would speak at once for ever.
            share = (self.index % self.setting.size + 1) / self.setting.size
            self._schedule_keep_alive(period * share)

    def _abandon(self, dial: Dial) -> None:
        """An attempt was cut short by us: nothing of it stays behind."""
        if self.connection is not None and self.connection.transport is not None:
            self.connection.transport.abort()
        else:
            dial.close()

    # -- what it says ----------------------------------------------------------------------------------------

    def ask(self) -> asyncio.Future[Answer]:
        """Begin an exchange. The client is `usable`, and its plan has an exchange."""
        assert self.connection is not None
        assert self._conversation is not None
        return self._conversation.ask(self.connection.send)

    def say(self, text: str) -> None:
        """Send a message of which no answer is awaited. The client is `usable`."""
        assert self.connection is not None
        self.connection.send(text)
        self.setting.meter.sent += 1

    def _schedule_keep_alive(self, delay: float) -> None:
        self._keep_alive = asyncio.get_running_loop().call_later(delay, self._keep_alive_due)

    def _keep_alive_due(self) -> None:
        period = self.setting.plan.keep_alive
        if not self.connected or period is None:
            return
        if self.usable and not self.muted:
            self.ask()
        self._schedule_keep_alive(period)

    # -- what it hears (Listener) ----------------------------------------------------------------------------

    def upgraded(self, at: float) -> None:
        _settle(self._upgraded, at)
        plan = self.setting.plan
        # A close frame may have come in the same segment as the 101.
        if plan.first_message and plan.greeting is None and self.connection is not None and self.connection.usable:
            # In the turn in which the 101 came: a busy loop would add its lateness to the first message.
            self.ask()

    def received(self, message: Message) -> None:
        self.setting.meter.received += 1
        greeting = self.setting.greeting
        awaited = self._first is not None and not self._first.done()
        if awaited and greeting is not None:
            asked = isinstance(message.data, str) and greeting.search(message.data) is not None
        else:
            asked = self._conversation is not None and self._conversation.hear(message)
        if asked:
            _settle(self._first, message.at)
        elif self.setting.plan.trace:
            self._record_message(message)

    def pinged(self, size: int, at: float) -> None:
        self.setting.meter.pings += 1
        self._trace("ping", size, at)

    def ponged(self, size: int, at: float) -> None:
        self._trace("pong", size, at)

    def failing(self, setback: Setback) -> None:
        _settle(self._upgraded, setback)
        _settle(self._first, setback)

    def over(self, end: End) -> None:
        if self._conversation is not None:
            self._conversation.end(end.at)
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        if self._state is ClientState.OPEN:
            self._record_end(end)

    # -- what is written down --------------------------------------------------------------------------------

    def _record_end(self, end: End) -> None:
        self._state = ClientState.CLOSED
        self.last_end = Ended(
            at=end.at,
            crowd=self.setting.crowd,
            client=self.index,
            by=end.by,
            how=end.how,
            code=end.code,
            reason=end.reason,
            tcp_closed_after=end.tcp_closed_after,
        )
        self.setting.record(self.last_end)

    def _record_message(self, message: Message) -> None:
        data = message.data
        self.setting.record(
            Frame(
                at=message.at,
                crowd=self.setting.crowd,
                client=self.index,
                opcode="text" if isinstance(data, str) else "binary",
                size=len(data.encode() if isinstance(data, str) else data),
                text=data[:_TEXT_LIMIT] if isinstance(data, str) else "",
            )
        )

    def _trace(self, opcode: str, size: int, at: float) -> None:
        if self.setting.plan.trace:
            self.setting.record(Frame(at=at, crowd=self.setting.crowd, client=self.index, opcode=opcode, size=size))


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


def _settle(future: asyncio.Future[float | Setback] | None, value: float | Setback) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def _nothing(message: Message) -> None:
    """An anomaly that is in the journal already."""
