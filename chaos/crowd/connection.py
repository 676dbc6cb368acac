"""One WebSocket connection: websockets' Sans-I/O `ClientProtocol` inside an asyncio Protocol.

Here bytes become frames and frames become bytes, at known times. The Sans-I/O protocol queues pongs and close frames
by itself; this class decides when, and whether, their bytes are written: that is how a client goes silent or answers
late without ever breaking the framing. What messages mean is the dialect's to say; where that has a heartbeat of its
own, it is that which is answered late or never, while WebSocket's pings are answered as ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State

from chaos.crowd.endings import End, Ending, Setback, setback_of_error
from chaos.crowd.handshake import Unanswered, new_protocol, opening_bytes, setback_of_answer
from chaos.crowd.plan import ClientPlan, PutOff
from chaos.dialects import dialect_named
from chaos.dialects.base import Asked, Broken, Heard, Over, Ready, Reply, Said
from chaos.journal import Outcome

__all__ = ["Connection", "Listener", "Message"]

_PONG = 0x80 | Opcode.PONG
"""The first byte of a pong: control frames are never fragmented, and no extension sets a reserved bit."""
_CLOSE = 0x80 | Opcode.CLOSE


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, and when the bytes that completed it arrived (seconds monotonic)."""

    data: str | bytes
    at: float


class Listener(Protocol):
    """Who is told what arrives."""

    def upgraded(self, at: float) -> None:
        """The 101 came and is good."""

    def ready(self, at: float) -> None:
        """The dialect has let the client in: it may send messages."""

    def received(self, message: Message) -> None:
        """A message came."""

    def pinged(self, size: int, at: float) -> None:
        """A ping of the heartbeat came; it is answered by the connection."""

    def ponged(self, size: int, at: float) -> None:
        """A pong came."""

    def answered_late(self, size: int, at: float) -> None:
        """A pong to the heartbeat was written, after its delay."""

    def failing(self, setback: Setback) -> None:
        """The first sign of an end that the client did not ask for; `over` follows."""

    def over(self, end: End) -> None:
        """TCP is over, for good."""


