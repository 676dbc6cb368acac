"""Who gets in, and how soon."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family, Ratio

__all__ = ["Establishment"]


class Establishment(Family):
    """Within capacity, every client gets in."""

    within: Annotated[Duration, Field(description="From connect() to the first message after the 101, at most.")]
    success_ratio: Annotated[Ratio, Field(description="Share of attempts that succeed, within capacity.")] = 1.0
    sequential: Annotated[int, Field(gt=0, description="Connections one after the other.")] = 50
    simultaneous: Annotated[int, Field(gt=0, description="Connections that are all open at once.")] = 10
    ramp: Annotated[
        tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1, description="Steps of open connections.")
    ] = (10, 50, 100)
