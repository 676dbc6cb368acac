"""The story of one cell: what was promised, what was done, what was seen. Words and figures, no markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chaos.journal import (
    Attempt,
    Beat,
    Bite,
    Correspondence,
    Ended,
    Evidence,
    Healing,
    HealingState,
    Injected,
    Journal,
    Lateness,
    Outcome,
    Receipt,
    Sample,
    Segment,
    Statistics,
    Traffic,
)
from chaos.report.log import LogLine, log_of
from chaos.report.timeline import ending, refusal
from chaos.units import format_duration, format_size

__all__ = ["FaultStory", "Story", "tell"]

LONGEST_LOG = 120
"""Lines of a cell's log: the journals have the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStory:
    """A fault that was injected, with the evidence that it bit and that it went."""

    times: int
    """How often in a row it went like this; the evidence is that of the first time."""

    name: str
    description: str
    cannot: str
    receipt: str
    """What the receipt says of the whole: "bit on 10 of 10 connections"."""
    bit: bool
    evidence: tuple[Evidence, ...]
    healing: str
    healed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a report tells of a cell beside its verdict and findings."""

    faults: tuple[FaultStory, ...]
    figures: tuple[tuple[str, str], ...]
    log: tuple[LogLine, ...]
    log_left_out: int
    truncated: tuple[str, ...]
    """Segments whose writer was killed in the middle of a line."""
    roles: tuple[str, ...]
    """Who wrote a segment."""


def tell(journal: Journal) -> Story:
    """The story that a cell's journal tells."""
    log = log_of(journal)
    return Story(
        faults=tuple(_faults(journal)),
        figures=tuple(_figures(journal)),
        log=tuple(log[:LONGEST_LOG]),
        log_left_out=max(0, len(log) - LONGEST_LOG),
        truncated=journal.truncated,
        roles=tuple(f"{segment.role} (pid {segment.pid})" for segment in journal.of(Segment)),
    )


def _faults(journal: Journal) -> Iterator[FaultStory]:
    """Each injection with the receipt and the healing that follow it, equal ones told once."""
    told: dict[tuple[str, ...], FaultStory] = {}
    for story in _injections(journal):
        words = (story.name, story.description, story.receipt, story.healing)
        known = told.get(words, story)
        told[words] = replace(known, times=known.times + 1)
    yield from told.values()


def _injections(journal: Journal) -> Iterator[FaultStory]:
    receipts, healings = journal.of(Receipt), journal.of(Healing)
    for injected in journal.of(Injected):
        receipt = next((item for item in receipts if item.fault == injected.fault and item.at >= injected.at), None)
        healing = next((item for item in healings if item.fault == injected.fault and item.at >= injected.at), None)
        yield FaultStory(
            times=0,
            name=injected.fault,
            description=injected.description,
            cannot=injected.cannot,
            receipt=receipt.words() if receipt else "no receipt: the run ended before the fault was proven",
            bit=receipt is not None and receipt.bite is Bite.BIT,
            evidence=receipt.evidence if receipt else (),
            healing=healing.state.value if healing else "not healed before the run ended",
            healed=healing is not None and healing.state is not HealingState.FAILED,
        )


def _figures(journal: Journal) -> Iterator[tuple[str, str]]:
    """Name and value of what can be counted."""
    attempts = journal.of(Attempt)
    if attempts:
        opened = [attempt for attempt in attempts if attempt.outcome is Outcome.OPEN]
        yield "clients let in", f"{len(opened)} of {len(attempts)} attempts"
        took = sorted(attempt.at - attempt.began for attempt in opened)
        if took:
            yield "until let in", _spread(took)
        refused = Counter(refusal(attempt) for attempt in attempts if attempt.outcome is not Outcome.OPEN)
        if refused:
            yield "not let in", _counted(refused)
    ended = Counter(f"{ending(event)} by the {event.by}" for event in journal.of(Ended))
    if ended:
        yield "ended", _counted(ended)
    traffic = journal.of(Traffic)
    if any(second.sent for second in traffic):
        answered, wrong = sum(second.answered for second in traffic), sum(second.wrong for second in traffic)
        yield "exchanges", f"{answered} answered, {wrong} wrong, of {sum(second.sent for second in traffic)} sent"
    books = {(event.crowd, event.client): event for event in journal.of(Correspondence)}.values()
    if books:
        yield "numbered messages", _numbered(list(books))
    beats = journal.of(Beat)
    if beats:
        answered_beats = sorted(beat.round_trip for beat in beats if beat.ok)
        trips = f", {_spread(answered_beats)}" if answered_beats else ""
        yield "canary", f"{len(answered_beats)} of {len(beats)} answered{trips}"
        yield "harness late by at most", format_duration(max(beat.lateness for beat in beats))
    lateness = journal.of(Lateness)
    if lateness:
        yield "its clients late by at most", format_duration(max(each.worst for each in lateness))
    samples = journal.of(Sample)
    if samples:
        counts = [sample.connections for sample in samples]
        yield "server's connections", f"{counts[0]} first, {min(counts)} to {max(counts)}, {counts[-1]} last"
        yield "server's file descriptors", f"{samples[0].fds} first, {samples[-1].fds} last"
        memory = [sample.memory for sample in samples]
        yield "server's memory", f"{format_size(memory[0])} first, {format_size(memory[-1])} last"
        yield "readings", f"{len(samples)}, each within {format_duration(max(sample.took for sample in samples))}"
    told = [event for event in journal.of(Statistics) if event.steady]
    if told:
        took = sorted(event.took for event in told if not event.error)
        failed = f", {len(told) - len(took)} of them failed" if len(took) < len(told) else ""
        yield "server's statistics", f"{len(told)} readings{failed}" + (f", {_spread(took)}" if took else "")


def _numbered(books: list[Correspondence]) -> str:
    """What became of the messages of all clients, of each the latest: `40 answered of 42 sent, 90 heard, 2 unknown`."""
    wrong = ("lost", "unanswered", "duplicated", "reordered", "corrupted", "foreign", "unknown", "settled")
    total = Counter(
        {name: sum(getattr(each, name) for each in books) for name in ("sent", "answered", "heard", *wrong)}
    )
    found = [f"{total[name]} {name}" for name in wrong if total[name]]
    return ", ".join([f"{total['answered']} answered of {total['sent']} sent", f"{total['heard']} heard", *found])


def _spread(ordered: list[float]) -> str:
    """Median and worst of sorted durations."""
    return f"median {format_duration(ordered[len(ordered) // 2])}, worst {format_duration(ordered[-1])}"


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())
