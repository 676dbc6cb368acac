"""One hostile input: what it is, what is sent, what may be answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from chaos.dialects import SOCKET_IO, WEBSOCKET
from chaos.hostile.answers import Allowed
from chaos.hostile.handshakes import Request

__all__ = ["Case", "Grounds", "Input", "Send"]


class Input(StrEnum):
    """The kinds of hostile input: one kind is sent together, and judged together."""

    BROKEN_FRAMES = "broken frames"
    ALLOWED_FRAMES = "odd frames that are allowed"
    FLOODS = "floods of tiny frames"
    SIZES = "messages at and beyond the limit"
    BOMBS = "small frames that inflate"
    BROKEN_HANDSHAKES = "broken handshakes"
    ALLOWED_HANDSHAKES = "odd handshakes that are allowed"
    UNFINISHED = "requests that never end"
    SLOW_REQUESTS = "a crowd of slow requests"
    STALLED_TLS = "a crowd of stalled TLS handshakes"
    BROKEN_PACKETS = "broken packets of the dialect"
    ALLOWED_PACKETS = "odd packets of the dialect that are allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a case has to know of the server: its echo endpoint, and the limit it promises."""

    request: Request
    """One that the endpoint takes."""
    text: bytes
    """A message that the endpoint answers, as its dialect puts it into a text message."""
    dialect: str = WEBSOCKET
    """What is spoken inside messages, by its name."""
    namespace: str = "/"
    """The part of the server that is joined, where the dialect has such."""
    max_message: int = 2**20
    """Bytes of the largest message that is promised to be taken."""
    server_name: str | None = None
    """What a client asks for in a TLS handshake, where the server speaks it."""

    @property
    def early(self) -> bytes:
        """A text message that may come before the dialect has let anybody in; nobody answers Socket.IO's, a noop."""
        return b"6" if self.dialect == SOCKET_IO else self.text


Send = Callable[[Grounds], tuple[bytes, ...]]
"""What is written, in pieces: no piece ends in the middle of a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One hostile input."""

    name: str
    description: str
    allowed: Allowed
    send: Send
    note: str = ""
    """Why an answer is allowed that looks like a wrong one, for the sentence of what is promised."""
    after_upgrade: bool = True
    """Whether a flawless handshake comes first; otherwise what is sent is the handshake."""
    joins: bool = True
    """Whether the dialect's own greeting comes before what is sent; otherwise after it, to be served then."""
    offers: str | None = None
    """The extension that has to be agreed on in that handshake."""
    answered: bool = False
    """Whether what is sent holds the endpoint's message once, whose answer is part of being served."""
    drips: bool = False
    """Whether the pieces are sent one by one until the connection ends, and for longer than anybody waits for that."""
    spread: float = 0.0
    """Seconds from its first piece to its last, which are then sent one by one."""
    resets: bool = False
    """Whether the client resets the connection as soon as it has sent."""
    beneath_tls: bool = False
    """Whether it is written to TCP itself, where TLS would be: it is TLS, or would have to be."""

    @property
    def at_once(self) -> bool:
        """Whether it is sent as fast as it is taken."""
        return not (self.drips or self.spread)
