"""How long dead peers were held, for each way to die: figures and times of one run, or of several of one target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import ConfigurationError, JournalError
from chaos.expectations import Record, Uncertainty, quantile
from chaos.expectations.detection import Detection, NotMeasured, Watch, detections
from chaos.journal import ReleaseAwaited, read_journal
from chaos.report.cells import read_cell
from chaos.report.runs import Run
from chaos.units import format_duration

__all__ = ["Curve", "Figures", "LeftOut", "Measured", "read_detections"]

NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A distribution in a few figures, seconds. None stands for what was not within the watch."""

    minimum: float | None
    median: float | None
    p95: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One way to die in one scenario, held to one limit."""

    fault: str
    scenario: str
    limit: float
    why: str
    detections: tuple[Detection, ...]
    """All deaths of all cells, the first found first."""
    moments: int
    """In how many moments they died: those who died together were due together, and say no more than one of them."""
    watched: float
    """Seconds of the shortest watch: what was not found is not known to have been held longer."""
    uncertainty: Uncertainty
    """The largest of its cells'."""
    cells: tuple[str, ...]
    """Where it was measured: run and cell."""

    @property
    def figures(self) -> Figures:
        """Nearest-rank quantiles of the longest that each may have been held."""
        times = [NEVER if each.at_most is None else each.at_most for each in self.detections]

        def of(share: float) -> float | None:
            found = quantile(times, share)
            return None if found == NEVER else found

        return Figures(minimum=of(0.0), median=of(0.5), p95=of(0.95), maximum=of(1.0))

    @property
    def within(self) -> int:
        """How many were found within the limit for certain."""
        return sum(each.within(self.limit) for each in self.detections)

    @property
    def beyond(self) -> int:
        """How many were held beyond the limit for certain."""
        return sum(each.beyond(self.limit) for each in self.detections)

    @property
    def unsure(self) -> int:
        """How many may have been either: the reading is not fine enough, or the watch not long enough."""
        return len(self.detections) - self.within - self.beyond

    @property
    def not_found(self) -> int:
        """How many were never found while somebody looked."""
        return sum(each.at_most is None for each in self.detections)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A cell in which peers died and no times could be had."""

    cell: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that was measured in some runs of one target."""

    target: str
    runs: tuple[str, ...]
    curves: tuple[Curve, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """What one cell adds."""

    name: str
    scenario: str
    awaited: ReleaseAwaited
    watch: Watch


def read_detections(runs: Sequence[Run]) -> Measured:
    """The detection times of one or more runs, one curve for each way to die; only cells that measured are decoded.

    Raises ConfigurationError where the runs are of several targets, or one way to die was held to several limits:
    what was promised differently makes no one distribution.
    """
    _same_target(runs)
    measured: list[_Cell] = []
    left_out: list[LeftOut] = []
    for run in {run.id: run for run in runs}.values():
        before = len(measured) + len(left_out)
        for directory in run.cells():
            try:
                measured += _cells(run, directory)
            except (JournalError, NotMeasured) as error:
                left_out.append(LeftOut(_name(run, directory), str(error)))
        if len(runs) > 1 and len(measured) + len(left_out) == before:
            left_out.append(LeftOut(run.id, "no dead peers were waited for, or an earlier release recorded it"))
    curves: dict[tuple[str, str], list[_Cell]] = {}
    for cell in measured:
        curves.setdefault((cell.scenario, cell.watch.fault), []).append(cell)
    return Measured(
        target=runs[0].header.target,
        runs=tuple(dict.fromkeys(run.id for run in runs)),
        curves=tuple(_curve(cells) for cells in curves.values()),
        left_out=tuple(left_out),
    )


def _same_target(runs: Sequence[Run]) -> None:
    targets = {run.header.target: run.id for run in reversed(runs)}
    if len(targets) > 1:
        said = ", ".join(f"{target} ({run})" for target, run in sorted(targets.items()))
        raise ConfigurationError(f"the runs are of {len(targets)} targets: {said}; give runs of one")


def _cells(run: Run, directory: Path) -> Iterator[_Cell]:
    awaited = read_journal(directory, kinds=(ReleaseAwaited,)).of(ReleaseAwaited)
    if not awaited:
        return
    watch = detections(Record(read_journal(directory)), awaited[0])
    scenario = read_cell(run, directory).scenario
    yield _Cell(name=_name(run, directory), scenario=scenario, awaited=awaited[0], watch=watch)


def _name(run: Run, directory: Path) -> str:
    return f"{run.id}/{directory.name}"


def _curve(cells: Sequence[_Cell]) -> Curve:
    first = cells[0]
    other = next((cell for cell in cells if _terms(cell) != _terms(first)), None)
    if other is not None:
        raise ConfigurationError(
            f"peers that died by {first.watch.fault} were held to {_terms(first)} in {first.name} and to "
            f"{_terms(other)} in {other.name}: runs of different contracts make no one distribution; give runs of one"
        )
    found = (detection for cell in cells for detection in cell.watch.detections)
    return Curve(
        fault=first.watch.fault,
        scenario=first.scenario,
        limit=first.awaited.limit,
        why=first.awaited.why,
        detections=tuple(sorted(found, key=lambda each: NEVER if each.at_most is None else each.at_most)),
        moments=sum(cell.watch.times for cell in cells),
        watched=min(cell.watch.watched for cell in cells),
        uncertainty=max((cell.watch.uncertainty for cell in cells), key=lambda each: each.seconds),
        cells=tuple(cell.name for cell in cells),
    )


def _terms(cell: _Cell) -> str:
    return f"{format_duration(cell.awaited.limit)} ({cell.awaited.why})"
