"""The books of one client whose messages carry numbers, in both directions and over all of its sessions.

Where a session goes on after its connection, what is outstanding is sent again under its number, and the server's
numbers go on; where it does not, the next session begins anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from chaos.crowd.connection import Message
from chaos.crowd.incoming import Broadcasts, Incoming
from chaos.crowd.numbered import LAST, TOKEN, Numbered, Pattern
from chaos.crowd.outgoing import Outgoing
from chaos.crowd.tally import Tally
from chaos.crowd.traffic import TrafficMeter
from chaos.journal import Correspondence, Event

__all__ = ["Ledger", "Notation"]


class Notation:
    """The compiled templates, and what was broadcast: what the clients of one crowd share."""

    def __init__(self, numbered: Numbered) -> None:
        self.numbered = numbered
        self.answer = self._pattern(numbered.answer)
        self.applied = self._pattern(numbered.applied)
        self.message = _compiled(numbered.message)
        self.sequence = _compiled(numbered.sequence)
        self.session = _compiled(numbered.session)
        self.resumed = _compiled(numbered.resumed)
        self.broadcasts = Broadcasts() if numbered.identical else None

    def number(self, text: str) -> int | None:
        """The number of one of the server's own messages; None for what is none of them."""
        if self.sequence is None or (self.message is not None and not self.message.search(text)):
            return None
        found = self.sequence.search(text)
        return None if found is None else int(found[1])

    def _pattern(self, expression: str | None) -> Pattern | None:
        return None if expression is None else Pattern(expression, size=self.numbered.size)


def _compiled(expression: str | None) -> re.Pattern[str] | None:
    return None if expression is None else re.compile(expression)


class Ledger:
    """What one client sent and heard."""

    def __init__(
        self,
        notation: Notation,
        *,
        crowd: str,
        client: int,
        numbers: Iterator[int],
        meter: TrafficMeter,
        record: Callable[[Event], None],
    ) -> None:
        self._notation = notation
        self._crowd = crowd
        self._client = client
        self._tally = Tally(crowd=crowd, client=client, record=record)
        self._outgoing = Outgoing(
            notation.numbered,
            answer=notation.answer,
            applied=notation.applied,
            numbers=numbers,
            meter=meter,
            tally=self._tally,
        )
        self._incoming = Incoming(client=client, tally=self._tally, broadcasts=notation.broadcasts)
        self._token: str | None = None
        self._goes_on = False
        """Whether the connection at hand took the session up again."""

    # -- coming and going ------------------------------------------------------------------------------------

    def path(self, first: str) -> str:
        """Where to connect: to begin a session, or to come back to the one there is."""
        resume = self._notation.numbered.resume
        self._goes_on = False
        if resume is None or self._token is None:
            return first
        return resume.replace(TOKEN, self._token).replace(LAST, str(self._incoming.latest or 0))

    def to_send_again(self) -> list[str]:
        """What to send first on the connection at hand."""
        return self._outgoing.to_send_again() if self._goes_on else []

    def over(self, at: float) -> None:
        """The connection ended."""
        self._outgoing.over(at)
        if not self._notation.numbered.resumable:
            self._forget()

    # -- talking ---------------------------------------------------------------------------------------------

    def next(self, at: float) -> str:
        """The next message to send."""
        return self._outgoing.next(at)

    def hear(self, message: Message) -> bool:
        """Whether a message carries a number that the books are about."""
        if not isinstance(message.data, str):
            return False
        text = message.data
        if self._greeted(text):
            return False  # an attempt waits for it as well
        number = self._notation.number(text)
        if number is None:
            return self._outgoing.hear(text, message.at)
        if self._incoming.hear(number, text):
            self._outgoing.hear_applied(text)
        return True

    def strange(self, message: Message) -> None:
        """Nobody knows what a message is, neither the books nor any exchange."""
        data = message.data
        self._outgoing.strange(data if isinstance(data, str) else f"{len(data)} bytes of binary")

    @property
    def settled(self) -> bool:
        """Whether nothing more has to come."""
        return not (self._outgoing.unanswered(0.0) or self._outgoing.unapplied() or self._missing())

    def correspondence(self, at: float, *, waited: float, connected: bool) -> Correspondence:
        """The books as they are now; `waited` seconds nothing new was sent."""
        counts, first = Counter(self._tally.counts), dict(self._tally.first)
        unanswered = self._outgoing.unanswered(at) if connected else []
        lost = [*self._missing(), *(self._outgoing.unapplied() if connected else ())]
        for what, details in (("unanswered", unanswered), ("lost", lost)):
            counts[what] += len(details)
            for detail in details[:1]:
                first.setdefault(what, self._tally.whose(detail))
        return Correspondence(
            at=at,
            crowd=self._crowd,
            client=self._client,
            sent=counts["sent"],
            answered=counts["answered"],
            heard=counts["heard"],
            lost=counts["lost"],
            unanswered=counts["unanswered"],
            duplicated=counts["duplicated"],
            reordered=counts["reordered"],
            corrupted=counts["corrupted"],
            foreign=counts["foreign"],
            unknown=counts["unknown"],
            settled=counts["settled"],
            resumed=counts["resumed"],
            renewed=counts["renewed"],
            waited=waited,
            first=first,
        )

    # -- within ----------------------------------------------------------------------------------------------

    def _missing(self) -> list[str]:
        return [*self._outgoing.overtaken(), *self._incoming.missing()]

    def _greeted(self, text: str) -> bool:
        """Whether it is the greeting of a session, which is thereby known."""
        session, resumed = self._notation.session, self._notation.resumed
        if resumed is not None and (found := resumed.search(text)):
            self._tally.counts["resumed"] += 1
            self._goes_on = True
            if resumed.groups and self._token is not None and found[1] != self._token:
                detail = f"it resumed session {found[1]}, and its own is {self._token}"
                self._tally.wrong("foreign", self._incoming.latest or 0, detail, text)
            return True
        if session is None or not (found := session.search(text)):
            return False
        if self._token is not None:
            # The server says that the one before is over: nothing more can be known of it.
            self._tally.counts["renewed"] += 1
            self._forget()
        self._token = found[1]
        return True

    def _forget(self) -> None:
        self._outgoing.forget()
        self._incoming.forget()
