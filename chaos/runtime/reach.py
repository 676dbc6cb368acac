"""How containers are reached from here: at their own addresses, or through ports that the engine publishes."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from docker.models.containers import Container
from testcontainers.core.network import Network

from chaos.address import Address
from chaos.errors import EngineUnavailable, EnvironmentFailure
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.engine import Engine

__all__ = ["Reach", "find_reach"]

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The way to containers of one network."""

    by_address: bool
    same_machine: bool
    """The network's bridge is this machine's, and so are the processes behind it."""
    network: str
    reason: str = ""
    """Why not by address."""

    def published(self, *ports: int) -> tuple[int, ...]:
        """The ports that have to be published: none where addresses are reached."""
        return () if self.by_address else ports

    def address_of(self, container: Container, port: int) -> Address:
        """Where this process reaches a started container's port."""
        container.reload()
        settings = container.attrs["NetworkSettings"]
        if self.by_address:
            return Address(settings["Networks"][self.network]["IPAddress"], port)
        bindings = settings["Ports"].get(f"{port}/tcp")
        if not bindings:
            raise EnvironmentFailure(
                f"the engine publishes no port for {port} of {container.name}, although it was asked to; its state is "
                f"{container.attrs['State']['Status']}"
            )
        return Address(LOOPBACK, int(bindings[0]["HostPort"]))


def find_reach(engine: Engine, network: Network, *, options: RuntimeOptions) -> Reach:
    """By address where the network's bridge is this machine's, unless the options say otherwise.

    Raises EngineUnavailable where the engine is on another machine: nothing could be reached there, and no load may
    leave this one.
    """
    if not _on_this_machine(engine):
        raise EngineUnavailable(
            f"the engine at {engine.host} is on another machine, and traffic stays on this one; use an engine of this "
            "machine, or the processes runtime (--chaos-runtime=processes)"
        )
    gateway = _gateway(network)
    ours = _is_ours(gateway)
    if options.reach == "published":
        reason = "published ports were asked for"
    else:
        reason = f"the engine's bridge {gateway} is not an address of this machine"
    by_address = options.reach == "addresses" or (options.reach == "auto" and ours)
    return Reach(by_address=by_address, same_machine=ours, network=network.name, reason="" if by_address else reason)


def _gateway(network: Network) -> str:
    details = network._unwrap_network  # testcontainers offers the network's id, and nothing that it asks the engine for
    details.reload()
    return str(details.attrs["IPAM"]["Config"][0]["Gateway"])


def _is_ours(address: str) -> bool:
    """Whether it is an address of this network namespace: only such can be bound."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _on_this_machine(engine: Engine) -> bool:
    if engine.local:
        return True
    host = urlsplit(engine.host).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
