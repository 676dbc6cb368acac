"""The connections that a proxy has made to the server, found in the server's kernel: each is a client's second leg."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from chaos.agent.types import Endpoint, SocketInfo
from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.evidence import Wire, poll_until
from chaos.faults.probe import through_the_link

__all__ = ["Leg", "is_loopback", "legs_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg(Wire):
    """One of them; `client` is its number among them, by port: whose it is Toxiproxy does not tell."""

    @property
    def words(self) -> str:
        return f"from the proxy's port {self.peer[1]}"


async def legs_of(scene: Scene) -> list[Leg]:
    """Those of the victims, and of whoever else is on the link; waits until there is one for each victim that is open,
    at most the scene's patience.

    Raises FaultError where they cannot be told from others: where Toxiproxy is on loopback, as everybody is.
    """
    victims = scene.the_victims()
    wanted = await victims.open_count()
    host, our_own = None, frozenset[Endpoint]()
    if await scene.the_link().connections() is None:
        host, our_own = await _host_of_the_proxy(scene)

    async def legs() -> list[SocketInfo]:
        told = await scene.the_link().connections()
        ends = {each.local for each in told or () if each.ended_at is None}
        return [
            found
            for found in await _held(scene)
            if found.remote not in our_own and (found.remote in ends if told is not None else found.remote[0] == host)
        ]

    found = await poll_until(legs, lambda seen: len(seen) == wanted, within=scene.patience)
    return [
        Leg(client=number, server=each.local, peer=each.remote, inode=each.inode)
        for number, each in enumerate(sorted(found, key=lambda each: each.remote[1]))
    ]


async def _held(scene: Scene) -> list[SocketInfo]:
    return [
        found
        for found in await scene.the_agent().sockets(scene.server.port)
        if found.side == "local" and found.state == "ESTABLISHED"
    ]


async def _host_of_the_proxy(scene: Scene) -> tuple[str, frozenset[Endpoint]]:
    """Where the proxy's connections come from, as the server's kernel sees them: from where one more comes. And those
    that came meanwhile."""
    before = {found.remote for found in await _held(scene)}
    async with through_the_link(scene):
        came = frozenset(found.remote for found in await _held(scene) if found.remote not in before)
    hosts = sorted({host for host, _ in came})
    if len(hosts) != 1 or is_loopback(hosts[0]):
        raise FaultError(
            "which of the server's connections are the proxy's cannot be told: Toxiproxy does not say so, and others "
            f"come from where it is ({', '.join(hosts) or 'nowhere'}); take the embedded proxy"
        )
    return hosts[0], came


def is_loopback(host: str) -> bool:
    """Whether everybody comes from there."""
    return ip_address(host).is_loopback
