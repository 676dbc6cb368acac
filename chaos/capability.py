"""What a deployment can give an experiment, and what to do about what it cannot.

A fault or a scenario names the capabilities it needs; a deployment says which it has. What is missing becomes a skip
that carries the reason and the remedy, in the same words `python -m chaos doctor` uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Availability", "Capability", "missing"]


class Capability(StrEnum):
    """One thing an experiment may need. The value is what reports print."""

    LINK = "a proxied link"
    """A proxy between clients and server whose toxics can be set."""
    RST_THROUGH = "a link that passes RST on"
    """An RST from one side of the link arrives as RST on the other (the embedded proxy, or no proxy)."""
    TCP_TRUE = "a TCP-true path"
    """Clients' own segments reach the server's kernel: no proxy, no docker-proxy in between."""
    KERNEL_RULES = "kernel rules"
    """nftables rules in the target's network namespace, by the agent."""
    PACKET_LOSS = "packet loss by kernel rules"
    """nftables drops a share of the packets there (`numgen`), by the agent."""
    BOTTLENECK = "a narrow line by the kernel"
    """htb and u32 hold the packets of named connections back there, by the agent."""
    INJECTED_RESETS = "resets by kernel rules"
    """nftables answers packets with RST there (`reject with tcp reset`), by the agent."""
    SOCKET_KILL = "killing the server's sockets"
    """SOCK_DESTROY in the target's network namespace, by the agent."""
    SOCKET_PROBE = "the server's kernel sockets"
    """sock_diag in the target's network namespace, by the agent."""
    PROCESS_PROBE = "the server's processes"
    """fds, threads and memory of the server's processes, by the agent."""
    SIGNALS = "signals to the server"
    """SIGSTOP, SIGCONT, SIGTERM and SIGKILL reach the server's processes."""
    CPU_LIMIT = "a limit on the server's CPU"
    """A control group with a quota holds the server's processes, by the agent."""
    MEMORY_LIMIT = "a limit on the server's memory"
    """A control group with a limit holds the server's processes, by the agent."""
    CLOCK = "a wall clock of the server's own"
    """libfaketime is loaded into the server when it is started with one, and moves the time of day that it reads."""
    DISK = "a disk of the server's own"
    """What the server writes is on a small file system of its own, which can be filled up."""
    RESTART = "restarting the server"
    """The runtime can start the server again after it ended."""
    SETTINGS = "starting the server with other settings"
    """The runtime can start the server again with other environment variables."""
    UPSTREAM = "a scripted upstream"
    """The server was started with an upstream of ours behind a link of its own."""
    TLS = "a server that speaks TLS"
    """The target declares how its TLS is known."""
    STATISTICS = "the server's own statistics"
    """The target says where its statistics are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether a capability is there; where it is not, why, and what would bring it."""

    available: bool
    reason: str = ""
    remedy: str = ""

    @classmethod
    def yes(cls) -> Availability:
        return cls(available=True)

    @classmethod
    def no(cls, reason: str, *, remedy: str) -> Availability:
        return cls(available=False, reason=reason, remedy=remedy)


def missing(needs: Iterable[Capability], given: Mapping[Capability, Availability]) -> str | None:
    """The skip sentence for the first need that is not met, or None when all are.

    A capability that a deployment does not mention counts as missing: a promise is never tested on a guess.
    """
    for need in needs:
        found = given.get(need)
        if found is None:
            return f"needs {need.value}, which this runtime does not offer"
        if not found.available:
            return f"needs {need.value}: {found.reason}; {found.remedy}"
    return None
