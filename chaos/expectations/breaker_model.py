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

What it cannot judge: calls that overlap (whose hit is whose?), how long a re-opened circuit waits beyond the declared
recovery timeout where no back-off is declared, and whether a failure rate was reached: at any failure it may have been.

What a busy machine can explain is little, for a time that is stamped late is never stamped early. A trial seems to come
too early where its circuit seems to have opened too late: the failing request was stamped late at the upstream, or what
was due to the server lay undone when it said that it is not open. Never by more than since that call began, and never
by what kept the server waiting afterwards. A trial is late by what kept the server from opening, and from trying once
that was due. A request that no call explains is that of one which was given up before it was stamped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from chaos.expectations.record import Uncertainty
from chaos.journal import Call, Hit, Source
from chaos.units import counted, format_duration

__all__ = [
    "Closed",
    "HalfOpen",
    "Limits",
    "Open",
    "Ours",
    "State",
    "Word",
    "by_call",
    "excused",
    "follow",
    "stamped_after_its_end",
]

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
    backoff: float | None = None
    """The factor on the recovery timeout after each failed trial; None where nobody has declared one."""
    longest_timeout: float = math.inf
    """What the recovery timeout grows to at most, seconds."""
    by_rate: bool = False
    """Whether a share of failures opens it as well as failures in a row."""
    retries: bool = False
    """Whether one call may reach the upstream more than once, and ends as the last of them."""

    def wait(self, trials: int | None) -> float:
        """How long it stays open at least after so many failed trials, seconds; None where nobody knows how many."""
        if trials is None or self.backoff is None:
            return self.recovery_timeout
        # A power of floats overflows; 64 doublings exceed any limit.
        return min(self.recovery_timeout * self.backoff ** min(trials, 64), self.longest_timeout)

    def is_exact(self, trials: int | None) -> bool:
        """Whether it is known to stay open no longer than that."""
        return trials == 0 or (trials is not None and self.backoff is not None)

    def may_be_given_up(self, call: Call) -> bool:
        """Whether a call may have been given up before it reached the upstream.

        Half of the promised time tells it from one that was turned away: the reference gives up after 0.25 of 0.45 s
        and turns away in 2 ms.
        """
        return call.at - call.began >= self.call_timeout / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What the server said of its breaker."""

    at: float
    """When that had come, seconds monotonic."""
    took: float
    """Seconds since it was asked."""
    state: str
    """"closed", "open" or "half-open"; any other word says nothing."""


class Ours(Protocol):
    """What of a time between two moments, seconds monotonic, may be owed to others than the server."""

    def stamped_late(self, sent: float, stamped: float) -> Uncertainty:
        """By how much a request that was sent between the two may have reached the upstream before it was stamped."""
        ...

    def undone(self, due: float, seen: float) -> Uncertainty:
        """For how long what was due to the server at the first may have lain undone until the second."""
        ...


class _Nothing:
    """Times are what they are."""

    def stamped_late(self, sent: float, stamped: float) -> Uncertainty:
        return Uncertainty()

    def undone(self, due: float, seen: float) -> Uncertainty:
        return Uncertainty()


_NOTHING = _Nothing()


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
    trials: int | None
    """That have failed since it was closed last; None where nobody has seen that."""
    sooner: Uncertainty
    """By how much it may have opened before that earliest time, for reasons that are not its own."""


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """Trials pass."""

    successes: int
    """Of trials, so far."""
    trials: int | None
    """As in `Open`."""


State = Closed | Open | HalfOpen

_WORDS = {"closed": Closed, "open": Open, "half-open": HalfOpen}


def follow(
    promised: Limits,
    *,
    calls: Iterable[Call],
    hits: Iterable[Hit],
    readings: Iterable[Word] = (),
    ours: Ours = _NOTHING,
) -> str:
    """The first observation that no breaker with these promises could have caused, in a sentence; or nothing.

    Calls are one after the other. Before the first of them the breaker may be in any state.
    """
    return _followed(promised, calls, hits, readings, ours)[0]


def excused(
    promised: Limits,
    *,
    calls: Iterable[Call],
    hits: Iterable[Hit],
    readings: Iterable[Word] = (),
    ours: Ours,
) -> Uncertainty | None:
    """What may be ours of observations that were legal but for that; None where some are illegal all the same.

    Of several the largest.
    """
    illegal, taken = _followed(promised, calls, hits, readings, ours)
    return None if illegal else max(taken, key=attrgetter("seconds"), default=Uncertainty())


def _followed(
    promised: Limits, calls: Iterable[Call], hits: Iterable[Hit], readings: Iterable[Word], ours: Ours
) -> tuple[str, Sequence[Uncertainty]]:
    calls = sorted(calls, key=attrgetter("began"))
    if not calls:
        return "", ()
    model = _Model(promised, began=calls[0].began, ours=ours)
    return model.first_illegal(calls, sorted(hits, key=attrgetter("at")), list(readings)), model.taken


class _Model:
    def __init__(self, promised: Limits, *, began: float, ours: Ours) -> None:
        self._promised = promised
        self._began = began
        self._ours = ours
        self.taken: list[Uncertainty] = []
        """What was not the server's, of each time that was legal for nothing else."""
        self._not_open = (-math.inf, -math.inf)
        """Until when the server said that it is not open, while the call was under way that is looked at: the last time
        but one, and the last."""
        self._states: frozenset[State] = frozenset(
            {
                *map(Closed, range(promised.failure_threshold)),
                *(HalfOpen(successes, trials=None) for successes in range(promised.success_threshold)),
                Open(-math.inf, math.inf, trials=None, sooner=Uncertainty()),
            }
        )

    def first_illegal(self, calls: Sequence[Call], hits: Sequence[Hit], readings: Sequence[Word]) -> str:
        caused, strays = by_call(calls, hits)
        seen: list[tuple[float, Call | Hit | Word]] = [
            *((call.began, call) for call in calls),
            *((hit.at, hit) for hit in strays),
            *((reading.at, reading) for reading in readings if _between_calls(reading, calls)),
        ]
        unstamped: Call | None = None
        for _, observation in sorted(seen, key=lambda pair: pair[0]):
            if isinstance(observation, Call):
                self._not_open = _not_open(observation, readings)
                reached = caused[id(observation)]
                said = self._call(observation, reached, unstamped=unstamped)
                unstamped = observation if not reached and self._promised.may_be_given_up(observation) else None
            elif isinstance(observation, Word):
                said = self._reading(observation)
            else:
                said = f"a request reached the upstream {self._when(observation.at)} that no call explains"
                if (late := self._of_one_given_up(unstamped, observation)) is not None:
                    self.taken.append(late)
                    unstamped, said = None, ""
            if said:
                return said
        return ""

    def _of_one_given_up(self, call: Call | None, hit: Hit) -> Uncertainty | None:
        return None if call is None else stamped_after_its_end(self._ours, call, hit)

    def _call(self, call: Call, hits: Sequence[Hit], *, unstamped: Call | None) -> str:
        said, after = self._treated(call, hits)
        if hits and not after and (late := self._of_one_given_up(unstamped, hits[0])) is not None:
            _, after = self._treated(call, hits[1:])
            self.taken += [late] if after else []
        if not after:
            return said
        self._states = after
        return ""

    def _treated(self, call: Call, hits: Sequence[Hit]) -> tuple[str, frozenset[State]]:
        """What the breaker may be in after a call with these hits; nothing, and why, where there is no such state."""
        which, before = f"the call {self._when(call.began)}", self._states
        if len(hits) > 1 and not self._promised.retries:
            return f"{which} reached the upstream {len(hits)} times", frozenset()
        if not hits and call.source not in (Source.LIVE, Source.CACHED, Source.UNAVAILABLE):
            # It may never have reached the server, or have been counted as a failure there before it was given up.
            return "", before | {after for state in before for after in self._failed(state, call, None)}
        if not hits and call.source is Source.LIVE:
            return f"{which} got a live answer and never reached the upstream", frozenset()
        if hits and call.source is Source.LIVE and not 200 <= hits[-1].status < 300:
            return f"{which} got a live answer of an upstream that failed", frozenset()
        after = frozenset(after for state in before for after in self._after(state, call, hits))
        return ("" if after else f"{which} {self._why(before, call, hits)}"), after

    def _after(self, state: State, call: Call, hits: Sequence[Hit]) -> list[State]:
        """What the breaker may be in after a call; nothing where that state could not have treated it so."""
        if hits:
            return self._passed(state, call, hits[-1])
        turned_away = self._turned_away(state, call)
        # One that is given up before it reaches the upstream has failed as well.
        failed = self._failed(state, call, None) if self._promised.may_be_given_up(call) else []
        return failed if turned_away is None else [turned_away, *failed]

    def _passed(self, state: State, call: Call, hit: Hit) -> list[State]:
        if call.source is not Source.LIVE:
            return self._failed(state, call, hit)
        if isinstance(state, Open):
            if not self._due(state, hit.at):
                return []
            state = HalfOpen(0, trials=state.trials)
        if isinstance(state, HalfOpen) and state.successes + 1 < self._promised.success_threshold:
            return [HalfOpen(state.successes + 1, trials=state.trials)]
        return [Closed(0)]

    def _failed(self, state: State, call: Call, hit: Hit | None) -> list[State]:
        if isinstance(state, Open) and not self._due(state, call.at if hit is None else hit.at):
            return []
        if not isinstance(state, Closed):
            return [self._opened(call, hit, trials=None if state.trials is None else state.trials + 1)]
        opened = self._opened(call, hit, trials=0)
        if state.failures + 1 >= self._promised.failure_threshold:
            return [opened]
        return [Closed(state.failures + 1), *([opened] if self._promised.by_rate else [])]

    def _opened(self, call: Call, hit: Hit | None, *, trials: int | None) -> Open:
        """Open, by a call that has failed: since its request came, and since the server said last that it is not."""
        came = call.began if hit is None else hit.at
        before, by = self._not_open
        if by > came:
            # A server that had not got to it yet may count from when it was due, and not from when it did it. What had
            # been due when it answered the time before, it had got to.
            earliest, sooner = by, self._ours.undone(max(before, call.began), by)
        else:
            earliest, sooner = came, self._ours.stamped_late(call.began, came)
        # It opened after the call began, in any case.
        return Open(earliest, call.at, trials=trials, sooner=sooner.at_most(earliest - max(before, call.began)))

    def _due(self, state: Open, at: float) -> bool:
        """Whether a trial may be due by a time."""
        early = self._due_at(state) - at
        if early <= 0:
            return True
        if early > state.sooner.seconds:
            return False
        self.taken.append(state.sooner)
        return True

    def _turned_away(self, state: State, call: Call) -> State | None:
        if not isinstance(state, Open):
            return None
        due = state.latest + self._promised.wait(state.trials)
        if call.began <= due or not self._promised.is_exact(state.trials):
            return state
        # It opened late, or the trial lay undone until that was seen: nothing between the two moves when it is due.
        # Where nobody looked often enough to tell them apart, it cannot be more than all of it.
        apart = self._ours.undone(state.latest, state.latest) + self._ours.undone(due, call.at)
        kept = min(apart, self._ours.undone(state.latest, call.at), key=attrgetter("seconds"))
        if call.began - due > kept.seconds:
            return None
        self.taken.append(kept)
        return state

    def _reading(self, reading: Word) -> str:
        if reading.state not in _WORDS:
            return ""
        before = self._states
        self._states = frozenset(state for state in before if self._may_say(state, _WORDS[reading.state], reading.at))
        if self._states:
            return ""
        return f"the server said {reading.state} {self._when(reading.at)}, when its circuit was {_in_words(before)}"

    def _may_say(self, state: State, said: type[State], at: float) -> bool:
        return isinstance(state, said) or (said is HalfOpen and isinstance(state, Open) and self._due(state, at))

    def _why(self, before: frozenset[State], call: Call, hits: Sequence[Hit]) -> str:
        opened = [state for state in before if isinstance(state, Open)]
        if hits and opened:
            first = min(opened, key=self._due_at)
            return (
                f"reached the upstream {format_duration(hits[0].at - first.earliest)} after the circuit opened at the "
                f"earliest, {format_duration(self._due_at(first) - hits[0].at)} before a trial was due"
                f"{self._backed_off(first)}"
            )
        if opened:
            last = max(opened, key=lambda state: state.latest + self._promised.wait(state.trials))
            late = call.began - last.latest - self._promised.wait(last.trials)
            return f"was not passed on, {format_duration(late)} after a trial was due{self._backed_off(last)}"
        return f"was not passed on, when the circuit was {_in_words(before)}"

    def _due_at(self, state: Open) -> float:
        """When a trial is due at the earliest."""
        return state.earliest + self._promised.wait(state.trials)

    def _backed_off(self, state: Open) -> str:
        """Why it is due then: " again, after 2 failed trials"."""
        if self._promised.backoff is None or not state.trials:
            return ""
        return f" again, after {counted(state.trials, 'failed trial')}"

    def _when(self, at: float) -> str:
        return f"{format_duration(at - self._began)} in"


