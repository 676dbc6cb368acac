"""The server's own numbered messages as one client hears them: none is left out, each comes once, and in order.

The first number of a session may be any.
"""

from __future__ import annotations

from chaos.crowd.tally import Tally, quoted

__all__ = ["Broadcasts", "Incoming"]

_REMEMBERED = 4096
"""Numbers whose text is remembered, and missing ones that are looked out for: minutes of them."""


class Broadcasts:
    """What the clients of one crowd have heard under each number, to compare."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[int, int]] = {}

    def other(self, number: int, text: str, client: int) -> int | None:
        """The client that heard another text under this number first; None where it was the same, or nobody did."""
        heard = hash(text)
        first, whose = self._first.setdefault(number, (heard, client))
        if len(self._first) > _REMEMBERED:
            del self._first[next(iter(self._first))]
        return None if first == heard else whose


class Incoming:
    """The numbers that one client has heard, over all of its sessions."""

    def __init__(self, *, client: int, tally: Tally, broadcasts: Broadcasts | None) -> None:
        self.latest: int | None = None
        """The highest number of this session."""
        self._client = client
        self._tally = tally
        self._broadcasts = broadcasts
        """What the others have heard; None where it may be something else."""
        self._missing: dict[int, str] = {}

    def hear(self, number: int, text: str) -> bool:
        """Whether a message with this number is heard for the first time."""
        latest = self.latest
        self._tally.counts["heard"] += 1
        if latest is None or number == latest + 1:
            self.latest = number
        elif number > latest:
            self._miss(latest, number, text)
            self.latest = number
        elif number in self._missing:
            del self._missing[number]
            self._tally.wrong("reordered", number, f"number {number} came after number {latest}", text)
        else:
            self._tally.wrong("duplicated", number, f"number {number} came again after number {latest}", text)
            return False
        other = None if self._broadcasts is None else self._broadcasts.other(number, text, self._client)
        if other is not None:
            detail = f"number {number} is not what client {other} heard: {quoted(text)}"
            self._tally.wrong("corrupted", number, detail, text)
        return True

    def missing(self) -> list[str]:
        """What has not come although a later one has, each in words."""
        return list(self._missing.values())

    def forget(self) -> None:
        """The session is over: what is missing is lost, and the next one begins anew."""
        for detail in self._missing.values():
            self._tally.add("lost", detail)
        self._missing.clear()
        self.latest = None

    def _miss(self, latest: int, number: int, text: str) -> None:
        for missing in range(latest + 1, min(number, latest + 1 + _REMEMBERED)):
            detail = f"number {missing} never came: after {latest} came {number}"
            self._missing[missing] = detail
            self._tally.notice("missing", missing, detail, text)
