"""Any sequence of calls, results, cancellations and time against a breaker, compared with a model of its own.

The model knows the rules and nothing of the breaker's code: it keeps the few facts that the rules speak of and works
everything else out from them. Times are whole seconds, so that floats are exact and every edge is hit to the tick.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from reference_server.breaker import Breaker, BreakerPolicy, Permit

from .fakes import FakeTime

MakeBreaker = Callable[[BreakerPolicy, FakeTime, FakeTime], Breaker]
"""A breaker with this policy; the two clocks are the monotonic one, which is to be used, and the wall's."""


def sound(policy: BreakerPolicy, monotonic: FakeTime, wall: FakeTime) -> Breaker:
    """The breaker as it is."""
    return Breaker(policy, monotonic=monotonic)


@dataclass(slots=True)
class Model:
    """What a breaker has to be after all that has happened to it."""

    policy: BreakerPolicy
    now: float
    phase: str = "closed"
    since: float = 0.0
    era: int = 0
    """Grows with each change of phase: what was permitted in another era is stale."""
    failed_in_a_row: int = 0
    failed_recoveries: int = 0
    trials_out: dict[int, float] = field(default_factory=dict)
    """Number of the permit to the time at which it was given."""
    trials_won: int = 0
    outcomes: list[tuple[float, bool]] = field(default_factory=list)
    """When a call ended while closed, and whether it failed."""
    counts: Counter[str] = field(default_factory=Counter)

    def enter(self, phase: str, at: float) -> None:
        self.phase, self.since, self.era = phase, at, self.era + 1
        self.trials_out, self.trials_won = {}, 0
        if phase == "closed":
            self.failed_in_a_row, self.failed_recoveries, self.outcomes = 0, 0, []

    def pass_time(self, seconds: float) -> None:
        """A trial that has been out for its time by then has failed at that moment."""
        self.now += seconds
        if self.trials_out and min(self.trials_out.values()) + self.policy.probe_timeout <= self.now:
            self.counts["failed"] += 1
            self.failed_recoveries += 1
            self.enter("open", min(self.trials_out.values()) + self.policy.probe_timeout)

    @property
    def wait(self) -> float:
        """Seconds until a trial is due."""
        if self.phase == "forced-open":
            return float("inf")
        if self.phase != "open":
            return 0.0
        longer = self.policy.recovery_timeout * self.policy.backoff**self.failed_recoveries
        return max(0.0, self.since + min(longer, self.policy.max_recovery_timeout) - self.now)

    def ask(self, number: int) -> bool:
        """Whether a call is permitted; `number` is the permit's."""
        if self.phase == "open" and self.wait == 0:
            self.enter("half-open", self.now)
        if self.phase == "half-open" and len(self.trials_out) + self.trials_won < self.policy.half_open_probes:
            self.trials_out[number] = self.now
            self.counts["trials"] += 1
            return True
        if self.phase != "closed":
            self.counts["rejected"] += 1
        return self.phase == "closed"

    def end(self, number: int, era: int, outcome: str) -> None:
        if era != self.era:
            self.counts["stale"] += 1
            return
        self.counts[outcome] += 1
        self.trials_out.pop(number, None)
        if outcome == "succeeded":
            self._succeed()
        elif outcome == "failed":
            self._fail()

    def _succeed(self) -> None:
        if self.phase == "half-open":
            self.trials_won += 1
            if self.trials_won == self.policy.success_threshold:
                self.enter("closed", self.now)
        else:
            self.failed_in_a_row = 0
            self.outcomes.append((self.now, False))

    def _fail(self) -> None:
        if self.phase == "half-open":
            self.failed_recoveries += 1
            self.enter("open", self.now)
            return
        self.failed_in_a_row += 1
        self.outcomes.append((self.now, True))
        recent = [failed for at, failed in self.outcomes if at > self.now - self.policy.window]
        too_often = (
            self.policy.failure_rate > 0
            and len(recent) >= self.policy.minimum_calls
            and sum(recent) / len(recent) >= self.policy.failure_rate
        )
        if too_often or self.failed_in_a_row == self.policy.failure_threshold:
            self.enter("open", self.now)


@st.composite
def policies(draw: st.DrawFn) -> BreakerPolicy:
    """Small numbers, so that few steps go through every state; the rate decides in half of them."""
    probes = draw(st.integers(1, 3))
    by_rate = draw(st.booleans())
    return BreakerPolicy(
        failure_threshold=20 if by_rate else draw(st.integers(1, 4)),
        recovery_timeout=draw(st.integers(2, 5)),
        half_open_probes=probes,
        success_threshold=draw(st.integers(1, probes)),
        probe_timeout=draw(st.integers(1, 4)),
        backoff=draw(st.sampled_from([1.0, 2.0])),
        max_recovery_timeout=draw(st.sampled_from([12.0, float("inf")])),
        failure_rate=0.5 if by_rate else 0.0,
        window=6,
        minimum_calls=3,
    )


