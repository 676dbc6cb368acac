"""What a crowd is told: how its clients connect and behave. Frozen values that travel to the worker's process."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum

from chaos.address import Address
from chaos.crowd.exchange import NUMBER, ExchangeResult
from chaos.crowd.numbered import Numbered
from chaos.dialects import WEBSOCKET
from chaos.errors import ConfigurationError
from chaos.target import Tls

__all__ = ["ClientPlan", "ClientState", "ExchangeResult", "Mode", "PhaseTimeouts", "PutOff", "SocketState"]

_RESERVED = frozenset({"connection", "upgrade", "origin"})
_RESERVED_PREFIX = "sec-websocket-"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN_IN_VALUES = re.compile(r"[\r\n\0]")


class Mode(StrEnum):
    """In which order a crowd connects."""

    SEQUENTIAL = "sequential"
    """One after the other: the next attempt begins when the one before has ended."""
    SIMULTANEOUS = "simultaneous"
    """All TCP connects begin within one turn of the loop; who gets in stays until every attempt has ended."""
    PACED = "paced"
    """One attempt begins every `gap` seconds, whatever became of those before."""


class ClientState(StrEnum):
    """What a client is doing, by its own knowledge."""

    NEW = "new"
    """It has not tried to connect yet."""
    CONNECTING = "connecting"
    OPEN = "open"
    SILENT = "silent"
    """Open, but it writes nothing at all; what arrives is read."""
    STALLED = "stalled"
    """Open, but it reads nothing."""
    HALF_CLOSED = "half-closed"
    """Its FIN is sent; it still reads."""
    CLOSING = "closing"
    """A close frame was sent or came; the TCP connection is still there."""
    CLOSED = "closed"
    """Its connection, or its attempt at one, has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketState:
    """What the kernel says of a client's socket."""

    state: str
    """As in `ss` and /proc/net/tcp: "ESTABLISHED", "FIN_WAIT2", "CLOSE_WAIT"."""
    receive_queue: int
    """Bytes that have arrived and were not read."""
    send_queue: int
    """Bytes that were written and not acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """A ping whose answer waits."""

    pinged_at: float
    """When it came, seconds monotonic."""
    delay: float
    """Seconds until its pong is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTimeouts:
    """How long each phase of an attempt may take, in seconds, counted from the end of the phase before it."""

    tcp: float
    """From connect() to the established connection."""
    handshake: float
    """From there to the 101, and to being let in by the dialect."""
    first_message: float
    """From there to the first message that is awaited."""
    tls: float | None = None
    """From the established connection to the end of the TLS handshake, which the others follow; None: there is none."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) is not None:
                _positive(f"timeouts.{field.name}", getattr(self, field.name))

    @property
    def total(self) -> float:
        """Seconds that an attempt takes at most."""
        return self.tcp + (self.tls or 0.0) + self.handshake + self.first_message


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlan:
    """How every client of a crowd connects and behaves.

    A client is faithful: it answers pings and close frames as RFC 6455 and its dialect say, offers no extension unless
    told to, and sends nothing unasked. Whatever departs from that is a field here or an act. Raises ConfigurationError
    for values that make no sense together.
    """

    address: Address
    timeouts: PhaseTimeouts
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    """Headers of the upgrade request, in order, added to those that RFC 6455 asks for; a Host replaces ours."""
    origin: str | None = None
    subprotocol: str | None = None
    tls: Tls | None = None
    """How the server's TLS is known, where it speaks it."""
    dialect: str = WEBSOCKET
    """What is spoken once the connection stands, by its name."""
    namespace: str = "/"
    """The part of the server that is joined then, where the dialect has such."""

    compression: bool = False
    """Whether permessage-deflate (RFC 7692) is offered, without limits to either side's window."""

    send: str | None = None
    """One exchange: the message that is sent; `{n}` becomes a number, new for each exchange."""
    expect: str | None = None
    """One exchange: a regular expression that the answer contains; `{n}` is the number that was sent."""
    first_message: bool = False
    """Whether an attempt counts as open only after a first message: the greeting, else the answer to an exchange."""
    greeting: str | None = None
    """A regular expression that the server's first message contains, which it sends unasked."""
    answer_within: float | None = None
    """Seconds an exchange waits for its answer; None: as long as a first message may take."""

    keep_alive: float | None = None
    """Seconds between two exchanges that a client makes on its own, so as not to idle; None: it makes none."""
    answer_pings: bool = True
    """Whether the heartbeat is answered: WebSocket's pings, or the dialect's own where it has such."""
    pong_delay: float = 0.0
    """Seconds from the arrival of a ping of the heartbeat to its pong."""
    close_delay: float = 0.0
    """Seconds from the arrival of the server's close frame to the answer."""
    close_timeout: float = 10.0
    """Seconds that a close handshake and the end of TCP after it may take (10: the default of websockets, and what
    uvicorn has fixed)."""

    numbered: Numbered | None = None
    """How the messages are numbered of which a client keeps books, in either direction; None: it keeps none."""
    trace: bool = False
    """Whether pings, pongs and messages that answer nothing are written to the journal, each with its arrival."""
    note: str | None = None
    """A regular expression: of a client that is not traced, messages that answer nothing and contain it are."""
    receive_buffer: int | None = None
    """SO_RCVBUF in bytes, set before connecting (Linux doubles it); None: the kernel's own."""
    source_host: str | None = None
    """The local IP address to connect from; None: the kernel's choice."""
    max_size: int = 2**20
    """Bytes of the largest message that is accepted; a larger one is answered with a close frame 1009."""

    def __post_init__(self) -> None:
        _check_request(self)
        if (self.tls is None) != (self.timeouts.tls is None):
            raise ConfigurationError("tls and timeouts.tls go together; give both or neither")
        _check_conversation(self)
        _positive("close_timeout", self.close_timeout)
        _positive("max_size", self.max_size)
        for name in ("keep_alive", "answer_within", "receive_buffer"):
            if getattr(self, name) is not None:
                _positive(name, getattr(self, name))
        if not 0 <= self.close_delay < self.close_timeout:
            raise ConfigurationError(
                f"close_delay is seconds, zero or more and less than close_timeout; found {self.close_delay}"
            )
        if self.pong_delay < 0:
            raise ConfigurationError(f"pong_delay is seconds, zero or more; found {self.pong_delay}")
        if self.pong_delay and not self.answer_pings:
            raise ConfigurationError("pong_delay means nothing with answer_pings=False; leave one of them out")

    @property
    def answer_timeout(self) -> float:
        """Seconds an exchange waits for its answer."""
        return self.timeouts.first_message if self.answer_within is None else self.answer_within


