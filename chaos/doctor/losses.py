"""What the missing capabilities leave out: whole scenarios, and single cells under the faults that need them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from chaos.capability import Capability
from chaos.doctor.result import CheckResult
from chaos.doctor.scenarios import Scenario, scenarios
from chaos.faults import Fault, known_faults

__all__ = ["Loss", "losses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A capability that is missing in a runtime, why, and what cannot be asked without it."""

    runtime: str
    capability: Capability
    because: str
    remedy: str
    scenarios: tuple[str, ...]
    """Left out altogether."""
    cells: tuple[str, ...]
    """Left out under one fault: "vanished (cleanup, dead peers are released)"."""


def losses(
    results: Iterable[CheckResult],
    *,
    asked: Collection[Scenario] | None = None,
    faults: Collection[type[Fault]] | None = None,
) -> list[Loss]:
    """Every capability that a check found missing, once for each runtime."""
    asked = scenarios() if asked is None else asked
    faults = list(known_faults().values()) if faults is None else faults
    found: dict[tuple[str, Capability], Loss] = {}
    for result in results:
        for capability in result.without:
            loss = Loss(
                runtime=result.runtime,
                capability=capability,
                because=f"{result.name}: {result.found}",
                remedy=result.remedy,
                scenarios=tuple(scenario.title for scenario in asked if capability in scenario.needs),
                cells=tuple(_cells(capability, asked, faults)),
            )
            found.setdefault((result.runtime, capability), loss)
    return list(found.values())


def _cells(capability: Capability, asked: Collection[Scenario], faults: Collection[type[Fault]]) -> Iterable[str]:
    """The faults that need it, each with the scenarios that would be asked under it and are there otherwise."""
    for fault in faults:
        if capability not in fault.needs:
            continue
        under = [
            scenario.title
            for scenario in asked
            if fault.__name__ in scenario.faults and capability not in scenario.needs
        ]
        yield fault.name + (f" ({'; '.join(under)})" if under else "")
