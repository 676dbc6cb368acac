"""One member of a crowd: a number that connects, keeps itself alive, and may connect again after its end."""

from __future__ import annotations

import asyncio

from chaos.crowd.connection import Connection
from chaos.crowd.conversation import Answer
from chaos.crowd.dial import Dial
from chaos.crowd.ledger import Ledger
from chaos.crowd.plan import ClientState
from chaos.crowd.session import Session, Setting
from chaos.journal import Attempt, Ended, Outcome

__all__ = ["Client"]


class Client:
    """A client by its number. It has one session at a time; an earlier one has no part in it any more."""

    def __init__(self, index: int, setting: Setting) -> None:
        self.index = index
        self.setting = setting
        self.muted = False
        """Whether it makes no keep-alive exchanges."""
        self._session: Session | None = None
        self._idle = ClientState.NEW
        """Its state while it is not connected."""
        self._keep_alive: asyncio.TimerHandle | None = None
        self.ledger = None if setting.notation is None else _new_ledger(index, setting)
        """The books of its numbered messages, if it keeps any."""
        self._talking: asyncio.TimerHandle | None = None

    @property
    def state(self) -> ClientState:
        connection = self.connection
        if not self.connected or connection is None:
            return self._idle
        if connection.closing:
            return ClientState.CLOSING
        if connection.eof_sent:
            return ClientState.HALF_CLOSED
        if connection.silent:
            return ClientState.SILENT
        return ClientState.STALLED if connection.stalled else ClientState.OPEN

    @property
    def connected(self) -> bool:
        """Whether its attempt got open and TCP is not over."""
        return self._session is not None and self._session.open

    @property
    def usable(self) -> bool:
        """Whether it is open and able to send messages."""
        return self._session is not None and self._session.usable

    @property
    def connection(self) -> Connection | None:
        """The connection of its session; None before TCP is established."""
        return None if self._session is None else self._session.connection

    @property
    def last_end(self) -> Ended | None:
        """How its session ended, if that was ever open."""
        return None if self._session is None else self._session.ended

    # -- connecting ------------------------------------------------------------------------------------------

    def claim(self) -> None:
        """An attempt is about to be made: nobody else may make one."""
        self._session = None
        self._idle = ClientState.CONNECTING
        if self._keep_alive is not None:
            self._keep_alive.cancel()

    def release(self) -> None:
        """No attempt is made any more, whether one was or not."""
        self._idle = ClientState.CLOSED

    async def attempt(self, dial: Dial) -> Attempt:
        """Carry an attempt that has begun to its end, whatever it is."""
        self._session = session = Session(self.index, self.setting, ledger=self.ledger)
        try:
            attempt = await session.attempt(dial)
        finally:
            self.release()
        if session.usable and self.ledger is not None:
            for text in self.ledger.to_send_again():
                self._say_numbered(session, text)
        period = self.setting.plan.keep_alive
        if attempt.outcome is Outcome.OPEN and period is not None:
            # Spread over the period, or a crowd that connects at once would speak at once for ever.
            share = (self.index % self.setting.size + 1) / self.setting.size
            self._schedule_keep_alive(session, period * share)
        return attempt

    async def gone(self) -> None:
        """Wait for the end of TCP."""
        if self.connection is not None:
            await asyncio.shield(self.connection.gone)

    # -- talking ---------------------------------------------------------------------------------------------

    def ask(self) -> asyncio.Future[Answer]:
        """Begin an exchange. The client is `usable`, and its plan has an exchange."""
        assert self._session is not None
        return self._session.ask()

    def say(self, *texts: str) -> None:
        """Send messages of which no answer is awaited. The client is `usable`."""
        assert self._session is not None
        self._session.say(*texts)

    def say_numbered(self, count: int) -> None:
        """Send so many numbered messages at once. The client is `usable`."""
        session = self._session
        assert session is not None
        assert self.ledger is not None
        for _ in range(count):
            self._say_numbered(session, self.ledger.next(asyncio.get_running_loop().time()))

    def begin_numbered(self) -> None:
        """Send numbered messages, as the plan paces them, from now on and on every connection."""
        numbered = self.setting.plan.numbered
        assert numbered is not None
        if self._talking is None:
            # Spread over the period, as the keep-alive is.
            share = (self.index % self.setting.size + 1) / self.setting.size
            self._talking = asyncio.get_running_loop().call_later(numbered.every * share, self._numbered_due)

    def end_numbered(self) -> None:
        """Send no more of them."""
        if self._talking is not None:
            self._talking.cancel()
            self._talking = None

    def _numbered_due(self) -> None:
        numbered, session = self.setting.plan.numbered, self._session
        assert numbered is not None
        loop = asyncio.get_running_loop()
        if session is not None and session.usable and self.ledger is not None:
            for _ in range(numbered.together):
                self._say_numbered(session, self.ledger.next(loop.time()))
        self._talking = loop.call_later(numbered.every, self._numbered_due)

    def _say_numbered(self, session: Session, text: str) -> None:
        numbered = self.setting.plan.numbered
        assert numbered is not None
        session.say_numbered(text, frames=numbered.frames)

    def _schedule_keep_alive(self, session: Session, delay: float) -> None:
        self._keep_alive = asyncio.get_running_loop().call_later(delay, self._keep_alive_due, session)

    def _keep_alive_due(self, session: Session) -> None:
        period = self.setting.plan.keep_alive
        if not session.open or period is None:
            return
        if session.usable and not self.muted:
            session.ask()
        self._schedule_keep_alive(session, period)


def _new_ledger(index: int, setting: Setting) -> Ledger:
    assert setting.notation is not None
    return Ledger(
        setting.notation,
        crowd=setting.crowd,
        client=index,
        numbers=setting.numbers,
        meter=setting.meter,
        record=setting.record,
    )
