"""The events of a journal. Every `at` is seconds of CLOCK_MONOTONIC, which all processes of one machine share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "KINDS",
    "VERSION",
    "Attempt",
    "Beat",
    "Bite",
    "Call",
    "Ended",
    "Event",
    "Evidence",
    "FindingMade",
    "Frame",
    "Healing",
    "HealingState",
    "Hit",
    "Injected",
    "Note",
    "Outcome",
    "Phase",
    "PhaseEntered",
    "Receipt",
    "Round",
    "Sample",
    "Segment",
    "ServerEvent",
    "Source",
    "Statistics",
    "Traffic",
    "VerdictGiven",
]

VERSION = 1
"""Raised when an event changes its meaning; a reader refuses journals of a later version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at a time."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment(Event):
    """The first line of every segment: who writes it."""

    version: int
    role: str
    pid: int
    run: str
    cell: str
    wall: float
    """Seconds since the epoch at `at`, to turn monotonic times into dates."""


class Phase(StrEnum):
    """The parts of a scenario, in their order."""

    STEADY = "steady"
    FAULT = "fault"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEntered(Event):
    """The scenario went on to its next part."""

    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    """A remark of the harness itself, for whoever reads the journal."""

    text: str


# -- faults -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected(Event):
    """A fault is about to act; `at` is the actual time, not the planned one."""

    fault: str
    description: str
    cannot: str = ""
    """What it looks like and is not: the honest limit of the simulation, for the report."""


class Bite(StrEnum):
    """Whether a fault was seen to act, on the side that suffers it."""

    BIT = "bit"
    DID_NOT_BITE = "did not bite"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One observation on one connection or on the whole: what, where, before and during."""

    what: str
    """What was read, with its unit: "round trip, s", "state of the server's socket"."""
    side: str
    """Whose reading: "server kernel", "client", "proxy", "upstream"."""
    before: str = ""
    during: str = ""
    connection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Event):
    """Typed evidence that a fault bit, covering `covered` of `total` connections (0 of 0: no connection is meant)."""

    fault: str
    bite: Bite
    covered: int
    total: int
    since: float
    """When it began to act, seconds monotonic: the time that detection and recovery are measured from."""
    evidence: tuple[Evidence, ...] = ()

    def sentence(self) -> str:
        cover = f" on {self.covered} of {self.total} connections" if self.total else ""
        shown = "; ".join(
            f"{item.what} ({item.side}) {item.before or '-'} -> {item.during or '-'}" for item in self.evidence[:3]
        )
        return f"{self.fault}: {self.bite.value}{cover}" + (f" ({shown})" if shown else "")


class HealingState(StrEnum):
    """How a fault ended. `failed` is never green."""

    HEALED = "healed"
    GONE_WITH_THE_TARGET = "gone with the target"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healing(Event):
    """The fault was taken away, and that was seen."""

    fault: str
    state: HealingState
    since: float
    """When it stopped to act, seconds monotonic: the time that recovery is measured from."""
    evidence: tuple[Evidence, ...] = ()


# -- clients ----------------------------------------------------------------------------------------------------


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
    """Upgraded, then closed with a close frame before the first message."""
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
    """The phase it reached: "tcp", "handshake" or "first_message"."""
    began: float
    tcp: float | None = None
    handshake: float | None = None
    first_message: float | None = None
    status: int | None = None
    """The HTTP status of the answer to the upgrade, 101 included."""
    retry_after: str | None = None
    code: int | None = None
    """The close code, where the server closed before the first message."""
    detail: str = ""
    local_port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Event):
    """An open connection of a client ended."""

    crowd: str
    client: int
    by: str
    """ "client" when the client meant to end it, "server" otherwise (or whatever lies between)."""
    how: str
    """ "close" (a close frame came), "eof" (FIN without one), "reset" (RST), "invalid" (the peer broke the protocol),
    "drop" (the client left without a word) or "timeout" (with a `code`: the close frame came, TCP was held)."""
    code: int | None = None
    reason: str = ""
    tcp_closed_after: float | None = None
    """Seconds from the close frame to the end of the TCP stream; None where there was no close frame."""

    @property
    def said_at(self) -> float:
        """When the end was announced: the time of the close frame, else that of the end of TCP."""
        return self.at - (self.tcp_closed_after or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame(Event):
    """One frame that a traced client received: pings, pongs, and messages that were not the answer to its own."""

    crowd: str
    client: int
    opcode: str
    """ "text", "binary", "ping" or "pong"."""
    size: int
    text: str = ""
    """The first 500 characters of a text message."""


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


class Source(StrEnum):
    """Where an answer of the upstream-backed endpoint came from, by the target file's expressions."""

    LIVE = "live"
    CACHED = "cached"
    UNAVAILABLE = "unavailable"
    OTHER = "other"
    """An answer that fits none of the expressions."""
    NONE = "none"
    """No answer within the time allowed, or the connection ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Event):
    """One request to the upstream-backed endpoint; `at` is when it ended, `began` when it was sent."""

    began: float
    source: Source
    detail: str = ""

    @property
    def round_trip(self) -> float:
        """Seconds from sending to the answer."""
        return self.at - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Event):
    """One round of a leak measurement, read when everything it opened has ended and settled."""

    ended: int
    """Connections that have ended since the measurement began, this round's included."""
    fds: int
    memory: int
    """Bytes: PSS where the kernel gives it, RSS otherwise."""
    threads: int = 0
    tasks: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Event):
    """One exchange of the canary, and how late the harness itself was at that moment, both in seconds."""

    ok: bool
    round_trip: float
    lateness: float
    detail: str = ""


