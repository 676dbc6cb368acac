"""Bounds that follow from a contract's intervals, with the words that explain them."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from chaos.contract import Contract
from chaos.units import format_duration

__all__ = [
    "RETRANSMISSION",
    "Bound",
    "by_timer",
    "dead_peer_bound",
    "found_dead",
    "least_wait",
    "partition_bound",
    "patience",
]

LEAST_PATIENCE = 2.0
"""Seconds: ten times the 0.2 s that a saturated loop on two cores has been seen late."""

PATIENCE_UNDECLARED = 10.0
"""Seconds, where no promise says how long establishing a connection may take."""


RETRANSMISSION = 0.2
"""Seconds after which a kernel first sends again what was not acknowledged and nothing followed (TCP_RTO_MIN on Linux);
from then on after twice the time each time."""


LATE = 0.1
"""Of what it is set to, a timer of the server's may be late: it fires after its time and never at it, and what it
begins takes a moment. With timers of 2 to 10 s, set to what was promised, ends came 1 to 20 ms late. A tenth is far
from the next thing that goes wrong, a ping left out."""


def by_timer(seconds: float) -> float:
    """The latest that a timer of so many seconds has done its work."""
    return seconds * (1 + LATE)


@dataclass(frozen=True, slots=True)
class Bound:
    """A duration in seconds, and how it comes about."""

    seconds: float
    why: str


def dead_peer_bound(*, interval: float, timeout: float, sweep: float | None, farewell: float | None = None) -> Bound:
    """The latest that a server lets go of a peer that died without a word.

    The peer dies just after a pong: the next ping comes an interval later, is given up a timeout after that, and,
    where dead peers are only removed by a sweep, waits for the next one. Where the server says goodbye to the dead as
    well, it waits for their answer. All of it by timers.
    """
    parts = [
        (interval, "heartbeat interval"),
        (timeout, "heartbeat timeout"),
        (sweep, "sweep"),
        (farewell, "farewell"),
    ]
    declared = [(seconds, name) for seconds, name in parts if seconds is not None]
    why = " + ".join(f"{name} {format_duration(seconds)}" for seconds, name in declared)
    return Bound(by_timer(sum(seconds for seconds, _ in declared)), f"{why}, a tenth of it late")


def found_dead(contract: SimpleNamespace) -> Bound:
    """`dead_peer_bound` by what a scenario reads of the contract: both keys of the heartbeat, and, optional,
    `cleanup.sweep_interval` and `cleanup.farewell`."""
    return dead_peer_bound(
        interval=contract.liveness.heartbeat_interval,
        timeout=contract.liveness.heartbeat_timeout,
        sweep=contract.cleanup.sweep_interval,
        farewell=contract.cleanup.farewell,
    )


def partition_bound(*, within: float) -> float:
    """The longest that nothing may pass, seconds, so that whatever was sent meanwhile arrives `within` so many.

    TCP sends it again 0.2 s, 0.6 s, 1.4 s, ... after it was sent first: what was lost in a partition as long as one of
    these, or shorter, is through by then. Zero where not even the first comes in time.
    """
    longest, pause = 0.0, RETRANSMISSION
    while longest + pause <= within:
        longest, pause = longest + pause, 2 * pause
    return longest


def patience(promises: Contract) -> float:
    """Seconds after which a single step is given up: thrice what establishing a connection may take, and twice what a
    call to a hanging upstream may: whoever leaves earlier takes a call back that the breaker would have counted.
    Where the server broadcasts, an interval more: what a listener waits for may be said by the next broadcast only.

    A wait that ends early costs nothing, so this only has to tell slow from never.
    """
    establishment, breaker, delivery = promises.establishment, promises.breaker, promises.delivery
    seconds = max(LEAST_PATIENCE, 3 * establishment.within) if establishment is not None else PATIENCE_UNDECLARED
    if breaker is not None:
        seconds = max(seconds, 2 * breaker.call_timeout)
    return seconds + ((delivery.broadcast_interval or 0.0) if delivery is not None else 0.0)


def least_wait(promises: Contract) -> float:
    """Seconds of silence, at the least, after which the server may give up a client that lives, by what it promises.

    Where it promises nothing of that kind nobody knows, and it is taken to wait for us as long as we do for it.
    """
    liveness, delivery, survival = promises.liveness, promises.delivery, promises.survival
    declared = (
        liveness.heartbeat_timeout if liveness is not None else None,
        liveness.idle_timeout if liveness is not None else None,
        delivery.slow_consumer_cut_within if delivery is not None else None,
        survival.header_timeout if survival is not None else None,
    )
    return min((seconds for seconds in declared if seconds is not None), default=patience(promises))
