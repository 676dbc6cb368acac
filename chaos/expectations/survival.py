"""The server lives through it: no scenario ends the process unless it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.verdict import Finding

__all__ = ["ServerSurvived"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSurvived(Expectation):
    """The server's main process still runs, although the scenario did not end it."""

    name: ClassVar[str] = "server_survived"
    alive: bool
    exit_code: int | None
    log: tuple[str, ...]
    """The last lines of its output."""

    def judge(self, record: Record) -> Finding:
        promised = "the server ends only when it is told to"
        if self.alive:
            return self.held("it runs", promised)
        code = self.exit_code or 0
        how = f"killed by signal {-code}" if code < 0 else f"with exit code {code}"
        return self.violated(
            f"the server ended in the middle of the scenario, {how}", promised, figure="ended", evidence=self.log
        )
