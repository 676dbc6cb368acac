"""Two witnesses of the same quantity, over time: the server's own count of connections, and its kernel's."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.journal import Sample, Statistics
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["WitnessesAgree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessesAgree(Expectation):
    """Whenever the server was asked, it said a count that its kernel had at most `within` seconds earlier or later.

    The two may be a step apart while a connection is made or ended, never for longer. It is for scenarios in which
    nothing but WebSocket clients holds a connection: a kernel counts those of others, too.
    """

    name: ClassVar[str] = "witnesses_agree"
    within: float
    why: str
    """Where the tolerance comes from: "closed_within"."""

    def judge(self, record: Record) -> Finding:
        promised = (
            f"the server's own count of connections is what its kernel has, within {format_duration(self.within)} "
            f"({self.why})"
        )
        samples = record.journal.of(Sample)
        readings = [reading for reading in record.journal.of(Statistics) if reading.steady]
        told = [reading for reading in readings if "connections" in reading.values]
        if not told:
            errors = [reading.error for reading in readings if reading.error]
            return self.inconclusive(f"the statistics could not be read: {(errors or ['never read'])[-1]}", promised)
        seen = [(reading, _around(samples, reading, self.within)) for reading in told]
        agreed = [reading for reading, kernel in seen if kernel.had(_number(reading))]
        apart = [
            _disagreement(record, reading, kernel)
            for reading, kernel in seen
            if not kernel.had(_number(reading)) and self._is_apart(record, samples, reading)
        ]
        decided = len(agreed) + len(apart)
        if apart:
            return self.violated(
                f"{len(apart)} of {decided} readings of the server's count are not its kernel's; {apart[0]}",
                promised,
                figure=f"{len(apart)} apart",
                evidence=apart,
            )
        if not agreed:
            return self.inconclusive(
                f"{len(told)} readings of the server's count, and too little is known of its kernel's around them",
                promised,
            )
        return self.held(f"{decided} readings of the server's count, all as its kernel's", promised)

    def _is_apart(self, record: Record, samples: Sequence[Sample], reading: Statistics) -> bool:
        """Whether it disagrees however late we were around it, and whatever kept the server from running there."""
        start, end = reading.at - reading.took - self.within, reading.at + self.within
        since = min(start, _last_right(samples, reading, otherwise=start))
        kernel = _around(samples, reading, self.within + record.of_ours(None, since, end).seconds)
        return kernel.whole and not kernel.had(_number(reading))


@dataclass(frozen=True, slots=True)
class _Kernel:
    """What the kernel had around a reading."""

    counts: tuple[int, ...]
    whole: bool
    """Whether it was read both before and after the time in question: only then is a count that it had not known."""

    def had(self, count: float) -> bool:
        return min(self.counts, default=0) <= count <= max(self.counts, default=-1)


def _around(samples: Sequence[Sample], reading: Statistics, tolerance: float) -> _Kernel:
    """What the kernel had while the reading was made, and `tolerance` seconds around it.

    The samples just before and just after that time belong to it: the count was theirs until it changed.
    """
    times = [sample.at for sample in samples]
    first = bisect_right(times, reading.at - reading.took - tolerance) - 1
    last = bisect_left(times, reading.at + tolerance)
    counts = tuple(sample.connections for sample in samples[max(0, first) : last + 1])
    return _Kernel(counts, whole=first >= 0 and last < len(samples))


def _last_right(samples: Sequence[Sample], reading: Statistics, *, otherwise: float) -> float:
    """When the kernel had what a later reading says, or passed it, for the last time before it: it lags since then."""
    said = _number(reading)
    before = [sample for sample in samples if sample.at <= reading.at]
    passed = (
        sample.at
        for sample in reversed(before)
        if sample.connections == said or (sample.connections > said) is not (before[-1].connections > said)
    )
    return next(passed, otherwise)


def _number(reading: Statistics) -> float:
    """What it said; what is no number is no count that a kernel could have."""
    said = reading.values["connections"]
    return said if isinstance(said, float) else float("nan")


def _disagreement(record: Record, reading: Statistics, kernel: _Kernel) -> str:
    low, high = min(kernel.counts), max(kernel.counts)
    said = reading.values["connections"]
    shown = f"{said:g}" if isinstance(said, float) else repr(said)
    at = reading.at - record.journal.events[0].at
    return f"at {at:+.3f}s it said {shown}, where the kernel had {low if low == high else f'{low} to {high}'}"