OUTCOMES = st.sampled_from(["succeeded", "failed", "failed", "timed out", "cancelled"])


class BreakerMachine(RuleBasedStateMachine):
    """One breaker under test, its model, and a neighbour: another dependency's breaker with the same policy."""

    make: MakeBreaker = staticmethod(sound)

    @initialize(policy=policies())
    def begin(self, policy: BreakerPolicy) -> None:
        self.clock, self.wall = FakeTime(), FakeTime()
        self.breaker = self.make(policy, self.clock, self.wall)
        self.neighbour = self.make(policy, self.clock, self.wall)
        self.model = Model(policy, now=self.clock(), since=self.clock())
        self.permits: list[tuple[int, int, Permit]] = []
        self.given = 0

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.wall.advance(seconds)
        self.model.pass_time(seconds)

    @rule()
    def ask(self) -> None:
        self.given += 1
        expected = self.model.ask(self.given)
        permit = self.breaker.acquire()
        assert (permit is not None) == expected, f"let through: {permit is not None}, while {self.model.phase}"
        if permit is not None:
            self.permits.append((self.given, self.model.era, permit))

    def end(self, which: int, outcome: str) -> None:
        number, era, permit = self.permits.pop(which % len(self.permits))
        self.model.end(number, era, "failed" if outcome == "timed out" else outcome)
        if outcome == "succeeded":
            permit.success()
        elif outcome == "cancelled":
            permit.cancel()
        else:
            permit.failure("timeout" if outcome == "timed out" else "failure")
        permit.cancel()  # as the guard does in the end; an end that has been told already stands

    @precondition(lambda self: self.permits)
    @rule(which=st.integers(0, 9), outcome=OUTCOMES)
    def a_call_ends(self, which: int, outcome: str) -> None:
        self.end(which, outcome)

    @rule(outcome=OUTCOMES, times=st.integers(1, 4))
    def calls_one_after_the_other(self, outcome: str, times: int) -> None:
        for _ in range(times):
            before = len(self.permits)
            self.ask()
            if len(self.permits) > before:
                self.end(before, outcome)

    @rule(seconds=st.integers(1, 7))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: 0 < self.model.wait < float("inf"))
    @rule(before=st.sampled_from([0, 0, 1]))
    def a_trial_is_due(self, before: int) -> None:
        self.pass_time(max(0, self.model.wait - before))

    @rule(seconds=st.sampled_from([-3600, 3600]))
    def the_wall_clock_is_set(self, seconds: int) -> None:
        self.wall.advance(seconds)

    @rule()
    def the_neighbours_dependency_answers(self) -> None:
        permit = self.neighbour.acquire()
        assert permit is not None, "another dependency's breaker opened this one"
        permit.success()

    @rule()
    def forced_open(self) -> None:
        if self.model.phase != "forced-open":
            self.model.enter("forced-open", self.model.now)
        self.breaker.force_open()

    @precondition(lambda self: self.model.phase == "forced-open")
    @rule()
    def released(self) -> None:
        self.model.enter("closed", self.model.now)
        self.breaker.release()

    @invariant()
    def is_what_the_model_is(self) -> None:
        if not hasattr(self, "breaker"):
            return
        told, counts = self.breaker.get_statistics(), self.model.counts
        wait = None if self.model.wait == float("inf") else self.model.wait
        # With words, because pytest explains the asserts of test files only.
        is_so, ought = (told["state"], told["retry_after"]), (self.model.phase, wait)
        assert is_so == ought, f"state and wait are {is_so}, and ought to be {ought}"
        trials, out = told["probes_in_flight"], len(self.model.trials_out)
        assert trials == out <= self.model.policy.half_open_probes, f"{trials} trials are out, and ought to be {out}"
        since, ought_to = told["seconds_in_state"], self.model.now - self.model.since
        assert since == ought_to, f"in this state for {since} s, and ought to be for {ought_to} s"
        failures = told["failures"]
        assert isinstance(failures, dict)
        seen = {
            "succeeded": told["successes"],
            "failed": sum(failures.values()),
            **{name: told[name] for name in ("cancelled", "rejected", "stale")},
            "trials": told["probes"],
        }
        assert seen == {name: counts[name] for name in seen}, f"counted {seen}, and ought to have counted {counts}"
