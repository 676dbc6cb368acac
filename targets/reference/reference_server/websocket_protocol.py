"""WebSocket as uvicorn speaks it, with what a server in the open needs besides.

uvicorn's keep-alive closes a dead peer with a close frame and a flush: a peer that has stopped reading takes neither,
and its socket stays for minutes. Here the heartbeat decides who is dead (`heartbeat.py`) and `cut()` ends it. What
else is added: memory bounded against fragment, control-frame and tiny-message floods; an answer to broken handshakes;
a close whose deadline counts from the decision to close; and an answer to the peer's close frame that comes after the
answers to what the peer had said before it.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request

from reference_server.liveness import Evidence
from reference_server.rate import TokenBucket
from reference_server.transport import BoundedTransport

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

    from reference_server.config import ReferenceConfig


VERSION = "13"
"""The only version of the protocol there is."""

CLOSE_FRAME = bytes([0x80 | Opcode.CLOSE])
"""The first byte of a close frame: control frames are never fragmented, and no extension sets a reserved bit."""


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _ignore(_payload: bytes) -> None:
    """Before the handshake is complete nobody waits for pongs."""


def _nothing() -> None:
    """Who has not been let in does not leave."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection on the wire; the application finds it as `websocket.state.wire`."""

    config: ReferenceConfig
    transport: BoundedTransport  # made by HttpProtocol, always bounded

    def __init__(
        self,
        config: ReferenceConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        settings = config.parts.settings
        self.counters = config.parts.counters
        # Half of the time for the peer's close frame, the other half (see BoundedTransport) for TCP itself.
        self.close_timeout = settings.websocket_close_timeout / 2
        self.frame_budget = TokenBucket(
            rate=settings.websocket_message_rate,
            burst=settings.websocket_message_burst,
            monotonic=config.parts.clock.now,
        )
        self.lost: asyncio.Future[None] = self.loop.create_future()
        self.on_pong: Callable[[bytes], object] = _ignore
        """Called with every pong's payload; the heartbeat's end of the connection replaces it."""
        self.on_leaving: Callable[[], object] = _nothing
        """Called before the peer can know that the connection is ending."""
        self.received_bytes = 0
        self.fragments = bytearray()
        self.latest_pong: bytes | None = None
        self.close_answer: bytes | None = None
        """Our answer to the peer's close frame, while it waits for what is said before it."""

    # --- what the application may ask of the wire ---

    def ping(self, payload: bytes) -> int:
        """Send a ping; returns the offset of its last byte in the outgoing stream."""
        self.conn.send_ping(payload)
        self.transport.write(b"".join(self.conn.data_to_send()))
        return self.transport.bytes_written

    def evidence(self) -> Evidence:
        """How far sending and receiving have come."""
        return Evidence(
            delivered=self.transport.delivered(),
            outstanding=self.transport.unacknowledged(),
            received=self.received_bytes,
            mid_frame=bool(self.conn.reader.buffer),
            reading=self.transport.is_reading(),
        )

    def expect_close(self) -> None:
        """Start the close deadline: also a peer that takes no close frame is gone after it."""
        self.transport.expect_close()

    def cut(self) -> None:
        """Reset the connection at once."""
        self.transport.cut()

    @property
    def owes_close(self) -> bool:
        """Whether the peer has said its last and waits for ours."""
        return self.close_answer is not None and not self.close_sent

    # --- uvicorn's protocol, extended ---

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for it; the deadline has done its duty."""
        self.on_leaving()
        super().connection_lost(exc)
        self.transport.connection_ended()
        if not self.lost.done():
            self.lost.set_result(None)

    def eof_received(self) -> None:
        """A FIN without a close frame, or after it; asyncio closes, and the close is bounded."""
        self.on_leaving()
        self.transport.expect_close()

    def resume_writing(self) -> None:
        """The peer reads again: answer its latest ping."""
        super().resume_writing()
        if self.latest_pong is not None:
            self.transport.write(self.latest_pong)
            self.latest_pong = None

    def data_received(self, data: bytes) -> None:
        """Parse; once the connection is being closed, what still comes in is dropped."""
        if self.transport.is_closing():
            return
        self.received_bytes += len(data)
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # Too many or too long headers: the parser gives up, and uvicorn would leave the peer without an answer.
            self.counters.reject("bad_handshake")
            self.refuse_upgrade(400, "Bad Request")

    def handle_connect(self, event: Request) -> None:
        """Hand the application the wire along with the request."""
        versions = event.headers.get_all("Sec-WebSocket-Version")
        if versions and versions != [VERSION]:
            # RFC 6455, 4.2.2: tell the client which version would do.
            self.counters.reject("bad_handshake")
            self.refuse_upgrade(426, "Upgrade Required", f"sec-websocket-version: {VERSION}\r\n")
            return
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["state"]["wire"] = self
        else:
            self.counters.reject("bad_handshake")

    def handle_events(self) -> None:
        """Count every frame, control frames too, before any of them is dealt with."""
        if self.handshake_complete and not self.frame_budget.take(len(self.conn.events)):
            self.counters.rate_limited += 1
            self.fail(CloseCode.POLICY_VIOLATION, "message rate exceeded")
            return
        super().handle_events()

    def handle_cont(self, event: Frame) -> None:
        """Collect fragments in one buffer: a list of a million one-byte pieces would take forty times their size."""
        if not self.fragments:
            self.fragments += b"".join(self.frames)
            self.frames = []
        self.fragments += event.data
        if event.fin:
            self.frames = [bytes(self.fragments)]
            self.fragments = bytearray()
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """Refuse text that is not UTF-8; uvicorn does too, with a traceback in the log for each."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_utf8(b"".join(self.frames)):
            self.counters.protocol_errors += 1
            self.fail(CloseCode.INVALID_DATA, "text is not UTF-8")
            return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer, but queue no answers for a peer that does not read: the latest one will do (RFC 6455, 5.5.3)."""
        answer = self._take_out()
        if self.writable.is_set():
            self.transport.write(answer)
        elif answer:
            self.latest_pong = answer

    def handle_close(self, event: Frame) -> None:
        """The peer closes, or answers our close.

        uvicorn answers at once, and what the application would still have answered is never sent. Here the application
        hears of it behind the messages that came before, and its close is the answer (`send`): at the latest after the
        half of the close timeout in which the peer's own part would be waited for.
        """
        self.on_leaving()
        if before := self._take_out():
            self.transport.write(before)
        if not self.owes_close:
            super().handle_close(event)
            return
        assert self.conn.close_rcvd is not None
        self.transport.expect_close()
        self.close_timer = self.loop.call_later(self.close_timeout, self.answer_close)
        code, reason = self.conn.close_rcvd.code, self.conn.close_rcvd.reason
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def handle_pong(self, event: Frame) -> None:
        """Pass it on to the heartbeat."""
        self.on_pong(bytes(event.data))

    def handle_parser_exception(self) -> None:
        """The peer broke the protocol: the right close code, then the bounded close."""
        assert self.conn.close_sent is not None
        self.counters.protocol_errors += 1
        self.on_leaving()
        super().handle_parser_exception()

    async def send(self, message: ASGISendEvent) -> None:
        """A close is counted from the decision, not from the moment a stalled peer would take the frame.

        Raises ClientDisconnected also after this protocol has failed the connection by itself: the application has not
        heard of it yet, and uvicorn would call its next message an error of the application.
        """
        if self.close_sent and self.initial_response is None:
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            self.on_leaving()
            self.transport.expect_close()
        if self.owes_close:
            await self._send_before_the_answer(message)
            return
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # Refused with an HTTP status: complete as well, or uvicorn logs each refusal as an application error.
            self.handshake_complete = True

    def shutdown(self) -> None:
        """The server goes down: the drain (`server.py`) closes established connections, the others are refused here."""
        if not self.handshake_complete:
            self.refuse_upgrade(503, "Service Unavailable")

    # --- what is said between the peer's close frame and ours ---

    def answer_close(self) -> None:
        """Say our last, and end TCP, which is the server's part (RFC 6455, 7.1.1)."""
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = None
        if self.close_answer is not None and not self.close_sent:
            self.transport.write(self.close_answer)
            self.close_sent = True
        self.transport.close()

    async def _send_before_the_answer(self, message: ASGISendEvent) -> None:
        """The peer reads until our close frame comes; the protocol beneath writes no message any more once it has the
        peer's, so it is made here. Raises ClientDisconnected where the answer has gone out meanwhile."""
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            self.answer_close()
        elif message["type"] == "websocket.send":
            text = message.get("text")
            frame = (
                Frame(Opcode.BINARY, message.get("bytes") or b"") if text is None else Frame(Opcode.TEXT, text.encode())
            )
            self.transport.write(frame.serialize(mask=False, extensions=self.conn.extensions))

    def _take_out(self) -> bytes:
        """What the protocol has to say now, without its answer to the peer's close: that is kept for the end."""
        chunks = self.conn.data_to_send()
        if not self.close_sent:
            self.close_answer = next((each for each in chunks if each[:1] == CLOSE_FRAME), self.close_answer)
            chunks = [each for each in chunks if each[:1] != CLOSE_FRAME]
        return b"".join(chunks)

    # --- ends that the application does not see coming ---

    def fail(self, code: CloseCode, reason: str) -> None:
        """Close from below the application, which learns of it as a disconnect."""
        self.on_leaving()
        self.conn.fail(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.close()

    def refuse_upgrade(self, status: int, phrase: str, extra_headers: str = "") -> None:
        """Answer an upgrade request with an HTTP status."""
        self.handshake_complete = self.close_sent = True
        head = f"HTTP/1.1 {status} {phrase}\r\nconnection: close\r\ncontent-length: 0\r\n{extra_headers}\r\n"
        self.transport.write(head.encode("ascii"))
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self.transport.close()

    def connection_made(self, transport: BaseTransport) -> None:
        """Called by the HTTP protocol at the upgrade, with the bounded transport."""
        assert isinstance(transport, BoundedTransport)
        super().connection_made(transport)
