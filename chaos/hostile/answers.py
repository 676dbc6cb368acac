"""What a server may answer to hostile input, and how an answer is put into words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["PATIENCE", "Allowed", "Reaction"]

PATIENCE = 2
"""Limits for which an answer is waited for, and as long again for the end of TCP after it: an answer that is only late
is told from one that never comes."""

_SPELT_OUT = 7
"""Numbers of a list that is not given by its ends: the codes of a flood are so many, and those between are not allowed.
"""


class Reaction(StrEnum):
    """What became of one hostile connection."""

    CLOSED = "closed"
    """A close frame came."""
    HTTP = "http"
    """An HTTP answer other than 101 came."""
    ENDED = "ended"
    """TCP ended, by FIN or RST, without a word."""
    SERVED = "served"
    """It was served: what a client says next is answered."""
    NOTHING = "nothing"
    """Neither an answer nor an end in the time that was waited."""
    LEFT = "left"
    """The client reset the connection itself: there was nobody to answer."""
    DISMISSED = "dismissed"
    """It was turned away in the words of its dialect."""
    INVALID = "invalid"
    """What came is no WebSocket, or none of the dialect."""
    UNAGREED = "unagreed"
    """The server does not speak the extension that the case is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The answers that the RFCs leave to a server."""

    codes: frozenset[int] = frozenset()
    """Close codes; 1005 is a close frame without one."""
    statuses: frozenset[int] = frozenset()
    ended: bool = False
    served: bool = False
    upgraded: bool = False
    """A 101, whatever comes after it: nobody knows what would be said there."""
    left: bool = False
    dismissed: bool = False

    def fits(self, reaction: Reaction, *, code: int | None, status: int | None) -> bool:
        """Whether an answer is one of those."""
        match reaction:
            case Reaction.CLOSED:
                return code in self.codes
            case Reaction.HTTP:
                return status in self.statuses or (self.upgraded and status == 101)
            case Reaction.ENDED:
                return self.ended
            case Reaction.SERVED:
                return self.served
            case Reaction.LEFT:
                return self.left
            case Reaction.DISMISSED:
                return self.dismissed
            case Reaction.NOTHING | Reaction.INVALID | Reaction.UNAGREED:
                return False

    def sentence(self) -> str:
        """`close 1002 or the end of TCP`; a long list of statuses is given by its ends."""
        parts = [f"close {_numbers(self.codes)}"] if self.codes else []
        parts += [f"HTTP {_numbers(self.statuses)}"] if self.statuses else []
        parts += ["the end of TCP"] if self.ended else []
        parts += ["the dialect's goodbye"] if self.dismissed else []
        parts += ["being served"] if self.served else []
        parts += ["a 101"] if self.upgraded else []
        parts += ["nothing, for the client has left"] if self.left else []
        return " or ".join(parts)


def _numbers(numbers: frozenset[int]) -> str:
    ordered = sorted(numbers)
    return f"{ordered[0]} to {ordered[-1]}" if len(ordered) > _SPELT_OUT else "/".join(map(str, ordered))
