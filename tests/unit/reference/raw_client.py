"""A WebSocket client on a plain blocking socket, which does only what it is told to.

Built on the Sans-I/O protocol of `websockets`; it answers no ping and reads nothing by itself, so that a test can be a
silent peer, a stalled one, or one that crashes.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

PATIENCE = 10.0
"""Seconds a read waits: far more than any bound under test, so that a hang fails instead of blocking the run."""


class RawClient:
    """One connection. `opened` is False when the server refused the upgrade; `response` says how."""

    def __init__(
        self,
        url: str,
        *,
        receive_buffer: int | None = None,
        headers: dict[str, str] | None = None,
        wait: bool = True,
    ) -> None:
        uri = parse_uri(url)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((uri.host, uri.port))
        self.local_port: int = self.socket.getsockname()[1]
        self.protocol = ClientProtocol(uri, max_size=None)
        request = self.protocol.connect()
        for name, value in (headers or {}).items():
            request.headers[name] = value
        self.protocol.send_request(request)
        self.flush()
        self.frames: list[Frame] = []
        self.response: Response | None = None
        while wait and self.response is None and self._receive():
            pass

    @property
    def opened(self) -> bool:
        """Whether the upgrade succeeded."""
        return self.response is not None and self.response.status_code == 101

    def send_text(self, text: str) -> None:
        """Send a text message."""
        self.protocol.send_text(text.encode())
        self.flush()

    def flush(self) -> None:
        """Put on the wire what the protocol has to say."""
        for data in self.protocol.data_to_send():
            if data:
                self.socket.sendall(data)
            else:
                self.socket.shutdown(socket.SHUT_WR)

    def next_frame(self, *opcodes: Opcode) -> Frame | None:
        """The next frame of these kinds (of any, if none is given); None when the connection has ended."""
        while True:
            while self.frames:
                frame = self.frames.pop(0)
                if not opcodes or frame.opcode in opcodes:
                    return frame
            if not self._receive():
                return None

    def ask(self, kind: str) -> Any:
        """One request of that type on a JSON endpoint, and its answer; warnings in between are skipped."""
        self.send_text(json.dumps({"type": kind, "id": 1}))
        while (frame := self.next_frame(Opcode.TEXT)) is not None:
            answer = json.loads(bytes(frame.data))
            if "warning" not in answer["type"]:
                return answer
        raise AssertionError("the connection ended before the answer")

    def close_received(self) -> Close | None:
        """Read, without answering anything, until a close frame or the end; the close frame, if one came."""
        while self.protocol.close_rcvd is None and self._receive():
            pass
        return self.protocol.close_rcvd

    def reset(self) -> None:
        """End with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """End with FIN, without a close frame."""
        self.socket.close()

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return False
        self.protocol.receive_data(data)
        # Pongs and close replies the protocol has prepared are thrown away: this client answers nothing by itself.
        self.protocol.data_to_send()
        for event in self.protocol.events_received():
            if isinstance(event, Response):
                self.response = event
            elif isinstance(event, Frame):
                self.frames.append(event)
        return True


Connect = Callable[..., RawClient]
"""The `connect` fixture: the arguments of `RawClient`."""
