"""The places that a server has, where it promises a limit: who fits in, and what is said where somebody does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chaos.experiment.outcome import NotJudged
from chaos.units import counted

__all__ = ["Places"]


class Places:
    """The places of one server, and the crowds that take them. It objects to nothing where no limit is promised."""

    def __init__(self, limit: int | None, *, own: int, open_clients: Callable[[str], Awaitable[int]]) -> None:
        self.own = own
        """Connections that the experiment itself needs: the canary's, that on which the server's statistics are read
        along, and one on which a fault sees itself heal."""
        self._limit = limit
        self._open_clients = open_clients
        self._admitted: set[str] = set()

    def fitting(self, wanted: int) -> int:
        """As many of the wanted clients as there are places for. Raises NotJudged where there is none."""
        return wanted if self._limit is None else self.some(min(wanted, self._limit - self.own))

    def some(self, count: int) -> int:
        """A number of clients that was worked out of the limit. Raises NotJudged for less than one."""
        if count < 1:
            raise NotJudged(f"{self._promised()} leaves no place for a client that this scenario needs")
        return count

    def require(self, wanted: int, *, taken: int = 0) -> None:
        """Raises NotJudged where so many clients do not fit in beside those that have taken their places."""
        if self._limit is not None and wanted + taken + self.own > self._limit:
            beside = f"beside {counted(taken, 'other')} and {self.own} of our own" if taken else ""
            raise NotJudged(
                f"{self._promised()} leaves no place for {counted(wanted, 'client')} "
                f"{beside or f'beside {self.own} of our own'}"
            )

    async def admit(self, crowd: str, wanted: int) -> None:
        """Give a crowd so many places beside those whose clients are open. Raises NotJudged where there are none."""
        if self._limit is not None:
            taken = [await self._open_clients(other) for other in sorted(self._admitted - {crowd})]
            self.require(wanted, taken=sum(taken))
            self._admitted.add(crowd)

    def _promised(self) -> str:
        return f"promises.rejection.max_connections = {self._limit}"
