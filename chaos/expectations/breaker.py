"""The circuit breaker, judged from outside: what callers got and what reached the upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record, quantile
from chaos.expectations.breaker_excuses import Excuses, OfTheMachine
from chaos.expectations.breaker_model import Limits, Word, excused, follow
from chaos.expectations.record import worst_of_each
from chaos.journal import Attempt, Call, Hit, Outcome, Source, Statistics
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = [
    "AnsweredWhileOpen",
    "CallsAnswered",
    "FollowsTheBreakerModel",
    "GivenUpWithin",
    "OpenedAfter",
    "OpenedAtRate",
    "UpstreamCalled",
    "UpstreamLeftAlone",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsAnswered(Expectation):
    """Every call in a window was answered from one of the sources."""

    name: ClassVar[str] = "calls_answered"
    needs_fault: ClassVar[bool] = True
    sources: tuple[Source, ...]
    start: float
    end: float
    when: str
    """The window in words: "after one failure"."""
    limits: Limits
    """What is promised of the breaker: what a busy machine can explain depends on it."""

    def judge(self, record: Record) -> Finding:
        allowed = " or ".join(source.value for source in self.sources)
        promised = f"{allowed} answers {self.when}"
        calls = record.calls(self.start, self.end)
        if not calls:
            return self.inconclusive(f"no call was made {self.when}", promised)
        wrong = [call for call in calls if call.source not in self.sources]
        figure = f"{len(calls) - len(wrong)}/{len(calls)} {allowed}"
        if wrong:
            observed = f"{len(wrong)} of {len(calls)} calls {self.when} got {wrong[0].source.value} answers"
            excuses = Excuses(record, self.limits)
            ours = worst_of_each(excuses.answer(call, wanted=self.sources) for call in wrong)
            return self.breached(
                observed,
                promised,
                ours,
                figure=figure,
                evidence=(
                    f"{call.source.value} after {format_duration(call.round_trip)} {call.detail}" for call in wrong
                ),
            )
        return self.held(f"{len(calls)} of {len(calls)} calls {self.when}: {allowed}", promised, figure=figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredWhileOpen(Expectation):
    """While the circuit is open, callers have their answer at once."""

    name: ClassVar[str] = "answered_while_open"
    needs_fault: ClassVar[bool] = True
    start: float
    end: float
    within: float

    def judge(self, record: Record) -> Finding:
        promised = f"while open, every caller is answered within {format_duration(self.within)}"
        calls = record.calls(self.start, self.end)
        if not calls:
            return self.inconclusive("no call was made while the circuit should be open", promised)
        slowest = max(call.round_trip for call in calls)
        return self.by_limit(
            record,
            slowest,
            self.within,
            observed=f"{counted(len(calls), 'call')} while open, the slowest answered after {format_duration(slowest)}",
            promised=promised,
            uncertainty=record.of_ours_in_each(None, _times(calls), self.within),
            figure=format_duration(quantile([call.round_trip for call in calls], 0.5)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUpWithin(Expectation):
    """A call that the upstream leaves hanging is given up: its caller has an answer within `within` seconds."""

    name: ClassVar[str] = "given_up_within"
    needs_fault: ClassVar[bool] = True
    start: float
    end: float
    within: float

    def judge(self, record: Record) -> Finding:
        promised = f"a call that hangs is given up, and its caller answered, within {format_duration(self.within)}"
        calls = record.calls(self.start, self.end)
        if not calls:
            return self.inconclusive("no call was made while the upstream hung", promised)
        hung = record.hits(self.start, self.end)
        if not hung:
            return self.inconclusive(
                f"none of {counted(len(calls), 'call')} reached the upstream, so none of them hung", promised
            )
        slowest = max(call.round_trip for call in calls)
        figure = format_duration(slowest)
        return self.by_limit(
            record,
            slowest,
            self.within,
            observed=f"{counted(len(calls), 'call')}, {len(hung)} of which reached the hanging upstream, "
            f"the slowest answered after {figure}",
            promised=promised,
            uncertainty=record.of_ours_in_each(None, _times(calls), self.within),
            figure=figure,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _HitsCounted(Expectation):
    """So many requests reached the upstream in a window, no fewer and no more."""

    start: float
    end: float
    """The window, seconds monotonic."""
    limits: Limits
    """What is promised of the breaker: what a busy machine can explain depends on it."""

    def _judged(
        self,
        record: Record,
        hits: Sequence[Hit],
        *,
        least: int,
        most: int,
        observed: str,
        promised: str,
        figure: str,
        due: float | None = None,
    ) -> Finding:
        """The finding of the hits in the window. Up to `least` calls have to get through; or one of those, from when a
        trial is due."""
        if least <= len(hits) <= most:
            return self.held(observed, promised, figure=figure)
        excuses = Excuses(record, self.limits)
        if len(hits) > most:
            ours = excuses.too_many(hits, most=most, end=self.end)
        elif due is not None:
            ours = excuses.no_trial(due, self.end)
        else:
            ours = excuses.too_few(record.calls(self.start, self.end)[:least])
        return self.breached(observed, promised, ours, figure=figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedAfter(_HitsCounted):
    """The circuit opened at the declared number of failures: no earlier, no later, as the upstream counted.

    The window is from the first failing call until before a trial can be due.
    """

    name: ClassVar[str] = "opened_after"
    needs_fault: ClassVar[bool] = True
    failures: int

    def judge(self, record: Record) -> Finding:
        promised = f"exactly {self.failures} calls reach the failing upstream before the circuit opens"
        calls = record.calls(self.start, self.end)
        hits = record.hits(self.start, self.end)
        if len(calls) <= self.failures:
            return self.inconclusive(
                f"{counted(len(calls), 'call')} made, more than {self.failures} are needed", promised
            )
        observed = f"{len(hits)} of {counted(len(calls), 'call')} reached the failing upstream"
        return self._judged(
            record,
            hits,
            least=self.failures,
            most=self.failures,
            observed=observed,
            promised=promised,
            figure=counted(len(hits), "failure"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedAtRate(_HitsCounted):
    """The circuit opened at the declared share of failures: by no fewer calls, and by no more."""

    name: ClassVar[str] = "opened_at_rate"
    needs_fault: ClassVar[bool] = True
    least: int
    most: int
    """Calls that reach the upstream before it opens."""
    window: float
    """Seconds that the share is that of: what lies further back does not count."""

    def judge(self, record: Record) -> Finding:
        wanted = f"exactly {self.least}" if self.least == self.most else f"{self.least} to {self.most}"
        promised = f"{wanted} calls reach the upstream before the circuit opens at its failure rate"
        calls = record.calls(self.start, self.end)
        hits = record.hits(self.start, self.end)
        if len(calls) <= self.most:
            return self.inconclusive(f"{counted(len(calls), 'call')} made, more than {self.most} are needed", promised)
        observed = f"{len(hits)} of {counted(len(calls), 'call')} reached the upstream"
        took = calls[self.most].at - self.start
        if took > self.window and not self.least <= len(hits) <= self.most:
            return self.inconclusive(f"{observed}, in {format_duration(took)}: longer than its window", promised)
        return self._judged(
            record,
            hits,
            least=self.least,
            most=self.most,
            observed=observed,
            promised=promised,
            figure=counted(len(hits), "call"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLeftAlone(_HitsCounted):
    """Nothing reached the upstream while the circuit was open, though callers called."""

    name: ClassVar[str] = "upstream_left_alone"
    needs_fault: ClassVar[bool] = True

    def judge(self, record: Record) -> Finding:
        promised = "while open, no call reaches the upstream"
        hits = record.hits(self.start, self.end)
        calls = record.calls(self.start, self.end)
        tries = [attempt for attempt in record.journal.of(Attempt) if self.start <= attempt.began <= self.end]
        asked = len(calls) + len(tries)
        if not asked:
            return self.inconclusive("nobody called while the circuit should be open", promised)
        observed = (
            f"{counted(len(hits), 'hit')} during {counted(asked, 'call')} in {format_duration(self.end - self.start)}"
        )
        return self._judged(
            record, hits, least=0, most=0, observed=observed, promised=promised, figure=counted(len(hits), "hit")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamCalled(_HitsCounted):
    """Between `least` and `most` calls reached the upstream in a window: the trials of a half-open circuit."""

    name: ClassVar[str] = "upstream_called"
    needs_fault: ClassVar[bool] = True
    least: int
    most: int
    when: str
    due: float | None = None
    """When the circuit may try again at the latest, seconds monotonic: who was not asked from then on could not try."""
    at_once: bool = False
    """Whether a crowd asks then, all of it at once. Whoever is slow to ask may be the trial of a later period, a
    recovery timeout after the first: a busy machine takes as long to let all of them ask."""

    def judge(self, record: Record) -> Finding:
        wanted = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        promised = f"{wanted} calls reach the upstream {self.when}"
        hits = record.hits(self.start, self.end)
        if self.at_once:
            hits = [hit for hit in hits if hit.at < hits[0].at + self.limits.recovery_timeout]
        observed = f"{counted(len(hits), 'call')} reached the upstream {self.when}"
        asked = self.at_once or self.due is None or bool(record.calls(self.due, self.end))
        if len(hits) < self.least and not asked:
            return self.inconclusive(f"{observed}, and nobody called from when a trial was due", promised)
        return self._judged(
            record,
            hits,
            least=self.least,
            most=self.most,
            observed=observed,
            promised=promised,
            figure=counted(len(hits), "trial"),
            due=self.due,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowsTheBreakerModel(Expectation):
    """Everything seen of the breaker, in its order and at its times, is what a breaker with these promises may do.

    Where one calls after the other. The others judge one window each; this one what leads from one to the next: a trial
    that comes too early or never, a call for nobody, a state that the server only claims.
    """

    name: ClassVar[str] = "follows_the_breaker_model"
    needs_fault: ClassVar[bool] = True
    limits: Limits
    start: float = 0.0
    """Where others have asked before, seconds monotonic: whose request is whose is known from then on."""
    end: float
    crowds: tuple[str, ...] = ()
    """Whose attempts are the calls, where it is the breaker around establishment; none: the caller's calls."""

    def judge(self, record: Record) -> Finding:
        promised = _in_words(self.limits)
        calls = [call for call in self._calls(record) if self.start <= call.began <= self.end]
        if not calls:
            return self.inconclusive("nobody called", promised)
        # The last call may have been under way at the end; its hit may be on either side.
        start, end = calls[0].began, max(self.end, calls[-1].at)
        hits = record.hits(start, end)
        words = [word for word in self._words(record) if start <= word.at <= end]
        illegal = follow(self.limits, calls=calls, hits=hits, readings=words)
        figure = f"{counted(len(calls), 'call')}, {counted(len(hits), 'hit')}"
        if not illegal:
            return self.held(
                f"{figure} and {counted(len(words), 'reading')} in {format_duration(end - start)}, all legal"
                f"{_transitions(calls, hits, threshold=self.limits.failure_threshold)}",
                promised,
                figure=figure,
            )
        ours = excused(self.limits, calls=calls, hits=hits, readings=words, ours=OfTheMachine(record))
        return self.breached(illegal, promised, ours, figure=figure)

    def _calls(self, record: Record) -> Sequence[Call]:
        if not self.crowds:
            return record.calls()
        attempts = (attempt for crowd in self.crowds for attempt in record.attempts(crowd))
        return sorted(map(_as_call, attempts), key=lambda call: call.began)

    def _words(self, record: Record) -> list[Word]:
        which = "accept_breaker" if self.crowds else "upstream_breaker"
        return [
            Word(at=reading.at, took=reading.took, state=str(reading.values.get(which, "")))
            for reading in record.journal.of(Statistics)
        ]


