"""Connections that the link has cut: how the clients saw it, and that the server's kernel was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from chaos.agent.types import Endpoint
from chaos.faults.base import Scene
from chaos.faults.evidence import poll_until
from chaos.faults.victims import covering
from chaos.journal import Ended, Evidence, Receipt

__all__ = ["Socket", "cut_of", "cut_off", "established", "let_go"]

Socket = tuple[Endpoint, int]
"""A socket of the server by its peer and its cookie: it has no inode until it is accepted."""


async def established(scene: Scene) -> frozenset[Socket]:
    """The server's established sockets. Raises FaultError where there is no agent to look."""
    sockets = await scene.the_agent().sockets(scene.server.port)
    return frozenset(
        (found.remote, found.cookie) for found in sockets if found.state == "ESTABLISHED" and found.side == "local"
    )


async def let_go(scene: Scene, before: frozenset[Socket], count: int) -> frozenset[Socket]:
    """Those of the server's sockets that are established no more, once it is so many or patience is over."""
    now = await poll_until(lambda: established(scene), lambda now: len(before - now) >= count, within=scene.patience)
    return before - now


def cut_of(ended: Iterable[Ended]) -> int:
    """How many have ended as the link ends them: whom the server has closed with a frame, it has not cut."""
    return sum(each.by == "server" and each.how in ("eof", "reset") for each in ended)


async def cut_off(
    fault: str, scene: Scene, before: frozenset[Socket] | None, *, since: float, within: float
) -> Receipt:
    """The receipt of a fault that ends every victim's connection within so many seconds, by FIN, towards both ends.

    It begins to act when the first of them ends: until then the server is told nothing. `before` are the server's
    sockets by then; None where there is no agent to look.
    """
    victims = scene.the_victims()
    ended = [each for each in await victims.wait_ended(within=within) if each.at >= since]
    cut = covered = cut_of(ended)
    in_kernel: tuple[Evidence, ...] = ()
    if before is not None:
        gone = await let_go(scene, before, victims.size)
        covered = min(cut, len(gone))
        in_kernel = (
            Evidence(
                what="established sockets of the server",
                side="server kernel",
                before=str(len(before)),
                during=str(len(before - gone)),
            ),
        )
    return covering(
        fault,
        since=min((each.at for each in ended), default=since),
        covered=covered,
        total=victims.size,
        evidence=(_how(ended, victims.size), *in_kernel, *_each(ended)),
    )


def _how(ended: list[Ended], size: int) -> Evidence:
    how = Counter(each.how for each in ended)
    return Evidence(
        what="how the connections ended",
        side="client",
        before=f"{size} open",
        during=", ".join(f"{count} {name}" for name, count in sorted(how.items())) or "none did",
    )


def _each(ended: list[Ended]) -> list[Evidence]:
    return [
        Evidence(
            what="how the connection ended",
            side="client",
            before="open",
            during=each.how,
            connection=f"client {each.client}",
        )
        for each in sorted(ended, key=lambda each: each.client)
    ]
