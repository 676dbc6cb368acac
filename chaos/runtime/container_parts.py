"""The containers of a deployment, one function each: started, and returned as what the deployment shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from docker.errors import APIError, DockerException
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from chaos.address import Address
from chaos.agent.own_disk import DISK, SIZE
from chaos.errors import EnvironmentFailure, StartFailed
from chaos.runtime.base import ToxiproxyEndpoint, UpstreamEndpoint
from chaos.runtime.certificates import inside_container
from chaos.runtime.container_agent import AgentPlan
from chaos.runtime.container_server import ContainerServer, exit_code_of
from chaos.runtime.engine import last_lines, translated
from chaos.runtime.health import Died, NeverHealthy, answers_200, wait_healthy
from chaos.runtime.helpers import HELPER_WITHIN, ask_version
from chaos.runtime.host import dial
from chaos.runtime.logs import quote
from chaos.runtime.owned import Fleet
from chaos.runtime.reach import Reach
from chaos.target import Target
from chaos.upstream import server as upstream_module

__all__ = ["start_sandbox", "start_server", "start_toxiproxy", "start_upstream"]

SERVER, TOXIPROXY, UPSTREAM = "server", "toxiproxy", "upstream"
"""Aliases in the network; the sandbox has the server's, for it is the sandbox's network that the server lives in."""

API_PORT = 8474
UPSTREAM_LINK_PORT = 8666
"""Where the link to the upstream listens at the proxy; only the server connects to it, inside the network."""
POOL = range(8700, 8720)
"""Ports published for links where containers are not reached by address. Published ports cost a relay process each;
a scenario has one link, and the runs of a session take turns."""
_DISK = f"/{DISK}"
"""Where a server has its own disk, where it asks for one."""
UPSTREAM_PORT, CONTROL_PORT = 8000, 8001


def start_sandbox(fleet: Fleet, network: Network, reach: Reach, target: Target, plan: AgentPlan) -> Container:
    """The container whose network namespace the server will live in."""
    container = fleet.container(
        fleet.engine.python_image,
        role="sandbox",
        command=plan.command,
        network=network,
        alias=SERVER,
        published=reach.published(target.start.port),
        volumes=plan.volumes,
        **plan.container,
    )
    return _started(container, what="the sandbox")


def start_server(
    fleet: Fleet,
    sandbox: Container,
    reach: Reach,
    target: Target,
    *,
    image: str,
    extra: Mapping[str, str],
    files: Mapping[str, str],
) -> ContainerServer:
    """The server, not healthy yet; `files` are copied into it, each by the variable that says where it is.

    Raises StartFailed when the engine cannot run its image.
    """
    environment = dict(target.start.environment)
    if target.upstream is not None:
        environment[target.upstream.environment] = Address(TOXIPROXY, UPSTREAM_LINK_PORT).url("http")
    if target.start.disk is not None:
        environment[target.start.disk] = _DISK
    environment.update({variable: inside_container(file) for variable, file in files.items()})
    container = fleet.container(
        image, role=SERVER, environment={**environment, **extra}, network_mode=f"container:{sandbox.id}"
    )
    if target.start.disk is not None:
        container.with_tmpfs_mount(_DISK, f"size={SIZE},mode=1777")
    for file in files.values():
        container.with_copy_into_container(Path(file), inside_container(file))
    address = reach.address_of(sandbox, target.start.port)
    try:
        container.start()
    except APIError as error:
        raise StartFailed(f"{target.name} cannot be started from {image}: {error.explanation}") from error
    return ContainerServer(
        container.get_wrapped_container(),
        target=target,
        address=address,
        published=address,
        relayed=not reach.by_address,
        dial=dial,
        processes_are_here=reach.same_machine,
    )


def start_toxiproxy(fleet: Fleet, network: Network, reach: Reach, target: Target) -> ToxiproxyEndpoint:
    """Toxiproxy, serving."""
    image = fleet.engine.toxiproxy_image
    container = fleet.container(
        image,
        role=TOXIPROXY,
        network=network,
        alias=TOXIPROXY,
        published=reach.published(API_PORT, *POOL),
    )
    started = _started(container, what="Toxiproxy")
    api = reach.address_of(started, API_PORT)
    _wait(
        started,
        api,
        "/version",
        what="Toxiproxy",
        remedy=f"see whether {image} is Toxiproxy's (--chaos-toxiproxy-image)",
    )
    return ToxiproxyEndpoint(
        api=api,
        kind="toxiproxy",
        version=ask_version(api, what="Toxiproxy", dial=dial),
        listen_host="0.0.0.0",
        reach_host=api.host,
        ports=None if reach.by_address else {port: reach.address_of(started, port).port for port in POOL},
        server_upstream=Address(SERVER, target.start.port),
        log_tail=lambda: _log_tail(started),
    )


def start_upstream(fleet: Fleet, network: Network, reach: Reach, target: Target) -> UpstreamEndpoint | None:
    """The scripted upstream, serving; None where the target has none."""
    if target.upstream is None:
        return None
    arguments = ("--host", "0.0.0.0", "--port", str(UPSTREAM_PORT), "--control", str(CONTROL_PORT))
    image = fleet.engine.python_image
    container = fleet.container(
        image,
        role=UPSTREAM,
        command=("python3", "/upstream.py", *arguments, "--health", target.upstream.health),
        network=network,
        alias=UPSTREAM,
        published=reach.published(CONTROL_PORT),
    )
    container.with_copy_into_container(Path(upstream_module.__file__), "/upstream.py")
    started = _started(container, what="the scripted upstream")
    control = reach.address_of(started, CONTROL_PORT)
    _wait(
        started,
        control,
        "/_hits?since=inf",
        what="the scripted upstream",
        remedy=f"see whether {image} has a Python (--chaos-python-image)",
    )
    return UpstreamEndpoint(
        control=control, as_seen_by_proxy=Address(UPSTREAM, UPSTREAM_PORT), link_port=UPSTREAM_LINK_PORT
    )


def _started(container: DockerContainer, *, what: str) -> Container:
    with translated(f"{what} cannot be started from {container.image}"):
        container.start()
    return container.get_wrapped_container()


def _wait(container: Container, address: Address, path: str, *, what: str, remedy: str) -> None:
    """Wait until a companion answers. Raises EnvironmentFailure: one that fails is never the target's fault."""

    def exit_code() -> int | None:
        container.reload()
        state = container.attrs["State"]
        return None if state["Running"] else exit_code_of(int(state["ExitCode"]))

    try:
        wait_healthy(answers_200(address, path, dial=dial), exit_code=exit_code, within=HELPER_WITHIN)
    except (Died, NeverHealthy) as problem:
        seen = f"does not serve after {HELPER_WITHIN:g}s: {problem}"
        if isinstance(problem, Died):
            seen = f"ended with exit code {problem.exit_code} while starting"
        raise EnvironmentFailure(f"{what} {seen}; {remedy}{quote(_log_tail(container))}") from problem


def _log_tail(container: Container) -> list[str]:
    """The last lines of a container's output; none where the engine has it no more."""
    try:
        return last_lines(container)
    except DockerException:
        return []
