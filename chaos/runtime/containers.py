"""The `containers` runtime: server, Toxiproxy and upstream as containers in a network of their own.

A sandbox container owns the network namespace that the server lives in, as the pause container of a pod does: its
address, its alias, the agent and the kernel rules survive when the server is killed and started again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chaos.agent.client import AgentClient
from chaos.capability import Availability, Capability
from chaos.runtime.base import Deployment, RuntimeOptions, ToxiproxyEndpoint, UpstreamEndpoint
from chaos.runtime.capabilities import by_proxy, by_target, given_disk
from chaos.runtime.certificates import certified
from chaos.runtime.container_agent import AgentPlan, plan_agent
from chaos.runtime.container_parts import start_sandbox, start_server, start_toxiproxy, start_upstream
from chaos.runtime.container_server import ContainerServer
from chaos.runtime.engine import Engine, connect, find_engine, translated
from chaos.runtime.host import HostPlace, dial
from chaos.runtime.images import ensure_companions, server_image
from chaos.runtime.owned import Fleet
from chaos.runtime.owner import Owner
from chaos.runtime.reach import Reach, find_reach
from chaos.runtime.state import StateDirectory
from chaos.runtime.upstream_link import make_resting_link
from chaos.target import Target

__all__ = ["ContainersRuntime"]


_MADE_WITH_THEM = Availability.no(
    "a container keeps the environment that it was made with",
    remedy="take the processes runtime (--chaos-runtime=processes)",
)

_NO_LIBRARY_INSIDE = Availability.no(
    "the clock is a library that a server's environment names at its start, and a container keeps the one that it was "
    "made with",
    remedy="take the processes runtime (--chaos-runtime=processes) where libfaketime is installed",
)


class ContainersRuntime:
    """Starts `start.image`, or what `start.build` makes."""

    name = "containers"

    def __init__(self, engine: Engine | None = None) -> None:
        """Takes the engine that `find_engine` finds, unless one is given."""
        self._engine = engine

    def deploy(self, target: Target, *, owner: Owner, options: RuntimeOptions) -> Deployment:
        """Start the target with its companions.

        Raises ConfigurationError for a target without an image, ToolMissing where a certificate is to be issued and
        cannot be, EngineUnavailable, ImageUnavailable, StartFailed, TargetDied, PortTaken, AgentError, or
        EnvironmentFailure for a companion.
        """
        engine = ensure_companions(self._engine or find_engine(), options=options)
        image = server_image(engine, target, options=options)
        with contextlib.ExitStack() as resources, translated(f"{target.name} cannot be deployed"):
            state = StateDirectory(owner)
            resources.callback(state.remove)
            directory = state.make()
            target, certificate = certified(target, directory=directory)
            client = resources.enter_context(contextlib.closing(connect(engine)))
            fleet = Fleet(engine=engine, client=client, owner=owner, deployment=state.name)
            resources.callback(fleet.sweep)
            started = _start(fleet, target, options, resources, image=image, directory=directory, files=certificate)
            started.server.wait_healthy()
            place = HostPlace(owner=owner, deployment=state.name)
            resources.callback(place.close)
            return Deployment(
                name=target.name,
                runtime=self.name,
                target=target,
                owner=owner,
                directory=directory,
                capabilities={
                    **by_target(target),
                    **by_proxy(
                        "toxiproxy", remedy="take the embedded proxy, which the processes runtime has by default"
                    ),
                    **started.plan.capabilities(started.agent),
                    Capability.TCP_TRUE: _tcp_true(started.reach),
                    Capability.RESTART: Availability.yes(),
                    Capability.SETTINGS: _MADE_WITH_THEM,
                    Capability.CLOCK: _NO_LIBRARY_INSIDE,
                    Capability.DISK: given_disk(target, lambda: _disk(started.reach)),
                },
                agent=started.agent,
                agent_socket=None if started.agent is None else started.plan.socket,
                server=started.server,
                toxiproxy=started.toxiproxy,
                upstream=started.upstream,
                place=place,
                resources=resources.pop_all(),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    reach: Reach
    plan: AgentPlan
    agent: AgentClient | None
    server: ContainerServer
    toxiproxy: ToxiproxyEndpoint
    upstream: UpstreamEndpoint | None


def _start(
    fleet: Fleet,
    target: Target,
    options: RuntimeOptions,
    resources: contextlib.ExitStack,
    *,
    image: str,
    directory: Path,
    files: Mapping[str, str],
) -> _Started:
    """Network, sandbox and agent, beside them proxy and upstream, and then the server, which is not healthy yet.

    Whatever the engine makes is asked for by a worker, also where nothing runs beside it: an interruption hits this
    thread, and a request that is cut off in the middle is carried out all the same, after the sweep has looked. Left in
    this order: workers are waited for, Testcontainers' settings are put back, and only then does the sweep look.
    """
    with fleet.launching(), ThreadPoolExecutor(4, thread_name_prefix="chaos-start") as workers:
        network = workers.submit(fleet.network).result()
        reach = find_reach(fleet.engine, network, options=options)
        plan = plan_agent(
            fleet.engine, options=options, directory=directory, owner=fleet.owner, same_machine=reach.same_machine
        )
        starting_proxy = workers.submit(start_toxiproxy, fleet, network, reach, target)
        starting_upstream = workers.submit(start_upstream, fleet, network, reach, target)
        sandbox = workers.submit(start_sandbox, fleet, network, reach, target, plan).result()
        agent = plan.open(resources, sandbox)
        toxiproxy, upstream = starting_proxy.result(), starting_upstream.result()
        if upstream is not None:
            make_resting_link(toxiproxy, upstream, dial=dial)
        server = workers.submit(
            start_server, fleet, sandbox, reach, target, image=image, extra=options.environment, files=files
        )
        return _Started(
            reach=reach, plan=plan, agent=agent, server=server.result(), toxiproxy=toxiproxy, upstream=upstream
        )


def _disk(reach: Reach) -> Availability:
    """A container has one at no cost; to fill it, its file system has to be reached from here."""
    if reach.same_machine and os.geteuid() == 0:
        return Availability.yes()
    return Availability.no(
        "the container's file system is not to be reached from here",
        remedy="run the suite as root on the engine's machine, or take the processes runtime "
        "(--chaos-runtime=processes)",
    )


def _tcp_true(reach: Reach) -> Availability:
    if reach.by_address:
        return Availability.yes()
    return Availability.no(
        f"{reach.reason}, and a published port ends TCP in the engine's relay",
        remedy="use an engine of this Linux machine, or the processes runtime (--chaos-runtime=processes)",
    )
