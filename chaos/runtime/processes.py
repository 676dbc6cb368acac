"""The `processes` runtime: server, proxy and upstream as processes, in a namespace of their own where one can be had.

Nothing has to be installed. In the namespace there is nothing but loopback: ports cannot collide, not one packet can
leave, and kernel rules hit nobody else. Where none can be had the same processes run on the machine's loopback, on
free ports, and kernel rules are an absent capability.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from chaos.address import Address
from chaos.agent.clock_library import clock_availability
from chaos.agent.own_disk import DISK, disk_availability, on_own_disk
from chaos.capability import Availability, Capability
from chaos.errors import ConfigurationError, PortTaken
from chaos.runtime.base import Deployment, RuntimeOptions, UpstreamEndpoint
from chaos.runtime.capabilities import by_proxy, by_target, given_disk
from chaos.runtime.certificates import certified
from chaos.runtime.environment import server_environment
from chaos.runtime.ground import Ground, isolation_for, open_ground
from chaos.runtime.helpers import Helper, proxy_endpoint, start_proxy, start_upstream
from chaos.runtime.owner import Owner
from chaos.runtime.placed_server import PlacedServer, fill_in
from chaos.runtime.ports import free_ports, is_taken, taken_by
from chaos.runtime.upstream_link import make_resting_link
from chaos.target import Target

__all__ = ["ProcessesRuntime"]

LOOPBACK = "127.0.0.1"

_COMPANION_PORTS = (8474, 8475, 8476, 8477, 8478)
"""Ports of the companions in a namespace of their own, Toxiproxy's usual API port first; one more than needed, for
the case that the server has one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addresses:
    server: Address
    proxy_api: Address
    upstream: Address
    upstream_control: Address
    upstream_link: Address


class ProcessesRuntime:
    """Starts `start.command`."""

    name = "processes"

    def deploy(self, target: Target, *, owner: Owner, options: RuntimeOptions) -> Deployment:
        """Start the target with its companions.

        Raises ConfigurationError for a target without a command, Unsupported where a namespace was demanded and
        cannot be had, ToolMissing, PortTaken, StartFailed, TargetDied, or EnvironmentFailure for a companion.
        """
        command = target.start.command
        if command is None:
            raise ConfigurationError(
                f"{target.file}: start.command is missing, and without it {target.name} cannot run as a process; "
                "add it, or take the runtime for the way it can be started (--chaos-runtime)"
            )
        isolated = isolation_for(options)
        addresses = _addresses(target, command, hermetic=isolated.isolation.hermetic)
        with contextlib.ExitStack() as resources:
            ground = open_ground(resources, isolated, owner=owner)
            target, certificate = certified(target, directory=ground.directory)
            environment = {
                "TMPDIR": str(_temporary_directory(ground)),
                **_target_environment(target, addresses),
                **certificate,
            }
            argv = fill_in(command, python=sys.executable, address=addresses.server)
            disk = given_disk(target, lambda: disk_availability(isolated.isolation.prefix()))
            if target.start.disk is not None and disk.available:
                directory = ground.directory / DISK
                directory.mkdir()
                environment[target.start.disk] = str(directory)
                argv = on_own_disk(argv, directory)
            server = PlacedServer(
                target,
                place=ground.place,
                argv=argv,
                address=addresses.server,
                env=server_environment(environment, extra=options.environment),
                log=ground.directory / "server.log",
            )
            # They start side by side, and the waits only collect them. The server comes last: it may ask its upstream
            # in its first moment.
            for companion in _start_companions(target, ground, addresses, options=options):
                companion.wait()
            proxy = proxy_endpoint(
                ground.place,
                kind=options.proxy,
                api=addresses.proxy_api,
                server=addresses.server,
                log=_proxy_log(ground),
            )
            upstream = _upstream_endpoint(target, addresses)
            if upstream is not None:
                make_resting_link(proxy, upstream, dial=ground.place.dial)
            server.launch()
            server.wait_healthy()
            return Deployment(
                name=target.name,
                runtime=self.name,
                target=target,
                owner=owner,
                directory=ground.directory,
                capabilities={
                    **by_target(target),
                    **by_proxy(options.proxy, remedy="take the embedded proxy: --chaos-proxy=embedded"),
                    **ground.capabilities(),
                    Capability.TCP_TRUE: Availability.yes(),
                    Capability.SIGNALS: Availability.yes(),
                    Capability.RESTART: Availability.yes(),
                    Capability.SETTINGS: Availability.yes(),
                    Capability.CLOCK: clock_availability(),
                    Capability.DISK: disk,
                },
                agent=ground.agent,
                agent_socket=ground.agent_socket,
                server=server,
                toxiproxy=proxy,
                upstream=upstream,
                place=ground.place,
                resources=resources.pop_all(),
            )


def _addresses(target: Target, command: tuple[str, ...], *, hermetic: bool) -> _Addresses:
    """Where everything listens. Raises PortTaken where the server's port is not ours to choose and is taken."""
    if hermetic:
        ports = [target.start.port, *(port for port in _COMPANION_PORTS if port != target.start.port)]
    else:
        ports = [target.start.port, *free_ports(len(_COMPANION_PORTS))]
        if any("{port}" in argument for argument in command):
            ports[0] = ports.pop()
        elif is_taken(wanted := Address(LOOPBACK, target.start.port)):
            raise PortTaken(
                f"port {wanted.port} of {wanted.host} is taken by {taken_by(wanted)}, so {target.name} cannot listen "
                "there; end that program, or write {port} into start.command to be given a free one"
            )
    server, proxy_api, upstream, upstream_control, upstream_link, *_ = (Address(LOOPBACK, port) for port in ports)
    return _Addresses(
        server=server,
        proxy_api=proxy_api,
        upstream=upstream,
        upstream_control=upstream_control,
        upstream_link=upstream_link,
    )


def _temporary_directory(ground: Ground) -> Path:
    """The server's own: what it leaves there, such as a database that it started beside itself, goes with all else."""
    directory = ground.directory / "tmp"
    directory.mkdir()
    return directory


def _proxy_log(ground: Ground) -> Path:
    return ground.directory / "proxy.log"


def _start_companions(
    target: Target, ground: Ground, addresses: _Addresses, *, options: RuntimeOptions
) -> list[Helper]:
    companions = [start_proxy(ground.place, options=options, api=addresses.proxy_api, log=_proxy_log(ground))]
    if target.upstream is not None:
        companions.append(
            start_upstream(
                ground.place,
                data=addresses.upstream,
                control=addresses.upstream_control,
                health=target.upstream.health,
                log=ground.directory / "upstream.log",
            )
        )
    return companions


def _target_environment(target: Target, addresses: _Addresses) -> dict[str, str]:
    """The target's own variables, and the URL of its upstream: the link's, so that faults can be put between."""
    environment = dict(target.start.environment)
    if target.upstream is not None:
        environment[target.upstream.environment] = addresses.upstream_link.url("http")
    return environment


def _upstream_endpoint(target: Target, addresses: _Addresses) -> UpstreamEndpoint | None:
    if target.upstream is None:
        return None
    return UpstreamEndpoint(
        control=addresses.upstream_control,
        as_seen_by_proxy=addresses.upstream,
        link_port=addresses.upstream_link.port,
    )