# -- the server -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent(Event):
    """Something the runtime did to the server, or saw of it: "started", "killed", "stopped", "continued", "exited"."""

    what: str
    pid: int = 0
    exit_code: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Event):
    """A timed reading of the truth outside the server, by the agent."""

    took: float
    """Seconds the reading itself took: its uncertainty in time."""
    sockets: dict[str, int] = field(default_factory=dict)
    """The server's sockets with its listening port as local port: kernel state name to count, LISTEN left out; what
    the server has closed and the kernel alone still holds has "(orphaned)" behind its state."""
    processes: int = 0
    fds: int = 0
    threads: int = 0
    rss: int = 0
    """Bytes, summed over the server's processes."""
    pss: int = 0
    """Bytes, proportional share; 0 where the kernel would not say."""
    cpu: float = 0.0
    """CPU seconds used so far, user and system, summed over the server's processes that are alive."""

    @property
    def connections(self) -> int:
        """Connections that the server holds: in any state but LISTEN and TIME_WAIT, and not closed by it already.

        What it has closed, and its kernel alone still brings to its end, is marked "(orphaned)" and does not count.
        """
        return sum(
            count
            for state, count in self.sockets.items()
            if state not in ("LISTEN", "TIME_WAIT") and not state.endswith("(orphaned)")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics(Event):
    """The server's own statistics, the second witness: the names of the target file to what it said."""

    values: dict[str, float | str]
    error: str = ""
    took: float = 0.0
    """Seconds from the question to the answer at `at`: what was said was so at some moment in them."""
    steady: bool = False
    """Whether it is of the steady rate; the others are what a scenario asked for when it had a reason to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(Event):
    """One request that reached the scripted upstream."""

    path: str
    status: int


# -- judgement --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingMade(Event):
    """A judgement; the fields are those of `chaos.verdict.Finding`."""

    expectation: str
    verdict: str
    observed: str
    promised: str
    figure: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictGiven(Event):
    """The scenario's verdict. `outcome` is held, violated, inconclusive, or skipped with the reason in `detail`."""

    outcome: str
    promise: str
    """The family of the promise as in the contract: "liveness"."""
    scenario: str
    """What is promised, in a few words: "dead peers are found"; the name of the matrix's row."""
    fault: str
    """The fault's name, the matrix's column; empty for a scenario without one."""
    node: str
    detail: str = ""
    figure: str = ""
    seconds: float = 0.0
    expects: str = ""
    """The promise in prose, with the figures it was held to; the report prints it above the findings."""
    fault_family: str = ""
    """Where the fault acts ("network", "client"): columns of one family stand together."""


KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Segment,
        PhaseEntered,
        Note,
        Injected,
        Receipt,
        Healing,
        Attempt,
        Ended,
        Frame,
        Traffic,
        Call,
        Round,
        Beat,
        ServerEvent,
        Sample,
        Statistics,
        Hit,
        FindingMade,
        VerdictGiven,
    )
}
"""Every kind of event by the name it has in the file."""
