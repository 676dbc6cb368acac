"""A circuit breaker as a pure state machine: no input or output, no tasks, no lock, the clock is passed in.

    closed ──failures──▶ open ──recovery timeout──▶ half-open ──successes──▶ closed
                          ▲                             │
                          └── a failed or hung probe ───┘      (each time the wait grows by `backoff`)

    any state ──force_open()──▶ forced open ──release()──▶ closed

A caller asks for a `Permit`, synchronously, so that nothing can come between the question and the answer. Every permit
ends exactly once: as a success, as a failure, or cancelled, which says nothing about the dependency and gives the place
of a probe back. A permit carries the generation of the state it was given in: what comes back from an earlier one is
stale and changes nothing. Whoever loses a probe's permit cannot block recovery: it expires as a failure.

Single-threaded: use one breaker from one event loop.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from reference_server.breaker_window import FailureWindow
from reference_server.settings import BREAKER_DISABLED


class State(StrEnum):
    """The four states."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    FORCED_OPEN = "forced-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When to open, how long to stay open, what it takes to close. Times in seconds."""

    failure_threshold: int
    recovery_timeout: float
    half_open_probes: int = 1
    success_threshold: int = 1
    probe_timeout: float = 10.0
    backoff: float = 2.0
    max_recovery_timeout: float = float("inf")
    failure_rate: float = 0.0
    window: float = 60.0
    minimum_calls: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.success_threshold <= self.half_open_probes:
            raise ValueError(
                f"success_threshold is {self.success_threshold}; allowed: 1 to half_open_probes "
                f"({self.half_open_probes}); otherwise the breaker can never close"
            )

    @property
    def enabled(self) -> bool:
        """Whether failures open the breaker at all."""
        return self.failure_threshold < BREAKER_DISABLED


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state."""

    before: State
    after: State
    at: float
    """On the breaker's own clock, seconds."""
    lasted: float
    """Seconds spent in the state before."""


@dataclass(eq=False, slots=True)
class Permit:
    """Leave to make one call. End it with exactly one of `success`, `failure`, `cancel`; a second end does nothing."""

    breaker: Breaker
    generation: int
    given_at: float
    probe: bool
    ended: bool = False

    def success(self) -> None:
        """The dependency answered."""
        self.breaker._end(self, succeeded=True)

    def failure(self, kind: str = "failure") -> None:
        """The dependency failed; `kind` is counted apart, for instance "timeout"."""
        self.breaker._end(self, succeeded=False, kind=kind)

    def cancel(self) -> None:
        """The call ended without saying anything about the dependency: cancelled, or the client's own mistake."""
        self.breaker._end(self, succeeded=None)


@dataclass(slots=True)
class Tally:
    """Totals since the breaker was made."""

    successes: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    cancelled: int = 0
    rejected: int = 0
    stale: int = 0
    probes: int = 0
    transitions: Counter[str] = field(default_factory=Counter)


