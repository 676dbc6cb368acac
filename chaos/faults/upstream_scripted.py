"""What the upstream faults share: the scripted upstream, and a request of ours that shows what it does now."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

from chaos.address import Address
from chaos.faults.base import Scene
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt
from chaos.probes.http import get
from chaos.units import format_duration
from chaos.upstream.client import PROOF_PATH
from chaos.upstream.server import LONGEST_DELAY

__all__ = ["PROOF_WITHIN", "ask", "ask_late", "check_delay", "follow_script", "in_words"]

PROOF_WITHIN = 0.25
"""Seconds after which a proof counts as hanging: an answer takes 1 ms on loopback, 60 ms on a saturated machine."""


async def follow_script(
    scene: Scene,
    fault: str,
    mode: Literal["error", "flap", "give-out", "hang", "slow"],
    wanted: str,
    *,
    status: int = 500,
    delay: float = 0.0,
    look: Callable[[Address], Awaitable[str]] | None = None,
) -> AsyncIterator[Receipt | Healing]:
    """Set the script, show by a request through the link that it is followed, and take it back the same way.

    `wanted` is what `look` finds where it is followed; one request is looked at where nothing else is said.
    """
    upstream, link = scene.the_upstream(), scene.the_upstream_link()
    look = look or ask
    before = await look(link.address)
    since = time.monotonic()
    try:
        await upstream.mode(mode, status=status, delay=delay)
        during = await look(link.address)
        yield Receipt(
            at=time.monotonic(),
            fault=fault,
            bite=Bite.BIT if during == wanted and before != wanted else Bite.DID_NOT_BITE,
            covered=0,
            total=0,
            since=since,
            evidence=(Evidence(what="answer to a request", side="upstream", before=before, during=during),),
        )
    finally:
        healed_at = time.monotonic()
        await upstream.mode("ok")
    after = await look(link.address)
    yield Healing(
        at=time.monotonic(),
        fault=fault,
        state=HealingState.HEALED if after == before else HealingState.FAILED,
        since=healed_at,
        evidence=(Evidence(what="answer to a request", side="upstream", before=during, during=after),),
    )


async def ask(address: Address, *, within: float = PROOF_WITHIN) -> str:
    """What a request through the link gets: a status, "no answer" within so many seconds, or why there is no
    connection."""
    try:
        return str((await get(address, PROOF_PATH, within=within)).status)
    except TimeoutError:
        return "no answer"
    except (OSError, ValueError) as error:
        return type(error).__name__


async def ask_late(address: Address, *, delay: float) -> str:
    """As `ask`, of an answer that may take `delay` seconds more: whether it took them."""
    began = time.monotonic()
    answer = await ask(address, within=delay + PROOF_WITHIN)
    late = answer.isdigit() and time.monotonic() - began >= delay
    return in_words(answer, delay) if late else answer


def check_delay(name: str, seconds: object) -> None:
    """Raises ValueError for seconds, 0 for none, that the upstream does not keep an answer back for."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_DELAY:
        raise ValueError(f"{name} is seconds from 0 to {LONGEST_DELAY:.0f}; found {seconds!r}")


def in_words(answer: str, delay: float) -> str:
    """An answer that took so many seconds at least."""
    return f"{answer}, no sooner than after {format_duration(delay)}" if delay else answer
