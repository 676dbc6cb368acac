"""What was wrong with the numbered messages of one client: each way counted, with its first example in words."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from chaos.journal import QUOTED, Anomaly, Event

__all__ = ["Tally", "quoted"]

_QUOTED = 80
"""Characters of a message in a sentence."""


class Tally:
    """Counts by name; the first of each way in which something is wrong is written down in full as well."""

    def __init__(self, *, crowd: str, client: int, record: Callable[[Event], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self._crowd = crowd
        self._client = client
        self._record = record
        self._told: set[str] = set()

    def add(self, what: str, detail: str, *, times: int = 1) -> None:
        """Count what is known in the end; `detail` is an example of it."""
        if times:
            self.counts[what] += times
            self.first.setdefault(what, self.whose(detail))

    def wrong(self, what: str, number: int, detail: str, text: str) -> None:
        """Count what is wrong with a message that came, and write the first such one down."""
        self.add(what, detail)
        self.notice(what, number, detail, text)

    def notice(self, what: str, number: int, detail: str, text: str) -> None:
        """Write down the first of a kind, whatever becomes of it."""
        if what in self._told:
            return
        self._told.add(what)
        self._record(
            Anomaly(
                at=time.monotonic(),
                crowd=self._crowd,
                client=self._client,
                what=what,
                number=number,
                detail=detail,
                text=text[:QUOTED],
            )
        )

    def whose(self, detail: str) -> str:
        """An example with the client's number before it."""
        return f"client {self._client}: {detail}"


def quoted(text: str) -> str:
    """The beginning of a message, for a sentence."""
    return repr(text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…")