def _check_request(plan: ClientPlan) -> None:
    if not plan.path.startswith("/") or re.search(r"[\s#]", plan.path):
        raise ConfigurationError(f"path begins with / and holds neither blanks nor #; found {plan.path!r}")
    for name, value in plan.headers:
        if not _TOKEN.fullmatch(name):
            raise ConfigurationError(f"headers: {name!r} is no header name; allowed are letters, digits and -")
        if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIX):
            raise ConfigurationError(
                f"headers: {name} belongs to the handshake, which a faithful client writes itself; "
                "use origin or subprotocol for those two"
            )
        if _FORBIDDEN_IN_VALUES.search(value):
            raise ConfigurationError(f"headers: the value of {name} is one line; found {value!r}")


def _check_conversation(plan: ClientPlan) -> None:
    if (plan.send is None) != (plan.expect is None):
        raise ConfigurationError("send and expect make an exchange together; give both or neither")
    if plan.send is None and plan.keep_alive is not None:
        raise ConfigurationError("keep_alive repeats an exchange; give send and expect")
    if plan.first_message and plan.send is None and plan.greeting is None:
        raise ConfigurationError("first_message awaits the greeting or an answer; give greeting, or send and expect")
    if plan.greeting is not None and not plan.first_message:
        raise ConfigurationError("greeting is awaited as the first message; give first_message=True with it")
    for name, pattern in (("expect", plan.expect), ("greeting", plan.greeting), ("note", plan.note)):
        try:
            re.compile((pattern or "").replace(NUMBER, "0"))
        except re.error as error:
            raise ConfigurationError(f"{name} is a regular expression; found {pattern!r}: {error}") from error


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ConfigurationError(f"{name} is above zero; found {value}")