def stamped_after_its_end(ours: Ours, call: Call, hit: Hit) -> Uncertainty | None:
    """What may have kept a request of a call from being stamped until after its end; None where nothing did."""
    if hit.at <= call.at:
        return None
    late = ours.stamped_late(call.at, hit.at)
    return late if late.seconds >= hit.at - call.at else None


def by_call(calls: Sequence[Call], hits: Sequence[Hit]) -> tuple[dict[int, list[Hit]], list[Hit]]:
    """Each hit to the call it lies in, or the nearest one within `HIT_CLOCK`; and those that no call explains."""
    caused: dict[int, list[Hit]] = {id(call): [] for call in calls}
    strays = []
    for hit in hits:
        nearest = min(calls, key=lambda call: max(call.began - hit.at, hit.at - call.at, 0.0))
        if nearest.began - HIT_CLOCK <= hit.at <= nearest.at + HIT_CLOCK:
            caused[id(nearest)].append(hit)
        else:
            strays.append(hit)
    return caused, strays


def _between_calls(reading: Word, calls: Sequence[Call]) -> bool:
    """Whether no call was under way while the server was asked, and one before: then the state did not change in it."""
    asked = reading.at - reading.took
    after = any(call.at < asked for call in calls)
    return after and not any(call.began <= reading.at and call.at >= asked for call in calls)


def _not_open(call: Call, readings: Iterable[Word]) -> tuple[float, float]:
    """When the server was asked last, of those times it said, while a call was under way, that its circuit is not open;
    and the time before, or when the call began.

    It said so after it was asked, so that the circuit was not open by then; less what its clock and the hits' differ by
    at most.
    """
    asked = (
        reading.at - reading.took
        for reading in readings
        if reading.at <= call.at and reading.state in ("closed", "half-open")
    )
    *before, last = sorted([call.began, *(at for at in asked if at >= call.began)])
    return (before[-1] - 2 * HIT_CLOCK, last - 2 * HIT_CLOCK) if before else (-math.inf, -math.inf)


def _in_words(states: frozenset[State]) -> str:
    def word(state: State) -> str:
        if isinstance(state, Closed):
            return f"closed after {counted(state.failures, 'failure')} in a row"
        if isinstance(state, Open):
            return "open"
        return f"half-open after {counted(state.successes, 'successful trial')}"

    return " or ".join(sorted(map(word, states)))
