"""What processes are started on: a state directory, a place, and the agent where there can be one."""

from __future__ import annotations

import contextlib
import functools
import sys
from dataclasses import dataclass
from pathlib import Path

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import Isolation, Kind, ProbedIsolation, launch_agent, probe_isolation
from chaos.capability import Availability, Capability
from chaos.errors import Unsupported
from chaos.runtime.agent_place import AgentPlace
from chaos.runtime.base import Place, RuntimeOptions
from chaos.runtime.capabilities import by_agent, without_agent
from chaos.runtime.host import HostPlace
from chaos.runtime.owner import Owner
from chaos.runtime.state import StateDirectory

__all__ = ["PLAIN", "Ground", "isolation_for", "open_ground"]

_NOT_LINUX = "the agent takes Linux"
_NOT_LINUX_REMEDY = "run the suite on Linux, or in a Linux virtual machine"

PLAIN = ProbedIsolation(
    isolation=Isolation(Kind.PLAIN),
    hermetic=Availability.no("no namespace was wanted", remedy="leave that option out"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where the processes of one deployment run."""

    directory: Path
    place: Place
    agent: AgentClient | None
    agent_socket: Path | None
    own_network: Availability

    def capabilities(self) -> dict[Capability, Availability]:
        """What hangs on the agent."""
        if self.agent is None:
            return without_agent(_NOT_LINUX, remedy=_NOT_LINUX_REMEDY)
        return by_agent(self.agent.hello(), own_network=self.own_network)


def isolation_for(options: RuntimeOptions) -> ProbedIsolation:
    """Where the agent is put. Raises Unsupported where a namespace was demanded and cannot be had."""
    if options.hermetic is False:
        return PLAIN
    probed = _probe()
    if options.hermetic and not probed.hermetic.available:
        raise Unsupported(f"a namespace was demanded, and {probed.hermetic.reason}; {probed.hermetic.remedy}")
    return probed


@functools.cache
def _probe() -> ProbedIsolation:
    """Once a process: what a machine allows does not change under a test run."""
    if sys.platform != "linux":
        absent = Availability.no("network namespaces are Linux's", remedy=_NOT_LINUX_REMEDY)
        return ProbedIsolation(isolation=Isolation(Kind.PLAIN), hermetic=absent)
    return probe_isolation()


def open_ground(resources: contextlib.ExitStack, isolated: ProbedIsolation, *, owner: Owner) -> Ground:
    """The state directory, the agent and the place; `resources` ends all of it with whatever was started."""
    state = StateDirectory(owner)
    resources.callback(state.remove)
    directory = state.make()
    if sys.platform != "linux":
        place = HostPlace(owner=owner, deployment=state.name)
        resources.callback(place.close)
        return Ground(directory=directory, place=place, agent=None, agent_socket=None, own_network=isolated.hermetic)
    socket_path = directory / "agent.sock"
    # What is spawned through the agent ends with the agent.
    resources.enter_context(
        launch_agent(socket=socket_path, isolation=isolated.isolation, owner=owner.token, log=directory / "agent.log")
    )
    agent = resources.enter_context(AgentClient(socket_path))
    return Ground(
        directory=directory,
        place=AgentPlace(agent, socket_path=socket_path, deployment=state.name),
        agent=agent,
        agent_socket=socket_path,
        own_network=isolated.hermetic,
    )
