"""When each of several dead connections was found, out of samples that only count what is left."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.expectations.record import Record, Uncertainty, worst
from chaos.journal import Bite, ReleaseAwaited, Sample
from chaos.units import counted

__all__ = ["Detection", "NotMeasured", "Watch", "detections"]


class NotMeasured(Exception):
    """A journal holds no detection times; `str()` says why, for the reader of a report."""


@dataclass(frozen=True, slots=True)
class Detection:
    """How long one dead connection was held, in seconds: known between two samples only."""

    at_least: float
    """It was still held then: from when the last victim had died for certain to the last sample that counted it."""
    at_most: float | None
    """It was gone then: from when the fault began to act to the first sample without it. None: not within the watch."""

    def within(self, limit: float) -> bool:
        """Found in time for certain."""
        return self.at_most is not None and self.at_most <= limit

    def beyond(self, limit: float) -> bool:
        """Too late for certain, whether it was found in the end or not."""
        return self.at_least > limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """All deaths of one cell: of each moment the first found first, and those that were never found last."""

    fault: str
    times: int
    """Moments in which they died: those who died together were due together, to one sweep."""
    detections: tuple[Detection, ...]
    """As many as have died: a death that was not found is there too."""
    watched: float
    """Seconds from when the fault began to act to the last sample before it was healed, at the least."""
    uncertainty: Uncertainty
    """By how much `at_most` may be too long for reasons of our own, in words too."""


def detections(record: Record, awaited: ReleaseAwaited) -> Watch:
    """The k-th found is the k-th by which the server's count of connections fell for good, each time that they died.

    Which of the connections it was nobody knows, and a distribution need not. A count that rises again was not a
    detection: the same reading as `ReleasedWithin`'s, whose figure the last of these times is.

    Raises NotMeasured where it is not known when they died, or nobody looked.
    """
    if awaited.times == 1:
        return _of_one(record, awaited)
    watches = [_of_one(injection, awaited) for injection in record.each_injection()]
    if len(watches) != awaited.times:
        raise NotMeasured(f"peers died {counted(len(watches), 'time')} where that was to be {awaited.times}")
    return Watch(
        fault=watches[0].fault,
        times=len(watches),
        detections=tuple(itertools.chain.from_iterable(watch.detections for watch in watches)),
        watched=min(watch.watched for watch in watches),
        uncertainty=worst(watch.uncertainty for watch in watches),
    )


def _of_one(record: Record, awaited: ReleaseAwaited) -> Watch:
    receipts = record.receipts()
    if len(receipts) != 1:
        raise NotMeasured(f"{len(receipts) or 'no'} faults left a receipt, and it takes one to know when they died")
    receipt = receipts[0]
    if receipt.bite is not Bite.BIT or receipt.covered < receipt.total:
        raise NotMeasured(f"not all of them died of it: {receipt.bite.value} on {receipt.covered} of {receipt.total}")
    since, healed = receipt.since, record.healed_since() or float("inf")
    samples = [sample for sample in record.journal.of(Sample) if since <= sample.at <= healed]
    if not samples:
        raise NotMeasured("no sample of the server's sockets after the fault")
    watched = samples[-1].at - since
    gone = _gone_for_good(samples, awaited)
    late = record.conductor_late(since, samples[-1].at)
    times = []
    for number in range(1, awaited.dead + 1):
        index = next((index for index, count in enumerate(gone) if count >= number), None)
        before = samples[-1].at if index is None else samples[index - 1].at if index else since
        at_least = max(0.0, before - receipt.acted_by - late.seconds)
        times.append(Detection(at_least, None if index is None else samples[index].at - since))
    return Watch(
        fault=receipt.fault,
        times=1,
        detections=tuple(times),
        watched=watched,
        uncertainty=record.injecting() + late + record.sampled(since, samples[-1].at),
    )


def _gone_for_good(samples: Sequence[Sample], awaited: ReleaseAwaited) -> list[int]:
    """By each sample, how many of the dead are gone and stay so: it never falls."""
    gone, least = [], awaited.dead
    for sample in reversed(samples):
        held = sample.connections - awaited.remaining
        least = max(0, min(least, awaited.dead - held))
        gone.append(least)
    return gone[::-1]
