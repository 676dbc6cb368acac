"""The server from outside and by its own word, and what it asks of its upstream."""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.journal.events.base import Event

__all__ = [
    "Hit",
    "Holders",
    "LeftBehind",
    "Logged",
    "MemoryHeld",
    "ProcessLost",
    "Round",
    "Sample",
    "ServerEvent",
    "StartTried",
    "Statistics",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent(Event):
    """Something the runtime did to the server, or saw of it: "starting", "started", "not started", "asked to stop",
    "still running", "exited"."""

    what: str
    pid: int = 0
    exit_code: int | None = None
    detail: str = ""
    since: float | None = None
    """When it was begun, seconds monotonic, where `at` is when it was done: a signal arrives between the two."""

    @property
    def begun_at(self) -> float:
        """The earliest time at which it may have been so."""
        return self.at if self.since is None else self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders(Event):
    """Which of the server's processes holds whose connection, as its kernel has it."""

    crowd: str
    serving: tuple[int, ...]
    """Pids of all processes that take connections."""
    held: dict[str, int] = field(default_factory=dict)
    """Client of the crowd, in digits, to the pid of who serves it; those whose connection nobody holds are left out."""
    above: tuple[int, ...] = ()
    """Pids of those that hold the listener above them: a master, which alone is left of it where all of them go."""

    @property
    def there(self) -> frozenset[int]:
        """Pids of which none is a new worker from now on."""
        return frozenset((*self.serving, *self.above))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind(Event):
    """What serves in the place of a server that has ended, before it was started again."""

    pids: tuple[int, ...]
    """Processes that hold its listening socket, or connections of its clients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLost(Event):
    """One of the server's processes was killed, and is dead; or was told to end, and takes nobody any more."""

    since: float
    """When it was sent its signal, seconds monotonic."""
    pid: int
    crowd: str = ""
    """Of whose connections it is known which it held."""
    clients: tuple[int, ...] = ()
    """Clients of that crowd whom it served."""
    left: tuple[int, ...] = ()
    """Pids of those that were there beside it: of the same kind, and what is no replacement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTried(Event):
    """The server was started with one setting changed; `at` is when it was known what became of it."""

    began: float
    variable: str
    value: str
    became: str
    """ "ended", "healthy", or "neither" where it still ran and had not become healthy in time."""
    exit_code: int | None = None
    """How it ended (negative: the signal); None where it did not."""
    said: tuple[str, ...] = ()
    """The last lines of its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged(Event):
    """How much the server had written to stdout and stderr by then."""

    size: int
    """Bytes, since it was first started."""
    said: tuple[str, ...] = ()
    """The last lines of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Event):
    """A timed reading of the truth outside the server, by the agent."""

    took: float
    """Seconds the reading itself took: its uncertainty in time."""
    sockets: dict[str, int] = field(default_factory=dict)
    """The server's sockets with its listening port as local port: kernel state name to count, LISTEN left out; what
    the server has closed and the kernel alone still holds has "(orphaned)" behind its state."""
    processes: int = 0
    zombies: int = 0
    """Processes of the server's that have ended and that it has not waited for; `processes` are those that live."""
    fds: int = 0
    threads: int = 0
    rss: int = 0
    """Bytes, summed over the server's processes; in a stream of samples as it was read last, for each reading costs the
    server as well (`chaos.agent.reading`)."""
    pss: int = 0
    """Bytes, proportional share; 0 where the kernel would not say."""
    cpu: float = 0.0
    """CPU seconds used so far, user and system, summed over the server's processes that are alive."""
    waited: float = 0.0
    """Seconds so far that their threads were ready to run and had no core, summed; 0 where the kernel would not say."""
    throttled: float = 0.0
    """Seconds so far for which a limit of the suite's own kept them from running, summed over cores; `waited` has those
    of them that were ready to run."""
    busy: float = 0.0
    """Core-seconds so far in which the machine worked, for whomever."""
    cores: int = 0
    """Cores of the machine; 0 where nobody looked."""

    @property
    def memory(self) -> int:
        """Bytes: the proportional share where the kernel gives it, else what is resident; 0 without a process."""
        return self.pss or self.rss

    @property
    def children(self) -> int:
        """Processes of the server's that it has not done with: those that live, and those it has not waited for."""
        return self.processes + self.zombies

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryHeld(Event):
    """What the server held while so many clients did something that costs it memory; `at` is when that was over."""

    count: int
    """Clients that did."""
    memory: int
    """Bytes at the peak: PSS where the kernel gives it, RSS otherwise."""
    wave: int
    """Which one of several it was, from 1 on; 0 is before anybody came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Event):
    """One round of a leak measurement, read when everything it opened has ended and settled."""

    ended: int
    """Connections that have ended since the measurement began, this round's included."""
    fds: int
    memory: int
    """Bytes: PSS where the kernel gives it, RSS otherwise."""
    threads: int = 0
    connections: float | None = None
    """Those that the server's own statistics still count; None where they do not tell, or were not read."""
    tasks: float | None = None
    """Tasks by the server's own statistics; likewise."""
    kept_sessions: float | None = None
    """Sessions that wait to be resumed, by the server's own statistics; likewise. `sessions` were connections once."""
