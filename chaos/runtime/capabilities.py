"""What a deployment can give, told truthfully: for each thing it cannot, why, and what would bring it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from chaos.agent.types import Hello
from chaos.capability import Availability, Capability
from chaos.target import Target

__all__ = ["BY_GROUPS", "BY_RULES", "by_agent", "by_proxy", "by_target", "given_disk", "without_agent"]


BY_RULES = {
    Capability.KERNEL_RULES: "nft",
    Capability.PACKET_LOSS: "nft_loss",
    Capability.INJECTED_RESETS: "nft_reset",
    Capability.BOTTLENECK: "narrow_line",
    Capability.SOCKET_KILL: "sock_destroy",
}
"""What must not be done to a network that is not the target's own, and how the agent calls it."""

BY_GROUPS = {Capability.CPU_LIMIT: "cpu_limit", Capability.MEMORY_LIMIT: "memory_limit"}
"""What is done to the server's processes by control groups, and how the agent calls it."""


def by_target(target: Target) -> dict[Capability, Availability]:
    """What hangs on the target file."""
    upstream, statistics = Availability.yes(), Availability.yes()
    if target.upstream is None:
        upstream = Availability.no(
            f"{target.name} declares no upstream", remedy="name the variable with its URL under [upstream]"
        )
    if target.statistics is None:
        statistics = Availability.no(
            f"{target.name} declares no statistics", remedy="say where they are under [statistics]"
        )
    tls = Availability.yes()
    if target.tls is None:
        tls = Availability.no(f"{target.name} declares no TLS", remedy="say how it is known under [tls]")
    return {
        Capability.UPSTREAM: upstream,
        Capability.STATISTICS: statistics,
        Capability.TLS: tls,
    }


def given_disk(target: Target, possible: Callable[[], Availability]) -> Availability:
    """Whether the server writes to a disk of its own; `possible` says whether it can be given one."""
    if target.start.disk is None:
        return Availability.no(
            f"{target.name} writes to no disk that could be its own",
            remedy="name the variable that says in which directory it writes: start.disk",
        )
    return possible()


def by_proxy(kind: Literal["toxiproxy", "embedded"], *, remedy: str) -> dict[Capability, Availability]:
    """What hangs on the proxy; `remedy` is how to get the one that passes RST on."""
    through = Availability.yes()
    if kind == "toxiproxy":
        through = Availability.no("Toxiproxy turns an RST into a FIN", remedy=remedy)
    return {Capability.LINK: Availability.yes(), Capability.RST_THROUGH: through}


def by_agent(hello: Hello, *, own_network: Availability) -> dict[Capability, Availability]:
    """What hangs on the agent; a network that is not the target's own must not get kernel rules."""
    rules = {name: hello.can[asked] if own_network.available else own_network for name, asked in BY_RULES.items()}
    return {
        **rules,
        **{name: hello.can[asked] for name, asked in BY_GROUPS.items()},
        Capability.SOCKET_PROBE: hello.can["sock_diag"],
        Capability.PROCESS_PROBE: Availability.yes(),
    }


def without_agent(reason: str, *, remedy: str) -> dict[Capability, Availability]:
    """All that only an agent can do, absent."""
    absent = Availability.no(reason, remedy=remedy)
    return dict.fromkeys((*BY_RULES, *BY_GROUPS, Capability.SOCKET_PROBE, Capability.PROCESS_PROBE), absent)