class Connection(asyncio.Protocol):
    """One connection, from the upgrade request to the end of TCP. Acts on it are functions of `chaos.crowd.acts`."""

    def __init__(self, plan: ClientPlan, listener: Listener) -> None:
        self.transport: asyncio.Transport | None = None
        self.silent = False
        """Whether nothing is written any more; where the dialect has a heartbeat of its own, nothing but WebSocket's
        pongs: it is the application that hangs then."""
        self.torn = False
        """Whether what was written last has no end: anything that followed would be taken for it."""
        self.stalled = False
        """Whether nothing is read any more."""
        self.holding = False
        """Whether its part in an end is left undone: a close frame is not answered, and TCP is kept after a FIN."""
        self.eof_sent = False
        """Whether our FIN is on its way."""
        self.pong_growth = 0.0
        """Seconds by which each pong takes longer than the one before, beyond the plan's delay."""
        self.most_pong_growth = 0.0
        """Seconds to which that adds up at most."""
        self.pongs_put_off: list[PutOff] = []
        """Those whose delay has grown, in the order of their pings."""
        self.gone: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        """The end of TCP."""
        self._plan = plan
        self._listener = listener
        self._protocol = new_protocol(plan)
        self._talk = dialect_named(plan.dialect).talk(plan.namespace)
        self._inside = False
        """Whether the dialect has let us in."""
        self._answer: Unanswered | None = Unanswered()
        self._pieces: list[bytes] = []
        self._text = False
        self._pings: dict[bytes, asyncio.Future[float]] = {}
        self._failed = False
        self._ending = Ending()
        self._close_timer: asyncio.TimerHandle | None = None

    # -- what a client does ----------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether a message can be written."""
        return self._protocol.state is State.OPEN and self.writable and not self.silent and self._inside

    @property
    def writable(self) -> bool:
        return self.transport is not None and not self.transport.is_closing() and not self.eof_sent

    @property
    def compressed(self) -> bool:
        """Whether an extension was agreed on; permessage-deflate is the only one that is ever offered."""
        return bool(self._protocol.extensions)

    @property
    def close_frame_at(self) -> float | None:
        """When the server's close frame came, seconds monotonic; None while none has."""
        return self._ending.close_frame_at

    @property
    def closing(self) -> bool:
        """Whether a close frame was sent or came."""
        # After the server's FIN the protocol calls a connection closed whose TCP we keep.
        return self._protocol.state is State.CLOSING or (self.holding and self.close_frame_at is not None)

    def send(self, *texts: str) -> None:
        """Write messages, all at once."""
        self._say(*map(self.spoken, texts))

    def spoken(self, text: str) -> str:
        """The text message that carries a message of the dialect."""
        return self._talk.say(text)

    def send_in_frames(self, text: str, frames: int) -> None:
        """Write one text message, divided into so many frames where it has as many bytes."""
        data = self.spoken(text).encode()
        length = max(1, -(-len(data) // frames))
        pieces = [data[start : start + length] for start in range(0, len(data), length)] or [b""]
        for number, piece in enumerate(pieces, start=1):
            write = self._protocol.send_text if number == 1 else self._protocol.send_continuation
            write(piece, fin=number == len(pieces))
        self._flush()

    def ping(self, payload: bytes) -> asyncio.Future[float]:
        """Send a ping of our own; when its pong came, or that of a later one, seconds monotonic. Cancelled where the
        connection ends first."""
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._pings[payload] = answered
        self._protocol.send_ping(payload)
        self._flush()
        return answered

    def write_past(self, data: bytes) -> None:
        """Write whole frames past the protocol, which does not know of them. The connection is usable."""
        self._write(data)

    def write_last(self, data: bytes) -> None:
        """Write bytes past the protocol, which does not know of them, and go silent: nothing may follow them."""
        if self.usable:
            self._write(data)
        self.silent = self.torn = True

    def start_closing(self, code: int) -> None:
        """Take leave as the dialect has it, and send a close frame; the end comes within the plan's close timeout."""
        self.ending("close")
        for text in self._talk.leave():
            self._protocol.send_text(text.encode())
        self._protocol.send_close(code)
        self._flush()
        self._limit_closing()

    def ending(self, how: str) -> None:
        """The client ends the connection: from now on an end is its own. The first one to say so is the one.

        `how` is as in the Ended event; with "close" the server's part tells how it ended.
        """
        if self._failed:
            # The server's end came first, but TCP is cut by us and was not closed by the server.
            self._ending.overdue = self._ending.overdue or how != "close"
        elif not self._ending.act:
            self._ending.act = how

    # -- asyncio.Protocol ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(opening_bytes(self._protocol, self._plan))

    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        if self._answer is not None:
            self._answer.feed(data)
        self._protocol.receive_data(data)
        events = self._protocol.events_received()
        self._flush()
        if self._answer is not None and self._protocol.handshake_exc is not None:
            response = next((event for event in events if isinstance(event, Response)), None)
            self._refused(setback_of_answer(self._protocol, response, at=at))
            return
        for event in events:
            if isinstance(event, Frame):
                self._frame_received(event, at)
            else:
                self._answer = None
                self._listener.upgraded(at)
                self._take_in(self._talk.begin(), at)
            if self._ending.violation:
                return
        if self._protocol.parser_exc is not None and not self._ending.violation:
            self._violated(str(self._protocol.parser_exc), at)

    def eof_received(self) -> bool:
        """Whether TCP is kept although the server has ended its half."""
        self._ending.eof_at = at = time.monotonic()
        self._protocol.receive_eof()
        events = self._protocol.events_received()
        self._flush()
        if self._answer is not None and events:
            self._refused(setback_of_answer(self._protocol, None, at=at))
        else:
            self._fail(self._unanswered(Outcome.EOF, at=at))
        if self.holding:
            return True
        # The transport closes by itself, but waits for what is unsent, perhaps for ever.
        self._limit_closing()
        return False

    def broken(self, reason: str) -> None:
        """TLS beneath has failed: nothing that comes can be read any more."""
        self._violated(reason, time.monotonic())
        if self.transport is not None:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        at = time.monotonic()
        if self._close_timer is not None:
            self._close_timer.cancel()
        if isinstance(error, OSError):
            known = setback_of_error(error, at=at)
            outcome = Outcome.RESET if known is None else known.outcome
            self._fail(self._unanswered(outcome, at=at, detail=str(error) if known is None else known.detail))
        for unanswered in self._pings.values():
            unanswered.cancel()
        end = self._ending.end(at=at, error=error)
        self._listener.over(end)
        if not self.gone.done():
            self.gone.set_result(end)

    # -- frames ----------------------------------------------------------------------------------------------

    def _frame_received(self, frame: Frame, at: float) -> None:
        data = bytes(frame.data)
        if frame.opcode is Opcode.PING:
            if not self._talk.asks:
                self._listener.pinged(len(data), at)
        elif frame.opcode is Opcode.PONG:
            self._answered(data, at)
            self._listener.ponged(len(data), at)
        elif frame.opcode is Opcode.CLOSE:
            self._close_frame_received(at)
        else:
            if frame.opcode is not Opcode.CONT:
                self._text = frame.opcode is Opcode.TEXT
            self._pieces.append(data)
            if frame.fin:
                self._message_received(at)

    def _answered(self, payload: bytes, at: float) -> None:
        """A pong answers its ping, and those before it: a server may answer the latest alone (RFC 6455, 5.5.3)."""
        if payload not in self._pings:
            return
        for earlier in list(self._pings):
            answered = self._pings.pop(earlier)
            if not answered.done():
                answered.set_result(at)
            if earlier == payload:
                return

    def _message_received(self, at: float) -> None:
        whole = b"".join(self._pieces)
        self._pieces.clear()
        if not self._text:
            self._take_in(self._talk.hear(whole), at)
            return
        try:
            text = whole.decode()
        except UnicodeDecodeError as error:
            self._protocol.fail(1007, "invalid UTF-8")
            self._flush()
            self._violated(f"a text message is no UTF-8: {error.reason} at position {error.start}", at)
            return
        self._take_in(self._talk.hear(text), at)

    # -- the dialect -----------------------------------------------------------------------------------------

    def _take_in(self, heard: Iterable[Heard], at: float) -> None:
        for one in heard:
            match one:
                case Said(data):
                    self._listener.received(Message(data, at))
                case Ready():
                    self._inside = True
                    self._listener.ready(at)
                case Reply(text):
                    self._say(text)
                case Asked(answer):
                    self._asked(answer, at)
                case Over(reason):
                    self._dismissed(reason, at)
                case Broken(reason):
                    self._close_frame(1002)
                    self._violated(reason, at)

    def _asked(self, answer: str, at: float) -> None:
        """The dialect's heartbeat: answered as the plan says."""
        self._listener.pinged(len(answer), at)
        if not self._plan.answer_pings:
            return
        if delay := self._next_pong_delay():
            asyncio.get_running_loop().call_later(delay, self._answer_late, answer)
        else:
            self._say(answer)

    def _answer_late(self, answer: str) -> None:
        if self.usable:
            self._say(answer)
            self._listener.answered_late(len(answer), time.monotonic())

    def _dismissed(self, reason: str, at: float) -> None:
        """The server's goodbye in the dialect: a client closes the connection then."""
        if self._ending.close_frame_at is None:
            self._ending.close_frame_at, self._ending.reason = at, reason
            self._fail(Setback(outcome=Outcome.CLOSED, at=at, detail=reason))
            self._close_frame(1000)
            if not self.silent:
                self._limit_closing()

    def _say(self, *texts: str) -> None:
        if self._protocol.state is State.OPEN:
            for text in texts:
                self._protocol.send_text(text.encode())
            self._flush()

    def _close_frame(self, code: int) -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code)
            self._flush()

    def _close_frame_received(self, at: float) -> None:
        close = self._protocol.close_rcvd
        assert close is not None
        if self._ending.close_frame_at is None:
            self._ending.close_frame_at, self._ending.code, self._ending.reason = at, close.code, close.reason
        self._fail(Setback(outcome=Outcome.CLOSED, at=at, code=close.code, detail=close.reason))
        if not self.silent:
            self._limit_closing()

    # -- writing ---------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Write what the Sans-I/O protocol has queued, pongs as the plan says. Its request for a FIN is an empty
        string: the transport closes on EOF by itself."""
        chunks = self._protocol.data_to_send()
        if not chunks or self.torn or not self.writable:
            return
        if self._protocol.close_rcvd is not None and (self.holding or self._plan.close_delay):
            chunks = self._without_answer(chunks)
        if self.silent:
            # A hung application: the library beneath it answers WebSocket's pings as long as they are no heartbeat.
            chunks = [chunk for chunk in chunks if self._talk.asks and chunk and chunk[0] == _PONG]
        elif not self._talk.asks and (self._plan.pong_delay or self.pong_growth or not self._plan.answer_pings):
            pongs = [chunk for chunk in chunks if chunk and chunk[0] == _PONG]
            chunks = [chunk for chunk in chunks if not chunk or chunk[0] != _PONG]
            if pongs and self._plan.answer_pings:
                asyncio.get_running_loop().call_later(self._next_pong_delay(), self._write_late, b"".join(pongs))
        self._write(b"".join(chunks))

    def _without_answer(self, chunks: list[bytes]) -> list[bytes]:
        """What is to be written but for the answer to the server's close frame: that is written late, or never."""
        answer = b"".join(chunk for chunk in chunks if chunk and chunk[0] == _CLOSE)
        if answer and not self.holding:
            asyncio.get_running_loop().call_later(self._plan.close_delay, self._answer_close, answer)
        return [chunk for chunk in chunks if not chunk or chunk[0] != _CLOSE]

    def _answer_close(self, answer: bytes) -> None:
        if self.writable:
            self._write(answer)
            self._ending.close_answered_at = time.monotonic()

    def _next_pong_delay(self) -> float:
        delay = self._plan.pong_delay
        if self.pong_growth:
            delay += min(self.pong_growth * (len(self.pongs_put_off) + 1), self.most_pong_growth)
            self.pongs_put_off.append(PutOff(pinged_at=time.monotonic(), delay=delay))
        return delay

    def _write_late(self, pongs: bytes) -> None:
        # After a close frame nothing may follow.
        if self.usable:
            self._write(pongs)
            self._listener.answered_late(len(pongs), time.monotonic())

    def _write(self, data: bytes) -> None:
        if data and self.transport is not None:
            self.transport.write(data)

    # -- the end ---------------------------------------------------------------------------------------------

    def expire(self) -> Setback:
        """Give up on an attempt: nothing came in time. The TCP connection is closed."""
        setback = self._unanswered(Outcome.TIMEOUT, at=time.monotonic())
        self._failed = True
        self.cut()
        return setback

    def cut(self) -> None:
        """Close TCP without waiting for anything."""
        if self.transport is not None:
            self.transport.abort()

    def _refused(self, setback: Setback) -> None:
        self._fail(setback)
        if self.transport is not None:
            self.transport.close()
        self._limit_closing()

    def _violated(self, reason: str, at: float) -> None:
        self._ending.violation = reason
        self._fail(Setback(outcome=Outcome.INVALID, at=at, detail=reason))
        self._limit_closing()

    def _fail(self, setback: Setback) -> None:
        if not self._failed and not self._ending.act:
            self._failed = True
            self._listener.failing(setback)

    def _unanswered(self, outcome: Outcome, *, at: float, detail: str = "") -> Setback:
        if self._answer is not None:
            return self._answer.setback(outcome, at=at, detail=detail)
        return Setback(outcome=outcome, at=at, detail=detail)

    def _limit_closing(self) -> None:
        if self._close_timer is None and not self.holding:
            loop = asyncio.get_running_loop()
            self._close_timer = loop.call_later(self._plan.close_timeout, self._close_overdue)

    def _close_overdue(self) -> None:
        self._ending.overdue = self._ending.eof_at is None
        self.cut()
