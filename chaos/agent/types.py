"""What the agent answers, typed; each can be made from and turned into the JSON object that travels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos.capability import Availability

__all__ = [
    "BOTH",
    "DIRECTIONS",
    "TO_LOCAL",
    "TO_REMOTE",
    "Connection",
    "CutRule",
    "Endpoint",
    "FileLimit",
    "GroupLimit",
    "Hello",
    "LineCounters",
    "RuleCounters",
    "Serving",
    "SocketInfo",
    "Spawned",
]

Endpoint = tuple[str, int]
"""An IP address in its shortest form (an IPv4-mapped IPv6 address as IPv4) and a port."""

Connection = tuple[Endpoint, Endpoint]
"""The local and the remote end of a TCP connection."""


BOTH, TO_LOCAL, TO_REMOTE = DIRECTIONS = ("both", "to_local", "to_remote")
"""Which packets of a connection a rule is for, by the end they go to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketInfo:
    """One TCP socket as the kernel of the agent's network namespace holds it."""

    local: Endpoint
    remote: Endpoint
    """For a listening socket the wildcard address and port 0."""
    state: str
    """The kernel's name: "ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT", ..."""
    rqueue: int
    """Bytes the application has not read; of a listening socket: connections waiting to be accepted."""
    wqueue: int
    """Bytes sent or to be sent that the peer has not acknowledged; of a listening socket: its backlog's limit."""
    inode: int
    """0 where no process holds the socket: not accepted yet, orphaned, or in TIME_WAIT."""
    cookie: int
    """The kernel's own name for this very socket, from its beginning to its end."""
    side: str
    """ "local" when its local port is the one asked for, "remote" when its peer's is."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> SocketInfo:
        local, remote = record["local"], record["remote"]
        return cls(
            local=(local[0], local[1]),
            remote=(remote[0], remote[1]),
            state=record["state"],
            rqueue=record["rqueue"],
            wqueue=record["wqueue"],
            inode=record["inode"],
            cookie=record["cookie"],
            side=record["side"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """A process that the agent started."""

    pid: int
    """As /proc shows it."""
    name: str
    argv: tuple[str, ...]
    started: int
    """The kernel's start time in clock ticks since boot: with the pid, the identity of the process."""
    exit_code: int | None = None
    """None while it runs; negative: the signal that ended it."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Spawned:
        return cls(
            pid=record["pid"],
            name=record["name"],
            argv=tuple(record["argv"]),
            started=record["started"],
            exit_code=record["exit_code"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Which processes take a server's connections, and who of them holds which."""

    pids: tuple[int, ...]
    """Those that hold a listening socket of the port, or a connection to it that nobody else holds, and from which no
    other such process descends, as /proc shows them: the workers of a master, or the one process of a server that has
    one. A worker to whom a master hands connections on is known by its first, and while it has none it is not."""
    above: tuple[int, ...]
    """Those that hold a listening socket too, and from which one of the workers descends: a master that would not be
    told from its workers if all of them were gone."""
    held: Mapping[Endpoint, tuple[int, ...]]
    """The remote end of each connection to the processes that hold it, more than one where it was inherited."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Serving:
        held = {(host, port): tuple(pids) for (host, port), pids in record["held"]}
        return cls(pids=tuple(record["pids"]), above=tuple(record["above"]), held=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimit:
    """The soft limit on open files of one process, as it was lowered."""

    pid: int
    """As /proc shows it."""
    started: int
    """The kernel's start time in clock ticks since boot: with the pid, the identity of the process."""
    before: int
    now: int

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> FileLimit:
        return cls(pid=record["pid"], started=record["started"], before=record["before"], now=record["now"])


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLimit:
    """A limit on a control group, with the processes that were put under it."""

    group: str
    """Its directory."""
    controller: str
    """ "cpu" or "memory"."""
    made: bool
    """Whether it was made for this, and goes with it; else the processes had it to themselves before."""
    before: str
    """What was set, in the kernel's own words."""
    now: str
    pids: tuple[int, ...]
    """As /proc shows them."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> GroupLimit:
        return cls(**{**record, "pids": tuple(record["pids"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRule:
    """One connection whose packets are dropped or refused."""

    rule: int
    local: Endpoint
    remote: Endpoint
    direction: str
    """One of DIRECTIONS."""
    treatment: str
    """What becomes of its packets: "cut", "reset", or "lose" with a share."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> CutRule:
        local, remote = record["local"], record["remote"]
        return cls(
            rule=record["rule"],
            local=(local[0], local[1]),
            remote=(remote[0], remote[1]),
            direction=record["direction"],
            treatment=record["treatment"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCounters:
    """What a narrow line has seen so far."""

    packets: int
    """That have passed."""
    bytes: int
    lost: int
    """Packets that came when its queue was full."""
    held_back: int
    """How often its first packet had to wait."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> LineCounters:
        return cls(**record)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCounters:
    """What a rule has dropped so far."""

    packets: int
    bytes: int
    """Bytes of IP packets, headers included."""
    to_local: int
    """Packets from the rule's remote end to its local end."""
    to_remote: int
    """Packets from the rule's local end to its remote end."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> RuleCounters:
        return cls(
            packets=record["packets"],
            bytes=record["bytes"],
            to_local=record["to_local"],
            to_remote=record["to_remote"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who the agent is and what it can do where it runs."""

    version: int
    pid: int
    """As /proc shows it."""
    init: bool
    """It is PID 1 of its pid namespace: everything inside dies with it, by the kernel's hand."""
    namespaces: Mapping[str, str]
    """ "net", "pid" and "user", as /proc/PID/ns names them: "net:[4026531840]"."""
    can: Mapping[str, Availability]
    """ "nft", "nft_loss", "nft_reset", "narrow_line", "sock_diag", "sock_destroy", "tcp_repair", "cpu_limit",
    "memory_limit"."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Hello:
        return cls(
            version=record["version"],
            pid=record["pid"],
            init=record["init"],
            namespaces=dict(record["namespaces"]),
            can={name: Availability(**found) for name, found in record["can"].items()},
        )
