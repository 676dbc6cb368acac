"""Starts: with a setting that makes no sense there is no server, and its last words say which one it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record, Uncertainty
from chaos.expectations.record import blame
from chaos.journal import StartTried
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["RefusedAtStart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAtStart(Expectation):
    """Every start that was tried ended within `within` seconds, with an exit code, and named the variable."""

    name: ClassVar[str] = "refused_at_start"
    tried: int
    """How many settings were to be tried."""
    within: float

    def judge(self, record: Record) -> Finding:
        promised = (
            f"with each of {self.tried} bad settings the server ends within {format_duration(self.within)}, "
            "with an exit code other than 0 and a log that names the variable"
        )
        tries = record.journal.of(StartTried)
        if len(tries) < self.tried:
            return self.inconclusive(f"only {len(tries)} of {self.tried} bad settings were tried", promised)
        wrong = [(each, why) for each in tries if (why := _complaint(each))]
        figure = f"{len(tries) - len(wrong)}/{len(tries)}"
        if wrong:
            told, ours = blame(wrong, lambda tried: self._undecided(record, tried[0]))
            evidence = [f"{each.variable}={each.value!r} {why}" for each, why in told]
            observed = f"{len(told)} of {len(tries)} bad settings were not refused; {evidence[0]}"
            if ours is not None and all(each.at - each.began <= self.within for each, _ in told):
                return self.inconclusive(f"{observed}, and nobody looked longer", promised, figure=figure)
            return self.breached(observed, promised, ours, figure=figure, evidence=evidence)
        slowest = max(tries, key=lambda each: each.at - each.began)
        took = slowest.at - slowest.began
        figure = f"{figure} {format_duration(took)}"
        return self.by_limit(
            record,
            took,
            self.within,
            observed=f"{len(tries)} bad settings refused, the slowest after {format_duration(took)}",
            promised=promised,
            figure=figure,
            evidence=(f"{slowest.variable}={slowest.value!r}",),
            uncertainty=_of_others(record, slowest),
        )

    def _undecided(self, record: Record, tried: StartTried) -> Uncertainty | None:
        """What of others may have kept one that still ran from ending in time; None where it had become something else,
        or was given longer than that besides what is promised."""
        ours = _of_others(record, tried)
        is_late = tried.at - tried.began - self.within > ours.seconds
        return None if tried.became != "neither" or is_late else ours


def _of_others(record: Record, tried: StartTried) -> Uncertainty:
    return record.conductor_late(tried.began, tried.at) + record.crowded(tried.began, tried.at)


def _complaint(tried: StartTried) -> str:
    """What was wrong with a refusal, in words; empty where it was one."""
    if tried.became == "healthy":
        return "started a server that serves"
    if tried.became == "neither":
        return "started a server that neither ends nor serves"
    code = tried.exit_code
    if code == 0:
        return "ended it with exit code 0, as if all were well"
    if code is not None and code < 0:
        return f"ended it by signal {-code}"
    if not any(tried.variable in line for line in tried.said):
        return f"ended it without a word of that variable; its last line was {(tried.said or ('',))[-1]!r}"
    return ""
