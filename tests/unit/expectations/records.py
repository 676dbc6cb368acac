"""Records made by hand: the events a test needs, in the order of their time."""

from __future__ import annotations

from chaos.expectations import Record
from chaos.journal import (
    Attempt,
    Beat,
    Bite,
    CrowdMade,
    Ended,
    Event,
    Frame,
    Healing,
    HealingState,
    Injected,
    Journal,
    Lateness,
    Outcome,
    Receipt,
    Sample,
)

__all__ = [
    "attempt",
    "bite",
    "ended",
    "frame",
    "healed",
    "injected",
    "late",
    "made",
    "reading",
    "record",
    "sample",
    "worker_late",
]

CORES = 2


def record(*events: Event) -> Record:
    return Record(Journal(tuple(sorted(events, key=lambda event: event.at))))


def injected(at: float = 10.0, *, fault: str = "vanished") -> Injected:
    return Injected(at=at, fault=fault, description=fault)


def bite(since: float = 10.0, *, covered: int = 10, total: int = 10, how: Bite = Bite.BIT) -> Receipt:
    return Receipt(at=since + 0.01, fault="vanished", bite=how, covered=covered, total=total, since=since)


def healed(since: float = 20.0, *, state: HealingState = HealingState.HEALED) -> Healing:
    return Healing(at=since + 0.01, fault="vanished", state=state, since=since)


def sample(at: float, connections: int) -> Sample:
    return Sample(at=at, took=0.001, sockets={"ESTABLISHED": connections, "TIME_WAIT": 5})


def reading(
    at: float,
    *,
    waited: float,
    busy: float,
    cpu: float = 0.0,
    connections: int = 0,
    cores: int = CORES,
    throttled: float = 0.0,
) -> Sample:
    """What its threads waited, the machine worked and it worked itself, seconds since they began."""
    return Sample(
        at=at,
        took=0.001,
        sockets={"ESTABLISHED": connections},
        waited=waited,
        busy=busy,
        cpu=cpu,
        cores=cores,
        throttled=throttled,
    )


def beat(at: float, *, ok: bool = True) -> Beat:
    return Beat(at=at, ok=ok, round_trip=0.01 if ok else 0.0, lateness=0.0, detail="" if ok else "TimeoutError")


def late(seconds: float, at: float = 11.0) -> Beat:
    return Beat(at=at, ok=True, round_trip=0.001, lateness=seconds)


def made(crowd: str = "crowd", *, pid: int, at: float = 0.5) -> CrowdMade:
    return CrowdMade(at=at, crowd=crowd, pid=pid)


def worker_late(seconds: float, *, at: float, pid: int = 7) -> Lateness:
    """The loop of a worker was so late in the 50 ms before a time, or as long as it was late."""
    return Lateness(at=at, pid=pid, began=at - max(0.05, seconds), worst=seconds)


def attempt(
    client: int = 0,
    *,
    crowd: str = "crowd",
    began: float = 1.0,
    took: float = 0.01,
    outcome: Outcome = Outcome.OPEN,
    phase: str = "first_message",
    status: int | None = 101,
    code: int | None = None,
    retry_after: str | None = None,
) -> Attempt:
    return Attempt(
        at=began + took,
        crowd=crowd,
        client=client,
        outcome=outcome,
        phase=phase,
        began=began,
        tcp=took / 4,
        handshake=took / 2,
        first_message=took if outcome is Outcome.OPEN else None,
        status=status,
        code=code,
        retry_after=retry_after,
    )


def ended(
    client: int = 0,
    *,
    at: float = 12.0,
    crowd: str = "crowd",
    by: str = "server",
    how: str = "close",
    code: int | None = 1001,
    reason: str = "",
) -> Ended:
    return Ended(at=at, crowd=crowd, client=client, by=by, how=how, code=code, reason=reason)


def frame(at: float, *, client: int = 0, crowd: str = "crowd", opcode: str = "text", text: str = "") -> Frame:
    return Frame(at=at, crowd=crowd, client=client, opcode=opcode, size=len(text), text=text)
