"""One hostile client: it sends what its case says, and waits for what comes of it.

Apart from its case it is a good one: it answers pings, the dialect's among them, or the server's heartbeat would end
what the server has to, and it answers a close frame, so that nobody waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import re
import socket
import struct
import termios
import time
import zlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from chaos.address import Address
from chaos.dialects import dialect_named
from chaos.dialects.base import Asked, Broken, Heard, Over, Ready, Reply, Said
from chaos.hostile.answers import Reaction
from chaos.hostile.case import Case, Grounds
from chaos.hostile.channel import Channel, channel_on
from chaos.hostile.frames import Opcode, frame
from chaos.hostile.reading import Received, Stream, is_data
from chaos.target import Tls

__all__ = ["Exchange", "Outcome", "Peer"]

_PIECES_AT_ONCE = 1000
"""Pieces written in one go: a flood is a flood, and pongs come between."""
_LOOK = 0.005
"""Seconds between two looks at what the server's kernel has acknowledged; on loopback the first look finds all."""

_SIOCOUTQNSD = 0x894B
"""Asks for the bytes that have not left yet (linux/sockios.h); TIOCOUTQ, alias SIOCOUTQ, for all that are here."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message that the endpoint answers, as a text message carries it, and how its answer is known."""

    send: bytes
    expect: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a case. Times are seconds since its clock began: see HostileAnswer.took."""

    reaction: Reaction
    took: float
    code: int | None = None
    status: int | None = None
    released_after: float | None = None
    detail: str = ""


class Peer:
    """One connection of one case."""

    def __init__(
        self,
        case: Case,
        address: Address,
        grounds: Grounds,
        exchanges: tuple[Exchange, Exchange],
        *,
        tls: Tls | None = None,
    ) -> None:
        """The first of the two exchanges is the one that the case itself may send; the second asks whether it is
        served. Builds what is sent, which nobody has to wait for later."""
        self.case = case
        self._pieces = case.send(grounds)
        self.ready = asyncio.Event()
        """Set once it is connected, and upgraded where its case comes after that; or will never be."""
        self.delivered = asyncio.Event()
        """Set once it is known whether all of it gets there."""
        self.acknowledged = False
        """Whether the server's kernel has all of it, or an answer or the end has made the rest needless."""
        self.held_back = False
        """Whether it has what it has room for: the server reads no further."""
        self._address = address
        self._grounds = grounds
        self._own, self._last = exchanges
        self._tls = None if case.beneath_tls else tls
        self._channel: Channel | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stream = Stream()
        self._talk = dialect_named(grounds.dialect).talk(grounds.namespace)
        self._inside = asyncio.Event()
        """Set once the dialect has let it in."""
        self._reply = b""
        """What a case that does not greet first leaves for later, as a frame."""
        self._greeted = asyncio.Event()
        """Set once that is known."""
        self._parts: list[Received] = []
        """Of a message that is not complete."""
        self._inflating = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        """With permessage-deflate (RFC 7692) a message may refer to those before it."""
        self._frames: asyncio.Queue[Received | Over | Broken | None] = asyncio.Queue()
        self._writing = asyncio.Lock()
        self._pongs: deque[bytes] = deque()
        self._head = asyncio.Event()
        self._head_at = 0.0
        self._refused = asyncio.Event()
        """An HTTP answer other than 101, or a close frame: whoever got one need not have taken the rest."""
        self._ended = asyncio.Event()
        self._ended_at = 0.0
        self._began = 0.0
        self.local: tuple[str, int] | None = None
        """Its end of the connection, once there is one: by this the server's kernel knows it."""

    async def converse(self, go: asyncio.Event, *, within: float) -> Outcome | None:
        """Connect, send when told to, and wait at most `within` seconds for the delivery, and so long for the answer.

        None where it was not delivered, and not for the server's sake: then there is nothing that it could answer.
        Raises OSError where it cannot connect, TimeoutError where nobody answers a flawless handshake before the case.
        """
        try:
            async with self._connected(within) as channel:
                if self.case.after_upgrade:
                    await self._begin(channel, within)
                    await self._upgrade(within)
                self.ready.set()
                await go.wait()
                if not self.case.after_upgrade:
                    # No sooner: the time that a server leaves a request begins once hands are shaken, and would pass
                    # while the others shake theirs.
                    await self._begin(channel, within)
                return await self._converse(within)
        finally:
            self.ready.set()
            self.delivered.set()

    @contextlib.asynccontextmanager
    async def _connected(self, within: float) -> AsyncIterator[Channel]:
        family = socket.AF_INET6 if ":" in self._address.host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setblocking(False)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(within):
                await asyncio.get_running_loop().sock_connect(made, (self._address.host, self._address.port))
            self.local = made.getsockname()[:2]
            yield channel_on(made, self._tls)
        finally:
            if self._reading is not None:
                self._reading.cancel()
                await asyncio.gather(self._reading, return_exceptions=True)
            if self._channel is not None and _unacknowledged(made):
                _linger_zero(made)  # a FIN would wait behind what the server does not read, and never come
            made.close()

    async def _begin(self, channel: Channel, within: float) -> None:
        """TLS, where it is spoken, and hear from then on. Raises TimeoutError, and OSError but for the one whose
        slowness is its case: it is ended for that, and a crowd that shakes hands may be too slow before it has begun.
        """
        try:
            async with asyncio.timeout(within):
                await channel.begin()
        except TimeoutError:
            raise
        except OSError:
            if not self.case.drips:
                raise
            self._note_end()
        self._channel = channel
        self._reading = asyncio.create_task(self._read(channel), name=f"hostile reader {self.case.name}")

    async def _converse(self, within: float) -> Outcome | None:
        if self.case.offers is not None and self.case.offers not in self._stream.extensions:
            self.acknowledged = True  # there is nothing to deliver
            return Outcome(reaction=Reaction.UNAGREED, took=0.0, detail=f"{self.case.offers} was not agreed on")
        self._began = time.monotonic()
        sending = asyncio.create_task(self._send(within), name=f"hostile writer {self.case.name}")
        try:
            outcome = await self._outcome(sending, within)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        if not sending.cancelled():
            sending.result()  # what it has died of is a bug of ours, and no answer of the server's
        return outcome

    async def _outcome(self, sending: asyncio.Task[None], within: float) -> Outcome | None:
        if self.case.resets:
            await self._delivery(sending, within)
            return self._reset()
        if not self.case.drips:
            if not await self._delivery(sending, within):
                took = self._since(time.monotonic())
                nothing = Outcome(reaction=Reaction.NOTHING, took=took, detail="the server reads no further")
                return nothing if self.held_back else None
            self._began = self._began if self._ended.is_set() else time.monotonic()
        try:
            async with asyncio.timeout(within):
                outcome = await self._answer()
        except TimeoutError:
            took = self._since(time.monotonic())
            if self._stream.status == 101 and not self.case.after_upgrade and not self.case.allowed.served:
                # It was taken for a good one, and not ended for what it is either.
                return Outcome(reaction=Reaction.HTTP, took=self._since(self._head_at), status=101)
            taken = await self._serves_on(within)
            return Outcome(reaction=Reaction.SERVED if taken else Reaction.NOTHING, took=took)
        parted = outcome.reaction in (Reaction.CLOSED, Reaction.DISMISSED)
        return await self._released(outcome, within) if parted else outcome

    async def _upgrade(self, within: float) -> None:
        request = self._grounds.request
        if self.case.offers is not None:
            request = replace(request, headers=(*request.headers, ("Sec-WebSocket-Extensions", self.case.offers)))
        await self._write(request.encode())
        async with asyncio.timeout(within):
            await self._head.wait()
        if self._stream.status != 101:
            raise OSError(f"a flawless handshake was answered with {self._stream.status or 'the end of TCP'}")
        if self.case.joins:
            await self._join(within)

    async def _join(self, within: float) -> None:
        """Wait until the dialect has let it in. Raises OSError where it is turned away, TimeoutError."""
        inside, ended = (asyncio.create_task(event.wait()) for event in (self._inside, self._ended))
        try:
            async with asyncio.timeout(within):
                await asyncio.wait({inside, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (inside, ended):
                task.cancel()
            await asyncio.gather(inside, ended, return_exceptions=True)
        if not self._inside.is_set():
            raise OSError("a flawless handshake was followed by the end, before the dialect had let anybody in")

    # -- sending ----------------------------------------------------------------------------------------------

    async def _send(self, within: float) -> None:
        """Write all of it, and wait for the server's kernel to have it."""
        pieces = self._pieces
        try:
            if self.case.at_once:
                for start in range(0, len(pieces), _PIECES_AT_ONCE):
                    await self._write(b"".join(pieces[start : start + _PIECES_AT_ONCE]))
            else:
                # Who drips has pieces for longer than anybody waits for an end.
                lasts = 2 * within if self.case.drips else self.case.spread
                for number, piece in enumerate(pieces):
                    if number:
                        await asyncio.sleep(lasts / (len(pieces) - 1))
                    await self._write(piece)
                    if self.case.drips:
                        await self._acknowledge()
            await self._acknowledge()
        except OSError:
            await self._ended.wait()  # the reader knows how
            self.acknowledged = True
            self.delivered.set()

    async def _write(self, data: bytes = b"") -> None:
        """Write, and after it the pongs that have become due."""
        assert self._channel is not None
        async with self._writing:
            await self._channel.send(data)
            while self._pongs:
                await self._channel.send(self._pongs.popleft())

    async def _acknowledge(self) -> None:
        assert self._channel is not None
        while not self._ended.is_set() and _unacknowledged(self._channel.connection):  # noqa: ASYNC110  # the kernel tells nobody
            await asyncio.sleep(_LOOK)
        self.acknowledged = True
        self.delivered.set()

    async def _delivery(self, sending: asyncio.Task[None], within: float) -> bool:
        """Wait at most `within` seconds for all to be acknowledged, or for an answer or an end that comes first; and at
        most as long again until it is seen that the server reads no further.

        Returns whether one of the first three came. Raises what the sending has died of.
        """
        sooner = [asyncio.create_task(event.wait()) for event in (self._ended, self._refused)]
        try:
            await asyncio.wait({sending, *sooner}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in sooner:
                task.cancel()
            await asyncio.gather(*sooner, return_exceptions=True)
        if sending.done():
            sending.result()
        assert self._channel is not None
        # What one look finds on its way may be about to be acknowledged, or about to find no room.
        ends = time.monotonic() + within
        while not self._needs_no_more():
            self.held_back = _held_back(self._channel.connection)
            if self.held_back or time.monotonic() >= ends:
                break
            await asyncio.sleep(_LOOK)
        self.delivered.set()
        return self.acknowledged

    def _needs_no_more(self) -> bool:
        """Whether the server has all, or an answer or an end has made the rest needless."""
        self.acknowledged = self.acknowledged or self._ended.is_set() or self._refused.is_set()
        return self.acknowledged

    def _reset(self) -> Outcome:
        """Leave with an RST."""
        assert self._channel is not None
        _linger_zero(self._channel.connection)
        return Outcome(reaction=Reaction.LEFT, took=0.0)

    # -- what comes of it -------------------------------------------------------------------------------------

    async def _answer(self) -> Outcome:
        await self._head.wait()
        status = self._stream.status
        if status is None:
            return Outcome(
                reaction=Reaction.ENDED, took=self._since(self._ended_at), released_after=self._since(self._ended_at)
            )
        if status != 101 or self.case.allowed.upgraded:
            return Outcome(reaction=Reaction.HTTP, took=self._since(time.monotonic()), status=status)
        return await self._answer_of_frames()

    async def _answer_of_frames(self) -> Outcome:
        """A close frame, the end, or the answers that show that it is served."""
        on = self._grounds
        answered = self.case.answered and (self.case.after_upgrade or on.early == on.text)
        awaited = [self._own, self._last] if answered else [self._last]
        # Asked at once: whoever has to refuse what came before never comes to this.
        asking = asyncio.create_task(self._ask(), name=f"hostile asker {self.case.name}")
        try:
            return await self._first_answer(awaited)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask(self) -> None:
        """Ask whether it is served, once it is inside: greeting first where the case has not."""
        if not self.case.allowed.served or self._refused.is_set():
            return
        with contextlib.suppress(OSError):
            if not self.case.joins:
                await self._greeted.wait()
                await self._write(self._reply)
            await self._inside.wait()
            await self._write(frame(Opcode.TEXT, self._last.send))

    async def _serves_on(self, within: float) -> bool:
        """Whether one that had to be refused, and was not while it was waited for, is served when it asks then.

        Not before: who asks behind what is refused has its question thrown away unread, and the RST for that may
        overtake the close frame.
        """
        if self.case.allowed.served or self._stream.status != 101 or not self._inside.is_set():
            return False
        try:
            async with asyncio.timeout(within):
                await self._write(frame(Opcode.TEXT, self._last.send))
                outcome = await self._first_answer([self._last])
        except (OSError, TimeoutError):
            return False
        return outcome.reaction is Reaction.SERVED

    async def _first_answer(self, awaited: list[Exchange]) -> Outcome:
        while (found := await self._frames.get()) is not None:
            if isinstance(found, Broken):
                return Outcome(reaction=Reaction.INVALID, took=self._since(time.monotonic()), detail=found.reason)
            if isinstance(found, Over):
                return Outcome(reaction=Reaction.DISMISSED, took=self._since(time.monotonic()), detail=found.reason)
            if found.opcode == Opcode.CLOSE:
                return Outcome(reaction=Reaction.CLOSED, took=self._since(time.monotonic()), code=found.code)
            text = found.payload.decode("utf-8", errors="replace") if is_data(found) else ""
            if awaited[0].expect.search(text):
                awaited.pop(0)
            if not awaited:
                return Outcome(reaction=Reaction.SERVED, took=self._since(time.monotonic()))
        ended = self._since(self._ended_at)
        return Outcome(reaction=Reaction.ENDED, took=ended, released_after=ended)

    async def _released(self, outcome: Outcome, within: float) -> Outcome:
        """Answer the close frame or the goodbye with a close frame, and wait at most `within` seconds for the end."""
        try:
            async with asyncio.timeout(within):
                with contextlib.suppress(OSError):
                    await self._write(frame(Opcode.CLOSE))
                await self._ended.wait()
        except TimeoutError:
            return outcome
        return replace(outcome, released_after=self._since(self._ended_at))

    async def _read(self, channel: Channel) -> None:
        """Take everything in, answer pings, and note the end."""
        try:
            while data := await channel.receive():
                for found in self._stream.feed(data):
                    if found.opcode == Opcode.PING:
                        self._pongs.append(frame(Opcode.PONG, found.payload))
                        # Whoever is writing sends it: one that waited for that would not see what comes meanwhile.
                        if not self._writing.locked():
                            await self._write()
                    elif is_data(found):
                        self._parts.append(found)
                        if found.fin:
                            await self._take_in(self._talk.hear(self._message()))
                            self._parts.clear()
                    elif found.opcode != Opcode.PONG:
                        self._frames.put_nowait(found)
                    if found.opcode == Opcode.CLOSE:
                        self._refused.set()
                if self._stream.invalid:
                    await self._take_in((Broken(self._stream.invalid),))
                    break
                if self._stream.status is not None:
                    if not self._head.is_set():
                        self._head_at = time.monotonic()
                        if self._stream.status == 101:
                            await self._take_in(self._talk.begin())
                    self._head.set()
                    if self._stream.status != 101:
                        self._refused.set()
        except OSError:
            pass  # reset, which is an end as well
        finally:
            self._note_end()

    def _note_end(self) -> None:
        if not self._ended.is_set():
            self._ended_at = time.monotonic()
            self._ended.set()
            self._head.set()
            self._frames.put_nowait(None)

    async def _take_in(self, heard: Sequence[Heard]) -> None:
        """What a message means in the dialect."""
        for one in heard:
            match one:
                case Said(data):
                    payload = data.encode() if isinstance(data, str) else data
                    self._frames.put_nowait(Received(Opcode.TEXT, payload))
                case Ready():
                    self._inside.set()
                case Reply(text) if self.case.joins:
                    await self._write(frame(Opcode.TEXT, text.encode()))
                case Reply(text):
                    self._reply = frame(Opcode.TEXT, text.encode())
                    self._greeted.set()
                case Asked(answer):
                    self._pongs.append(frame(Opcode.TEXT, answer.encode()))
                    if not self._writing.locked():
                        await self._write()
                case Over() | Broken():
                    self._frames.put_nowait(one)
                    self._refused.set()

    def _message(self) -> str | bytes:
        """What the frames of one message carry."""
        whole = b"".join(part.payload for part in self._parts)
        if self._parts[0].deflated:
            whole = self._inflating.decompress(whole + b"\0\0\xff\xff")
        return whole if self._parts[0].opcode == Opcode.BINARY else whole.decode("utf-8", errors="replace")

    def _since(self, at: float) -> float:
        return max(0.0, at - self._began)


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes written that the other side's kernel has not acknowledged (SIOCOUTQ)."""
    return _outgoing(connection, termios.TIOCOUTQ)


def _held_back(connection: socket.socket) -> bool:
    """Whether all that has left was acknowledged, and the rest stays here for lack of room on the other side.

    What a network has lost is on its way, and not acknowledged.
    """
    return 0 < _unacknowledged(connection) == _outgoing(connection, _SIOCOUTQNSD)


def _outgoing(connection: socket.socket, request: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(connection, request, b"\0" * 4))[0])


def _linger_zero(connection: socket.socket) -> None:
    """Have its close send an RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