class Breaker:
    """One breaker for one dependency. Shared by everybody who uses that dependency, and by nobody else."""

    KEPT_TRANSITIONS = 50

    def __init__(
        self,
        policy: BreakerPolicy,
        *,
        name: str = "breaker",
        monotonic: Callable[[], float] = time.monotonic,
        on_transition: Callable[[Breaker, Transition], None] | None = None,
    ) -> None:
        self.policy = policy
        self.name = name
        self.tally = Tally()
        self.transitions: deque[Transition] = deque(maxlen=self.KEPT_TRANSITIONS)
        self.consecutive_failures = 0
        self.probe_successes = 0
        self.failed_recoveries = 0
        self.generation = 0
        self._state = State.CLOSED
        self._monotonic = monotonic
        self._entered_at = monotonic()
        self._probes: set[Permit] = set()
        self._window = FailureWindow(seconds=policy.window)
        self._on_transition = on_transition

    @property
    def state(self) -> State:
        """The state now. An open breaker stays open until somebody asks it for a permit."""
        self._expire_probes()
        return self._state

    def acquire(self) -> Permit | None:
        """Leave to call the dependency now, or None: then do not call it. Never waits."""
        self._expire_probes()
        if self._state is State.OPEN and self.open_for() <= 0:
            self._enter(State.HALF_OPEN)
        if not self._has_place():
            self.tally.rejected += 1
            return None
        probe = self._state is State.HALF_OPEN
        permit = Permit(self, self.generation, self._monotonic(), probe)
        if probe:
            self.tally.probes += 1
            self._probes.add(permit)
        return permit

    def open_for(self) -> float:
        """Seconds until an open breaker lets a probe through; infinite while forced open, 0 in the other states."""
        if self._state is State.FORCED_OPEN:
            return float("inf")
        if self._state is not State.OPEN:
            return 0.0
        return max(0.0, self._entered_at + self.recovery_timeout() - self._monotonic())

    def recovery_timeout(self) -> float:
        """Seconds the breaker stays open this time: longer after every failed recovery, up to the limit."""
        # The exponent is bounded because a float power overflows; 64 doublings of anything exceed any limit.
        grown = self.policy.recovery_timeout * self.policy.backoff ** min(self.failed_recoveries, 64)
        return min(grown, self.policy.max_recovery_timeout)

    def force_open(self) -> None:
        """Let nothing through until `release`."""
        if self._state is not State.FORCED_OPEN:
            self._enter(State.FORCED_OPEN)

    def release(self) -> None:
        """Close, with a clean slate."""
        if self._state is not State.CLOSED:
            self._enter(State.CLOSED)

    def get_statistics(self) -> dict[str, object]:
        """State and totals, ready for JSON."""
        state = self.state
        wait = self.open_for()
        return {
            "name": self.name,
            "state": state.value,
            "seconds_in_state": round(self._monotonic() - self._entered_at, 6),
            "retry_after": None if wait == float("inf") else round(wait, 6),
            "consecutive_failures": self.consecutive_failures,
            "failure_rate": round(self._window.rate(self._monotonic()), 6),
            "probes_in_flight": len(self._probes),
            "successes": self.tally.successes,
            "failures": dict(self.tally.failures),
            "cancelled": self.tally.cancelled,
            "rejected": self.tally.rejected,
            "stale": self.tally.stale,
            "probes": self.tally.probes,
            "transitions": dict(self.tally.transitions),
            "last_transitions": [
                {"from": t.before.value, "to": t.after.value, "at": round(t.at, 6), "lasted": round(t.lasted, 6)}
                for t in self.transitions
            ],
        }

    def _has_place(self) -> bool:
        if self._state is State.HALF_OPEN:
            return len(self._probes) + self.probe_successes < self.policy.half_open_probes
        return self._state is State.CLOSED

    def _end(self, permit: Permit, *, succeeded: bool | None, kind: str = "failure") -> None:
        if permit.ended:
            return
        self._expire_probes()
        permit.ended = True
        self._probes.discard(permit)
        if permit.generation != self.generation:
            self.tally.stale += 1
        elif succeeded is None:
            self.tally.cancelled += 1
        elif succeeded:
            self._succeeded()
        else:
            self._failed(kind)

    def _succeeded(self) -> None:
        self.tally.successes += 1
        self.consecutive_failures = 0
        if self._state is State.HALF_OPEN:
            self.probe_successes += 1
            if self.probe_successes >= self.policy.success_threshold:
                self._enter(State.CLOSED)
        else:
            self._window.record(succeeded=True, now=self._monotonic())

    def _failed(self, kind: str) -> None:
        self.tally.failures[kind] += 1
        self.consecutive_failures += 1
        if self._state is State.HALF_OPEN:
            self.failed_recoveries += 1
            self._enter(State.OPEN)
            return
        self._window.record(succeeded=False, now=self._monotonic())
        if self.policy.enabled and self._has_failed_enough():
            self._enter(State.OPEN)

    def _has_failed_enough(self) -> bool:
        if self.consecutive_failures >= self.policy.failure_threshold:
            return True
        now = self._monotonic()
        return (
            self.policy.failure_rate > 0
            and self._window.calls(now) >= self.policy.minimum_calls
            and self._window.rate(now) >= self.policy.failure_rate
        )

    def _expire_probes(self) -> None:
        # Also while nobody calls, a hung probe is a failure at the moment its time ran out, so the waiting time of
        # the next recovery counts from then.
        if not self._probes:
            return
        expired_at = min(probe.given_at for probe in self._probes) + self.policy.probe_timeout
        if self._monotonic() >= expired_at:
            self.tally.failures["probe_expired"] += 1
            self.consecutive_failures += 1
            self.failed_recoveries += 1
            self._enter(State.OPEN, at=expired_at)

    def _enter(self, state: State, *, at: float | None = None) -> None:
        now = self._monotonic() if at is None else at
        transition = Transition(before=self._state, after=state, at=now, lasted=now - self._entered_at)
        self._state = state
        self._entered_at = now
        # A new generation: whatever is still under way was asked for in another situation.
        self.generation += 1
        self._probes.clear()
        self.probe_successes = 0
        if state is State.CLOSED:
            self.consecutive_failures = 0
            self.failed_recoveries = 0
            self._window.clear()
        self.tally.transitions[f"{transition.before.value}->{state.value}"] += 1
        self.transitions.append(transition)
        if self._on_transition is not None:
            self._on_transition(self, transition)
