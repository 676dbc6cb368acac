"""The bytes of upgrade requests, right or wrong: a request is a list of lines, and each may be changed or left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["KEY", "Request"]

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""Sixteen bytes in Base64, those of RFC 6455, 1.3: nobody checks here that two handshakes differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One upgrade request. As it is made it is one that every WebSocket server has to take."""

    host: str
    path: str
    subprotocol: str | None = None
    method: str = "GET"
    http: str = "HTTP/1.1"
    key: str | None = KEY
    """None leaves the header out."""
    version: str | None = "13"
    """None leaves the header out."""
    headers: tuple[tuple[str, str], ...] = ()
    """Added at the end: those that the endpoint asks for, and those that are odd. Written as latin-1."""

    def lines(self) -> list[bytes]:
        """The request line and the headers, without their ends."""
        named: Iterable[tuple[str, str | None]] = (
            ("Host", self.host),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", self.key),
            ("Sec-WebSocket-Version", self.version),
            ("Sec-WebSocket-Protocol", self.subprotocol),
            *self.headers,
        )
        head = f"{self.method} {self.path} {self.http}".encode("latin-1")
        return [head, *(f"{name}: {value}".encode("latin-1") for name, value in named if value is not None)]

    def encode(self) -> bytes:
        """The whole request, its empty line included."""
        return b"".join(line + b"\r\n" for line in self.lines()) + b"\r\n"
