"""A circuit breaker as a timed automaton that is followed from outside: what it may be, given what was seen of it.

    closed(k failures in a row) ──the threshold's failure──▶ open ──recovery timeout──▶ half-open(s successes)
              ▲                                               ▲                            │
              │                                               └──── a trial failed ────────┤
              └──────────────────── the threshold's success ───────────────────────────────┘

Nobody sees the state itself. So the model keeps every state that the breaker may be in; each observation strikes out
those that could not have led to it, and the first observation that leaves none is illegal. An observation is one call
(did it reach the upstream, and how did it end), a hit that no call explains, or the server's own word for its state.

When exactly a circuit opened is not seen either: after the failing call reached the upstream, before its caller had the
answer; and after the server was asked for the last time meanwhile and said that it is not open, or a call that hangs
would leave a circuit all its time. A trial is too early where it is for the earlier of the two, and overdue where it is
for the later.

What it cannot judge: calls that overlap (whose hit is whose?), and how long a re-opened circuit waits beyond the
declared recovery timeout, because back-off is every server's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from chaos.journal import Call, Hit, Source, Statistics
from chaos.units import counted, format_duration

__all__ = ["Closed", "HalfOpen", "Limits", "Open", "State", "follow"]

HIT_CLOCK = 0.005
"""Seconds that a hit may seem to lie outside of its call. On one machine clocks are the same and it is 0; where the
engine's is another one, its offset is known to half a round trip of the control connection, 2 to 10 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is promised of the breaker, as far as one caller after the other can tell."""

    failure_threshold: int
    recovery_timeout: float
    success_threshold: int
    call_timeout: float


@dataclass(frozen=True, slots=True)
class Closed:
    """Every call passes."""

    failures: int
    """In a row, so far."""


@dataclass(frozen=True, slots=True)
class Open:
    """No call passes until the recovery timeout is over."""

    earliest: float
    """When it opened at the earliest, seconds monotonic."""
    latest: float
    again: bool
    """Whether a trial failed before: then it may wait longer than declared."""


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """Trials pass."""

    successes: int
    """Of trials, so far."""


State = Closed | Open | HalfOpen

_WORDS = {"closed": Closed, "open": Open, "half-open": HalfOpen}


def follow(
    promised: Limits,
    *,
    calls: Iterable[Call],
    hits: Iterable[Hit],
    readings: Iterable[Statistics] = (),
    uncertainty: float = 0.0,
) -> str:
    """The first observation that no breaker with these promises could have caused, in a sentence; or nothing.

    `uncertainty` is by how many seconds our own times may be wrong. Calls are one after the other. Before the first of
    them the breaker may be in any state.
    """
    calls = sorted(calls, key=attrgetter("began"))
    if not calls:
        return ""
    model = _Model(promised, began=calls[0].began, uncertainty=uncertainty)
    return model.first_illegal(calls, sorted(hits, key=attrgetter("at")), readings)


