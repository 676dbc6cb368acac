"""The `attached` runtime: a server that runs already, on this machine or on a host the user allows by name.

It is not the suite's: it is measured where that is permitted, and never signalled, restarted or cut off by rules.
"""

from __future__ import annotations

import contextlib
import ipaddress
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from chaos.address import Address, refuse_foreign
from chaos.agent.client import AgentClient
from chaos.agent.processes import read_stat
from chaos.capability import Availability, Capability
from chaos.errors import ConfigurationError, StartFailed, Unsupported
from chaos.runtime.base import Deployment, RuntimeOptions
from chaos.runtime.capabilities import BY_GROUPS, BY_RULES, by_proxy, by_target, without_agent
from chaos.runtime.certificates import refuse_issued
from chaos.runtime.ground import PLAIN, Ground, open_ground
from chaos.runtime.health import NeverHealthy, accepts, check_of, speaking, wait_healthy
from chaos.runtime.helpers import proxy_endpoint, start_proxy
from chaos.runtime.host import dial
from chaos.runtime.logs import TOLD
from chaos.runtime.owner import Owner
from chaos.runtime.ports import free_ports
from chaos.target import Target

__all__ = ["AttachedRuntime", "attached_address"]

LOOPBACK = "127.0.0.1"

ANSWERS_WITHIN = 5.0
"""Seconds for a server that runs already to answer: its accept queue may be full of somebody else's load."""

_RELAYS = ("docker-proxy", "rootlessport", "slirp4netns", "gvproxy")
"""Programs that publish a container's port: they listen in its place, and end TCP."""

_REMEDY = "have the suite start it (start.command, start.image or start.build)"


class AttachedRuntime:
    """Attaches to `start.attach`."""

    name = "attached"

    def deploy(self, target: Target, *, owner: Owner, options: RuntimeOptions) -> Deployment:
        """Start a proxy in front of the running server, and an agent beside it where it is on this machine.

        Raises ConfigurationError for a target without an address, ForeignAddress, Unsupported where the suite would
        have to issue a certificate, StartFailed when nothing answers there.
        """
        refuse_issued(target, runtime=self.name)
        address = attached_address(target, options=options)
        _require_answer(target, address)
        with contextlib.ExitStack() as resources:
            ground = open_ground(resources, PLAIN, owner=owner)
            api = Address(LOOPBACK, free_ports(1)[0])
            log = ground.directory / "proxy.log"
            start_proxy(ground.place, options=options, api=api, log=log).wait()
            agent = ground.agent if _is_loopback(address.host) else None
            server = AttachedServer(target, address=address, agent=agent)
            return Deployment(
                name=target.name,
                runtime=self.name,
                target=target,
                owner=owner,
                directory=ground.directory,
                capabilities={
                    **by_target(target),
                    **by_proxy(options.proxy, remedy="take the embedded proxy: --chaos-proxy=embedded"),
                    **_capabilities(target, server, ground),
                },
                agent=agent,
                agent_socket=None if agent is None else ground.agent_socket,
                server=server,
                toxiproxy=proxy_endpoint(ground.place, kind=options.proxy, api=api, server=address, log=log),
                upstream=None,
                place=ground.place,
                resources=resources.pop_all(),
            )


