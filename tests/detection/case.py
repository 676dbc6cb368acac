"""One defect: which scenario catches it, with which finding, and which scenarios must stay green beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Case"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A defect of the reference server, by its file name in targets/reference/defects."""

    defect: str
    caught_by: str
    """File, test and fault of the scenario that goes red, below tests/scenarios."""
    finding: str
    """The expectation that is violated."""
    sentinels: tuple[str, ...]
    """Scenarios of other promises that it should not touch."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Other cells of its promise that nothing else turns red, each with the expectation that it violates: in the
    processes runtime they are run in every form, for where one of them holds the matrix is hollow."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Other promises that break with it, as they have to, each with the reason: not excused are the sentinels."""
    not_in: Mapping[str, str] = field(default_factory=dict)
    """Runtimes that cannot ask for what it breaks, each with the reason."""

    options: tuple[str, ...] = ()
    """What pytest has to be told besides, for the defect to show: how long a soak lasts."""
    target: str = ""
    """The target file, where the defect shows on another one than the reference's own; then only the cell that catches
    it and its sentinels run: the others need not be there."""
    takes: float = 0.0
    """Seconds that it takes beyond what its form allows."""

    @property
    def promise(self) -> str:
        """The promise it breaks, by the file of the scenario that catches it."""
        return self.caught_by.partition(".py")[0].removeprefix("test_")
