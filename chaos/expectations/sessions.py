"""Sessions that outlive their connections, and are to be forgotten all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.readings import first_that_stays, may_be_ours, still_wrong, told, unread
from chaos.expectations.undecided import not_long_enough
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["SessionsForgotten"]

SESSIONS = "sessions"
"""What the count of kept sessions is called in the statistics table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsForgotten(Expectation):
    """Of `gone` clients that stay away, the only ones there are, no session is kept any more `limit` seconds after
    their connections' end."""

    name: ClassVar[str] = "sessions_forgotten"
    needs_fault: ClassVar[bool] = True
    crowd: str
    gone: int
    limit: float

    def judge(self, record: Record) -> Finding:
        promised = f"sessions are forgotten within {format_duration(self.limit)} of their connections' end"
        ends = record.endings(self.crowd)
        if len(ends) < self.gone:
            return self.inconclusive(f"{len(ends)} of {self.gone} connections ended", promised)
        last_end, first_end = max(end.at for end in ends), min(end.at for end in ends)
        during, after = told(record, SESSIONS, end=first_end), told(record, SESSIONS, last_end)
        if not during or not after:
            return self.inconclusive(unread(record, SESSIONS), promised)
        most = max(float(reading.values[SESSIONS]) for reading in during)
        if most < self.gone:
            return self.inconclusive(
                f"the server told of {most:g} sessions while {self.gone} clients were there", promised
            )
        right = first_that_stays(after, lambda reading: float(reading.values[SESSIONS]) == 0)
        uncertain = may_be_ours(record, last_end, (right or after[-1]).at)
        if right is None:
            left, watched = float(after[-1].values[SESSIONS]), after[-1].at - after[-1].took - last_end
            observed = f"{left:g} sessions still kept {format_duration(watched)} after the last of {self.gone} clients"
            undecided = not_long_enough(
                self, observed, promised, watched=watched, limit=self.limit, uncertainty=uncertain
            )
            return undecided or self.violated(observed, promised, figure=f"{left:g} kept")
        shown = format_duration(right.at - last_end)
        return self.by_limit(
            record,
            still_wrong(after, last_end, right),
            self.limit,
            observed=f"all {self.gone} forgotten, shown {shown} after",
            promised=promised,
            uncertainty=uncertain,
            figure=shown,
        )