class AttachedServer:
    """A server that somebody else runs."""

    def __init__(self, target: Target, *, address: Address, agent: AgentClient | None) -> None:
        self._target = target
        self._address = address
        self._agent = agent

    @property
    def address(self) -> Address:
        return self._address

    @property
    def published(self) -> Address:
        return self._address

    def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        del environment
        self._refuse("started")

    def stop(
        self, *, sig: signal.Signals = signal.SIGTERM, timeout: float, sent: Callable[[], None] = lambda: None
    ) -> int:
        self._refuse(f"sent {sig.name}")

    def kill(self) -> None:
        self._refuse("killed")

    def alive(self) -> bool:
        """Whether its port accepts connections: the one thing about it that can be known from anywhere."""
        return accepts(self._address, dial=speaking(self._target.tls, dial), relayed=False)() is None

    def exit_code(self) -> int | None:
        return None

    def root_pids(self) -> tuple[int, ...]:
        """The processes that listen on its port, those left out that descend from another of them."""
        if self._agent is None:
            return ()
        listening = set(self._agent.listen_pids(self._address.port))
        return tuple(sorted(pid for pid in listening if not _ancestors(pid) & listening))

    def logged(self) -> int | None:
        """Not known: its log is not ours to know."""
        return None

    def log_tail(self, lines: int = TOLD) -> list[str]:
        """Nothing: its log is not ours to know."""
        del lines
        return []

    def _refuse(self, what: str) -> NoReturn:
        raise Unsupported(f"{self._target.name} was attached to at {self._address} and cannot be {what}; {_REMEDY}")


def attached_address(target: Target, *, options: RuntimeOptions) -> Address:
    """Where the target runs. Raises ConfigurationError or ForeignAddress."""
    if target.start.attach is None:
        raise ConfigurationError(
            f"{target.file}: start.attach is missing, and without it there is no address of {target.name} to attach "
            "to; add it, or take the runtime for the way it can be started (--chaos-runtime)"
        )
    url = urlsplit(target.start.attach)
    try:
        port = url.port
    except ValueError as error:
        raise ConfigurationError(f"{target.file}: start.attach is {target.start.attach!r}: {error}") from error
    usual = 443 if url.scheme == "wss" else 80
    address = Address(url.hostname or "", usual if port is None else port)
    refuse_foreign(address, allowed_hosts=options.allowed_hosts)
    return address


def _require_answer(target: Target, address: Address) -> None:
    check = check_of(target, address, dial=dial, relayed=True)
    try:
        wait_healthy(check, exit_code=lambda: None, within=ANSWERS_WITHIN)
    except NeverHealthy as never:
        raise StartFailed(
            f"{target.name} is to be attached to, and {never.seen}; "
            f"{never.remedy or 'start it first, or correct start.attach or start.health'}"
        ) from never


def _capabilities(target: Target, server: AttachedServer, ground: Ground) -> dict[Capability, Availability]:
    address = server.address
    not_ours = Availability.no(f"{target.name} was attached to, not started", remedy=_REMEDY)
    given = {
        Capability.UPSTREAM: not_ours,
        Capability.SIGNALS: not_ours,
        Capability.RESTART: not_ours,
        Capability.SETTINGS: not_ours,
        Capability.CLOCK: not_ours,
        Capability.DISK: not_ours,
        **dict.fromkeys(BY_GROUPS, not_ours),
        Capability.TCP_TRUE: Availability.yes(),
    }
    if not _is_loopback(address.host):
        absent = without_agent(f"{target.name} runs on {address.host}", remedy="run the suite there")
        unknown = Availability.no(
            f"what lies between here and {address.host} is unknown", remedy="run the suite on that machine"
        )
        return {**absent, **given, **dict.fromkeys(BY_RULES, not_ours), Capability.TCP_TRUE: unknown}
    given = {**ground.capabilities(), **given, **dict.fromkeys(BY_RULES, not_ours)}
    if server.root_pids() == () and ground.agent is not None:
        given[Capability.PROCESS_PROBE] = Availability.no(
            f"the process that listens on {address} is out of sight", remedy="run as its user or as root"
        )
    if any(_name(pid).startswith(_RELAYS) for pid in server.root_pids()):
        relayed = Availability.no(f"{address} is published by a container engine, whose relay ends TCP", remedy=_REMEDY)
        given.update(dict.fromkeys((Capability.TCP_TRUE, Capability.PROCESS_PROBE, Capability.SOCKET_PROBE), relayed))
    return given


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    stat = read_stat(pid)
    while stat is not None and stat.parent not in found and stat.parent > 0:
        found.add(stat.parent)
        stat = read_stat(stat.parent)
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""  # it ended meanwhile
