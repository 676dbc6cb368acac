"""The agent of a container target: in the sandbox's network namespace, by nsenter or as the sandbox itself.

As root on the engine's own Linux machine the agent is a process of this machine that joins the sandbox's network
namespace. Without root the sandbox itself runs the agent, with the capabilities it takes and this machine's view of
processes, and its socket comes out through a directory that both see.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from docker.models.containers import Container

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import Isolation, launch_agent
from chaos.capability import Availability, Capability
from chaos.errors import AgentError
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.capabilities import by_agent, without_agent
from chaos.runtime.engine import Engine, last_lines
from chaos.runtime.environment import PACKAGE_PARENT
from chaos.runtime.health import POLL_INTERVAL
from chaos.runtime.logs import quote
from chaos.runtime.owner import Owner

__all__ = ["AgentPlan", "plan_agent"]

READY_WITHIN = 15.0
"""Seconds for the sandbox's agent to listen: 0.1 s after the container has started."""

_INSIDE = Path("/opt/chaos")
"""Where the sandbox sees the package."""

_CAPABILITIES = ("NET_ADMIN", "SYS_PTRACE", "KILL", "DAC_READ_SEARCH", "SETUID", "SETGID")
"""For rules and sock_diag; for fds and memory of another user's process; for its signals; for its /proc entries; and
the last two for its limits, which only its own user may set."""

_NFT_REMEDY = (
    "run as root, so that this machine's nft is used, or name a Python image that has nftables (--chaos-python-image)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """How the agent gets in, decided before the sandbox is made, which may have to be the agent itself."""

    way: Literal["nsenter", "sidecar", "none"]
    socket: Path
    owner: Owner
    reason: str = ""
    """none: why, and what would bring one."""
    remedy: str = ""
    command: tuple[str, ...] = ("sleep", "infinity")
    """What the sandbox runs."""
    container: Mapping[str, Any] = field(default_factory=dict)
    """Further options of the sandbox, as the docker SDK names them."""
    volumes: tuple[tuple[str, str, str], ...] = ()
    """What the sandbox sees of this machine: path here, path inside, mode."""

    def open(self, resources: contextlib.ExitStack, sandbox: Container) -> AgentClient | None:
        """Connect to the agent, starting it first where it is not the sandbox; `resources` ends both.

        Raises AgentError when it does not come up.
        """
        if self.way == "none":
            return None
        if self.way == "nsenter":
            sandbox.reload()
            isolation = Isolation.joined(int(sandbox.attrs["State"]["Pid"]))
            resources.enter_context(launch_agent(socket=self.socket, isolation=isolation, owner=self.owner.token))
        else:
            self._await_sidecar(sandbox)
        return resources.enter_context(AgentClient(self.socket))

    def capabilities(self, agent: AgentClient | None) -> dict[Capability, Availability]:
        """What the agent gives; without one there are neither probes nor rules nor signals from the conductor."""
        if agent is None:
            absent = without_agent(self.reason, remedy=self.remedy)
            return {**absent, Capability.SIGNALS: absent[Capability.KERNEL_RULES]}
        given = {**by_agent(agent.hello(), own_network=Availability.yes()), Capability.SIGNALS: Availability.yes()}
        for name in (Capability.KERNEL_RULES, Capability.PACKET_LOSS, Capability.INJECTED_RESETS):
            if self.way == "sidecar" and not (rules := given[name]).available:
                given[name] = Availability.no(f"in the sandbox, {rules.reason}", remedy=_NFT_REMEDY)
        return given

    def _await_sidecar(self, sandbox: Container) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not self.socket.is_socket():
            sandbox.reload()
            if not sandbox.attrs["State"]["Running"] or time.monotonic() >= deadline:
                log = quote(last_lines(sandbox))
                raise AgentError(f"the agent in the sandbox is not ready after {READY_WITHIN:g}s{log}")
            time.sleep(POLL_INTERVAL)
        if os.geteuid() != 0:
            # Made by the container's root and open to its owner only; the directory is ours, the socket has to be.
            done = sandbox.exec_run(["chown", f"{os.geteuid()}:{os.getegid()}", str(self.socket)])
            if done.exit_code != 0:
                said = done.output.decode("utf-8", errors="replace").strip()
                raise AgentError(f"the socket of the agent in the sandbox cannot be made ours: {said}")


def plan_agent(
    engine: Engine, *, options: RuntimeOptions, directory: Path, owner: Owner, same_machine: bool
) -> AgentPlan:
    """The best way there is, or the one that was asked for.

    `same_machine`: the engine's bridges are this machine's, so its processes are, too.
    """
    socket = directory / "agent.sock"
    local = engine.local and sys.platform == "linux"
    way = options.agent
    if way == "auto":
        way = "nsenter" if os.geteuid() == 0 and same_machine else "sidecar" if local else "none"
    if way == "nsenter":
        return AgentPlan(way=way, socket=socket, owner=owner)
    if way == "sidecar":
        return _plan_sidecar(socket, options=options, owner=owner)
    if options.agent == "none":
        reason, remedy = "no agent was wanted", "leave that option out"
    else:
        reason = f"the engine at {engine.host} is not on this Linux machine, and an agent there cannot be reached"
        remedy = "use an engine of this machine, or the processes runtime (--chaos-runtime=processes)"
    return AgentPlan(way="none", socket=socket, owner=owner, reason=reason, remedy=remedy)


def _plan_sidecar(socket: Path, *, options: RuntimeOptions, owner: Owner) -> AgentPlan:
    main = _INSIDE / "chaos" / "agent" / "__main__.py"
    directories = [socket.parent, *([options.run_directory] if options.run_directory else [])]
    return AgentPlan(
        way="sidecar",
        socket=socket,
        owner=owner,
        command=(
            *("python3", "-I", "-S", str(main), "--socket", str(socket), "--token", secrets.token_hex(6)),
            *("--owner", owner.token, "--owner-pid", str(owner.pid)),
        ),
        container={
            "cap_add": list(_CAPABILITIES),
            "pid_mode": "host",
            "stdin_open": True,  # the agent ends when its standard input does
        },
        volumes=(
            (str(PACKAGE_PARENT / "chaos"), str(_INSIDE / "chaos"), "ro"),
            # At the same path on both sides, for the agent is told paths of this machine.
            *((str(directory), str(directory), "rw") for directory in directories),
        ),
    )