class _Model:
    def __init__(self, promised: Limits, *, began: float, uncertainty: float) -> None:
        self._promised = promised
        self._began = began
        self._unsure = uncertainty
        self._not_open_by = -math.inf
        """Until when the server said that it is not open, while the call was under way that is looked at."""
        self._states: frozenset[State] = frozenset(
            {
                *map(Closed, range(promised.failure_threshold)),
                *map(HalfOpen, range(promised.success_threshold)),
                Open(-math.inf, math.inf, again=True),
            }
        )

    def first_illegal(self, calls: Sequence[Call], hits: Sequence[Hit], readings: Iterable[Statistics]) -> str:
        caused, strays = _by_call(calls, hits, within=self._unsure + HIT_CLOCK)
        readings = list(readings)
        seen: list[tuple[float, Call | Hit | Statistics]] = [
            *((call.began, call) for call in calls),
            *((hit.at, hit) for hit in strays),
            *((reading.at, reading) for reading in readings if _between_calls(reading, calls)),
        ]
        for _, observation in sorted(seen, key=lambda pair: pair[0]):
            if isinstance(observation, Call):
                self._not_open_by = _not_open_by(observation, readings)
                said = self._call(observation, caused[id(observation)])
            elif isinstance(observation, Statistics):
                said = self._reading(observation)
            else:
                said = f"a request reached the upstream {self._when(observation.at)} that no call explains"
            if said:
                return said
        return ""

    def _call(self, call: Call, hits: Sequence[Hit]) -> str:
        which = f"the call {self._when(call.began)}"
        if len(hits) > 1:
            return f"{which} reached the upstream {len(hits)} times"
        if not hits and call.source not in (Source.LIVE, Source.CACHED, Source.UNAVAILABLE):
            return ""  # it may never have reached the server: nothing is known of it
        if not hits and call.source is Source.LIVE:
            return f"{which} got a live answer and never reached the upstream"
        if hits and call.source is Source.LIVE and not 200 <= hits[0].status < 300:
            return f"{which} got a live answer of an upstream that failed"
        before = self._states
        self._states = frozenset(after for state in before for after in self._after(state, call, hits))
        if self._states:
            return ""
        return f"{which} {self._why(before, call, hits)}"

    def _after(self, state: State, call: Call, hits: Sequence[Hit]) -> list[State]:
        """What the breaker may be in after a call; nothing where that state could not have treated it so."""
        if hits:
            passed = self._passed(state, call, hits[0])
            return [] if passed is None else [passed]
        turned_away = self._turned_away(state, call)
        found = [] if turned_away is None else [turned_away]
        # One that is given up before it reaches the upstream has failed as well. Half of the promised time tells it
        # from one that was turned away: the reference gives up after 0.25 of 0.45 s and turns away in 2 ms.
        if call.at - call.began >= self._promised.call_timeout / 2:
            found += [] if (failed := self._failed(state, since=call.began, until=call.at)) is None else [failed]
        return found

    def _failed(self, state: State, *, since: float, until: float) -> State | None:
        since = max(since, self._not_open_by)
        if isinstance(state, Open):
            due = until >= state.earliest + self._promised.recovery_timeout - self._unsure
            return Open(since, until, again=True) if due else None
        if isinstance(state, HalfOpen):
            return Open(since, until, again=True)
        enough = state.failures + 1 >= self._promised.failure_threshold
        return Open(since, until, again=False) if enough else Closed(state.failures + 1)

    def _passed(self, state: State, call: Call, hit: Hit) -> State | None:
        succeeded = call.source is Source.LIVE
        if isinstance(state, Open):
            if hit.at < state.earliest + self._promised.recovery_timeout - self._unsure:
                return None
            state = HalfOpen(0)
        opened = Open(max(hit.at, self._not_open_by), call.at, again=isinstance(state, HalfOpen))
        if isinstance(state, HalfOpen):
            if not succeeded:
                return opened
            enough = state.successes + 1 >= self._promised.success_threshold
            return Closed(0) if enough else HalfOpen(state.successes + 1)
        if succeeded:
            return Closed(0)
        return opened if state.failures + 1 >= self._promised.failure_threshold else Closed(state.failures + 1)

    def _turned_away(self, state: State, call: Call) -> State | None:
        if not isinstance(state, Open):
            return None
        overdue = call.began > state.latest + self._promised.recovery_timeout + self._unsure
        return None if overdue and not state.again else state

    def _reading(self, reading: Statistics) -> str:
        word = str(reading.values.get("upstream_breaker", ""))
        if word not in _WORDS:
            return ""
        before = self._states
        self._states = frozenset(state for state in before if self._may_say(state, _WORDS[word], reading.at))
        if self._states:
            return ""
        return f"the server said {word} {self._when(reading.at)}, when its circuit was {_in_words(before)}"

    def _may_say(self, state: State, said: type[State], at: float) -> bool:
        due = isinstance(state, Open) and at >= state.earliest + self._promised.recovery_timeout - self._unsure
        return isinstance(state, said) or (said is HalfOpen and due)

    def _why(self, before: frozenset[State], call: Call, hits: Sequence[Hit]) -> str:
        opened = [state for state in before if isinstance(state, Open)]
        wait = self._promised.recovery_timeout
        if hits and opened:
            since = hits[0].at - min(state.earliest for state in opened)
            return (
                f"reached the upstream {format_duration(since)} after the circuit opened at the earliest, "
                f"{format_duration(wait - since)} before a trial was due"
            )
        if opened:
            late = call.began - max(state.latest for state in opened) - wait
            return f"was not passed on, {format_duration(late)} after a trial was due"
        return f"was not passed on, when the circuit was {_in_words(before)}"

    def _when(self, at: float) -> str:
        return f"{format_duration(at - self._began)} in"


def _by_call(calls: Sequence[Call], hits: Sequence[Hit], *, within: float) -> tuple[dict[int, list[Hit]], list[Hit]]:
    """Each hit to the call it lies in, or the nearest one within so many seconds; and those that no call explains."""
    caused: dict[int, list[Hit]] = {id(call): [] for call in calls}
    strays = []
    for hit in hits:
        nearest = min(calls, key=lambda call: max(call.began - hit.at, hit.at - call.at, 0.0))
        if nearest.began - within <= hit.at <= nearest.at + within:
            caused[id(nearest)].append(hit)
        else:
            strays.append(hit)
    return caused, strays


def _between_calls(reading: Statistics, calls: Sequence[Call]) -> bool:
    """Whether no call was under way while the server was asked, and one before: then the state did not change in it."""
    asked = reading.at - reading.took
    after = any(call.at < asked for call in calls)
    return after and not any(call.began <= reading.at and call.at >= asked for call in calls)


def _not_open_by(call: Call, readings: Iterable[Statistics]) -> float:
    """When the server was asked last, of those times it said, while a call was under way, that its circuit is not open.

    It said so after it was asked, so that the circuit was not open by then; less what its clock and the hits' differ by
    at most.
    """
    asked = (
        reading.at - reading.took
        for reading in readings
        if reading.at <= call.at and str(reading.values.get("upstream_breaker", "")) in ("closed", "half-open")
    )
    return max((at for at in asked if at >= call.began), default=-math.inf) - 2 * HIT_CLOCK


def _in_words(states: frozenset[State]) -> str:
    def word(state: State) -> str:
        if isinstance(state, Closed):
            return f"closed after {counted(state.failures, 'failure')} in a row"
        if isinstance(state, Open):
            return "open"
        return f"half-open after {counted(state.successes, 'successful trial')}"

    return " or ".join(sorted(map(word, states)))
