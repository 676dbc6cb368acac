"""The server's own protocol on a transport that goes nowhere: what it writes and when, without a network."""

from __future__ import annotations

import asyncio

from reference_server.config import ReferenceConfig
from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts
from reference_server.transport import BoundedTransport
from reference_server.websocket_protocol import WebSocketProtocol
from uvicorn.server import ServerState

from .fakes import turns_until

UPGRADE = (
    b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class RecordingTransport(asyncio.Transport):
    """Notes what is written, whether it is read from, and when the end begins."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []
        self.written: list[bytes] = []
        self.reading = True
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.events.append("write")
        self.written.append(bytes(data))

    def write_eof(self) -> None:
        self.events.append("fin")

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Whoever is handed the connection is fed by the test."""

    def abort(self) -> None:
        self.events.append("abort")
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return 0


def configured(parts: Parts) -> ReferenceConfig:
    """The application for these parts, made once for all connections."""
    config = ReferenceConfig(parts, http=HttpProtocol, ws=WebSocketProtocol)
    config.load()
    return config


async def upgraded(config: ReferenceConfig, request: bytes = UPGRADE) -> tuple[WebSocketProtocol, RecordingTransport]:
    """A connection whose upgrade request has been answered, whatever the answer."""
    transport = RecordingTransport()
    protocol = WebSocketProtocol(config, ServerState(), {})
    protocol.connection_made(BoundedTransport(transport, clock=config.parts.clock, close_timeout=0.5))
    protocol.data_received(request)
    await turns_until(lambda: bool(transport.written))
    return protocol, transport


async def established(config: ReferenceConfig) -> tuple[WebSocketProtocol, RecordingTransport]:
    """One that is in the registry."""
    before = len(config.parts.registry)
    protocol, transport = await upgraded(config)
    await turns_until(lambda: len(config.parts.registry) > before)
    return protocol, transport


async def end(protocol: WebSocketProtocol) -> None:
    """Let the application finish."""
    protocol.transport.cut()
    protocol.connection_lost(None)
    await turns_until(lambda: not protocol.tasks)
