"""What clients saw: attempts, ends, frames, and what was exchanged."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from chaos.journal.events.base import Event

__all__ = ["Attempt", "Ended", "Frame", "Outcome", "Traffic", "WentIdle"]


class Outcome(StrEnum):
    """How an attempt to connect ended."""

    OPEN = "open"
    """Upgraded, and the first message came where one was awaited."""
    REFUSED = "refused"
    """TCP: connection refused."""
    RESET = "reset"
    """RST before the connection was established."""
    HTTP = "http"
    """Answered with an HTTP status other than 101."""
    CLOSED = "closed"
    """Upgraded, then closed with a close frame before the first message, or turned away by the dialect."""
    EOF = "eof"
    """The server ended the TCP stream without a word."""
    TIMEOUT = "timeout"
    """Nothing within the time allowed for the phase."""
    INVALID = "invalid"
    """The server's answer breaks the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(Event):
    """One client's attempt to connect; `at` is when it ended. Durations are seconds since the attempt began."""

    crowd: str
    client: int
    outcome: Outcome
    phase: str
    """The phase it reached: "tcp", "tls" where the server speaks it, "handshake", "joining" between the 101 and being
    let in by the dialect, or "first_message"."""
    began: float
    tcp: float | None = None
    tls: float | None = None
    handshake: float | None = None
    """To the 101, and to being let in where the dialect has that."""
    first_message: float | None = None
    status: int | None = None
    """The HTTP status of the answer to the upgrade, 101 included."""
    retry_after: str | None = None
    code: int | None = None
    """The close code, where the server closed before the first message; None where the dialect turned it away."""
    detail: str = ""
    local_port: int = 0
    compressed: bool = False
    """Whether permessage-deflate was offered and agreed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Event):
    """An open connection of a client ended."""

    crowd: str
    client: int
    by: str
    """ "client" when the client meant to end it, "server" otherwise (or whatever lies between)."""
    how: str
    """ "close" (a close frame came, or the dialect's goodbye, which has no code), "eof" (FIN without one), "reset"
    (RST), "invalid" (the peer broke the protocol), "drop" (the client left without a word) or "timeout" (with a `code`:
    the close frame came, TCP was held)."""
    code: int | None = None
    reason: str = ""
    tcp_closed_after: float | None = None
    """Seconds from the close frame to the end of the TCP stream; None where there was no close frame, or TCP was
    held."""

    close_frame_at: float | None = None
    """When the close frame came, seconds monotonic, also where TCP was held after it; None where there was none."""
    close_answered_after: float | None = None
    """Seconds from the close frame to our answer, of a client that answers late; None where TCP was over before, or it
    answers at once."""

    @property
    def announced(self) -> bool:
        """Whether a close frame came, whatever became of TCP after it."""
        return self.how == "close" or (self.how == "timeout" and self.code is not None)

    @property
    def said_at(self) -> float:
        """When the end was announced: the time of the close frame, else that of the end of TCP."""
        if self.close_frame_at is not None:
            return self.close_frame_at
        return self.at - (self.tcp_closed_after or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame(Event):
    """One frame that a traced client received: pings, pongs, and messages that were not the answer to its own.

    Of what it sends the late pongs alone are here: that they were late is what makes it a slow peer.
    """

    crowd: str
    client: int
    opcode: str
    """ "text", "binary", "ping" for one of the heartbeat, "pong", or "late pong" for one that the client sent after its
    delay."""
    size: int
    text: str = ""
    """The first `QUOTED` characters of a text message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic(Event):
    """What a crowd exchanged in one second (`at` is its end); round trips are a histogram, not single values."""

    crowd: str
    began: float
    sent: int
    received: int
    pings: int
    answered: int
    """Exchanges whose answer came and was right."""
    wrong: int
    """Exchanges whose answer was not what was awaited; the first is written out as a Frame."""
    missing: int = 0
    """Exchanges that were not answered at all in the time a client waits."""
    round_trips: dict[str, int] = field(default_factory=dict)
    """Upper bound of the bucket in seconds (as text) to count; bounds grow by 5 %."""
    worst: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WentIdle(Event):
    """An open client of a population says nothing of its own from now on, and answers pings as before."""

    crowd: str
    client: int