def _in_words(limits: Limits) -> str:
    rate = " or at its failure rate" if limits.by_rate else ""
    backoff = (
        f", {limits.backoff:g} times as long after each failed trial"
        if limits.backoff is not None and limits.backoff > 1
        else ""
    )
    return (
        f"opens after {counted(limits.failure_threshold, 'failure')} in a row{rate}, tries again after "
        f"{format_duration(limits.recovery_timeout)}{backoff}, closes after "
        f"{counted(limits.success_threshold, 'successful trial')}"
    )


def _as_call(attempt: Attempt) -> Call:
    """Who got in, the upstream let in; who was turned away in words, it did not; who had no answer may be either."""
    told = attempt.outcome in (Outcome.CLOSED, Outcome.HTTP)
    source = Source.LIVE if attempt.outcome is Outcome.OPEN else Source.UNAVAILABLE if told else Source.NONE
    return Call(at=attempt.at, began=attempt.began, source=source, detail=attempt.detail)


def _transitions(calls: Sequence[Call], hits: Sequence[Hit], *, threshold: int) -> str:
    """When it tried again and when callers had live answers, where that was seen: "; tried 502ms after it opened".

    It opened when the caller of the last of so many failures in a row had its answer, and tried when the next request
    reached the upstream.
    """
    failures, opened = 0, None
    for call in sorted(calls, key=lambda each: each.began):
        failures = failures + 1 if call.source is not Source.LIVE else 0
        if failures == threshold:
            opened = call
            break
    tried = next((hit.at for hit in hits if opened is not None and hit.at > opened.at), None)
    if opened is None or tried is None:
        return ""
    live = next((call.at for call in calls if call.source is Source.LIVE and call.at > tried), None)
    said = f"; tried {format_duration(tried - opened.at)} after it opened"
    return said if live is None else f"{said}, live answers {format_duration(live - tried)} after that"


def _times(calls: Sequence[Call]) -> list[tuple[float, float]]:
    return [(call.began, call.at) for call in calls]
