"""The exchanges of one client: which are open, which answer belongs to which, which were never answered.

A message that fits no open exchange is not wrong by itself: a server may send notices and broadcasts at any time. An
exchange is *wrong* when its time is up, its answer did not come, and something else did; *missing* when nothing did, or
when its connection ended before its time was up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from chaos.crowd.connection import Message
from chaos.crowd.exchange import Exchange
from chaos.crowd.traffic import TrafficMeter

__all__ = ["Answer", "Conversation", "Result"]

_REMEMBERED = 16
"""Exchanges given up whose late answer is still recognised, so that it is not taken for a wrong answer to the next."""


class Result(StrEnum):
    """How an exchange ended."""

    ANSWERED = "answered"
    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one exchange."""

    result: Result
    at: float
    round_trip: float
    """Seconds from the message to its answer, or to the end of waiting."""


@dataclass(slots=True)
class _Pending:
    number: int
    sent_at: float
    done: asyncio.Future[Answer]
    timer: asyncio.TimerHandle
    stray: Message | None = None


class Conversation:
    """The exchanges of one connection."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        numbers: Iterator[int],
        timeout: float,
        meter: TrafficMeter,
        anomaly: Callable[[Message], None],
    ) -> None:
        self._exchange = exchange
        self._numbers = numbers
        self._timeout = timeout
        self._meter = meter
        self._anomaly = anomaly
        self._pending: dict[int, _Pending] = {}
        self._given_up: deque[int] = deque(maxlen=_REMEMBERED)

    def ask(self, send: Callable[[str], None]) -> asyncio.Future[Answer]:
        """Begin an exchange by writing its message with `send`; the future ends in time, whatever happens."""
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        sent_at = loop.time()
        send(self._exchange.message(number))
        self._meter.sent += 1
        timer = loop.call_later(self._timeout, self._give_up, number)
        pending = _Pending(number, sent_at, loop.create_future(), timer)
        self._pending[number] = pending
        return pending.done

    def hear(self, message: Message) -> bool:
        """Whether the message answers an exchange, open or given up; an open one is thereby answered."""
        if isinstance(message.data, str):
            for pending in self._pending.values():
                if self._exchange.answered_by(message.data, pending.number):
                    self._meter.answered += 1
                    self._meter.round_trips.add(message.at - pending.sent_at)
                    self._finish(pending, Result.ANSWERED, at=message.at)
                    return True
            for number in self._given_up:
                if self._exchange.answered_by(message.data, number):
                    self._given_up.remove(number)
                    return True
        for pending in self._pending.values():
            if pending.stray is None:
                pending.stray = message
        return False

    def end(self, at: float) -> None:
        """The connection ended: what is open stays without its answer, whatever came meanwhile."""
        for pending in list(self._pending.values()):
            self._finish(pending, Result.MISSING, at=at)

    def _give_up(self, number: int) -> None:
        self._given_up.append(number)
        pending, at = self._pending[number], asyncio.get_running_loop().time()
        if pending.stray is None:
            self._meter.missing += 1
            self._finish(pending, Result.MISSING, at=at)
            return
        if not self._meter.wrong:
            self._anomaly(pending.stray)
        self._meter.wrong += 1
        self._finish(pending, Result.WRONG, at=at)

    def _finish(self, pending: _Pending, result: Result, *, at: float) -> None:
        del self._pending[pending.number]
        pending.timer.cancel()
        if not pending.done.done():
            pending.done.set_result(Answer(result=result, at=at, round_trip=at - pending.sent_at))
