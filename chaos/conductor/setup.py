"""What a conductor has to know of the deployment it works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chaos.address import Address
from chaos.server_view import ServerView
from chaos.target import Target

__all__ = ["ConductorSetup", "ProxySetup", "UpstreamSetup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySetup:
    """Where Toxiproxy's API is, and between which addresses its links run."""

    api: Address
    listen_host: str
    """The address a new link listens on, as the proxy sees it."""
    reach_host: str
    """The same address, as clients see it."""
    server: Address
    """The server, as the proxy sees it."""
    ports: dict[int, int] | None = None
    """Ports a link may listen on, and the port each is reached at; None: any port, reached as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSetup:
    """The scripted upstream and the link between it and the server."""

    control: Address
    """Where its control endpoints are, as the conductor sees it."""
    address: Address
    """The upstream, as the proxy sees it."""
    link_port: int
    """Where the link to it has to listen, at the proxy's `listen_host`: the server was started with this port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConductorSetup:
    """One deployment, as the conductor sees it."""

    target: Target
    server: ServerView
    proxy: ProxySetup | None
    upstream: UpstreamSetup | None
    agent_socket: Path | None
    socket_directory: Path
    """Where the sockets of crowd workers go: a directory of mode 0700 with a short path."""
