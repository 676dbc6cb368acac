"""What a server says of itself, and when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import AlertName, Duration, Family, Ratio

__all__ = ["NearlyFull", "Observability"]


class NearlyFull(Family):
    """The alert on how many connections there are."""

    alert: Annotated[AlertName, Field(description="A regular expression for its whole name.")]
    above: Annotated[Ratio, Field(description="Share of promises.rejection.max_connections above which it is raised.")]


class Observability(Family):
    """What is wrong is told while it is, and what is told is so; [statistics] says where."""

    raised_within: Annotated[
        Duration | None, Field(description="From a condition's beginning to its alert being shown, at most.")
    ] = None
    gone_within: Annotated[
        Duration | None, Field(description="From a condition's end to its alert being shown no more, at most.")
    ] = None
    nearly_full: Annotated[NearlyFull | None, Field(description="Raised above a share of the limit.")] = None
    very_full: Annotated[
        NearlyFull | None, Field(description="A more urgent one, raised above a larger share of the limit.")
    ] = None
    full: Annotated[
        AlertName | None, Field(description="Raised while every place is taken and clients are turned away.")
    ] = None
    memory_short: Annotated[
        AlertName | None, Field(description="Raised while less than promises.pressure.memory_reserve is left.")
    ] = None
    disk_full: Annotated[
        AlertName | None, Field(description="Raised while the disk of start.disk takes nothing more.")
    ] = None
    upstream_failing: Annotated[
        AlertName | None, Field(description="Raised while the breaker in front of the upstream is not closed.")
    ] = None
    establishment_failing: Annotated[
        AlertName | None, Field(description="Raised while the breaker around establishment is not closed.")
    ] = None
    counted_within: Annotated[
        Duration | None, Field(description="From an event to its counter in [statistics] having counted it, once.")
    ] = None
